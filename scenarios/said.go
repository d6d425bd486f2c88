package scenarios

import (
	"fmt"
	"reflect"
	"strings"
)

// An Argument is a key of a step and what was written for it.
type Argument struct{ Key, Value string }

// Arguments lists what a step says beside its verb, in the order of the
// reference. What has its default, and the step's name, is left out.
func (s *Step) Arguments() []Argument {
	v := reflect.ValueOf(s).Elem()
	sh := shapes{}
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() != reflect.Pointer || f.IsNil() {
			continue
		}
		var list []Argument
		for _, key := range sh.of(f.Type().Elem()).fields {
			value := said(f.Elem().FieldByIndex(key.index))
			if value == "" && key.def == "on" {
				value = "off"
			}
			if value != "" && value != key.def && key.key != "as" {
				list = append(list, Argument{key.key, value})
			}
		}
		return list
	}
	return nil
}

// said writes a value as a file might, "" if it is the zero value.
func said(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case Close:
		if x.Delay.Duration > 0 {
			return fmt.Sprintf("%s+%s", x.Style, x.Delay)
		}
		return string(x.Style)
	case Count:
		return x.said()
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Bool:
		if !v.Bool() { // of a pointer: said to be off
			return "off"
		}
		return "on"
	case reflect.Slice:
		list := make([]string, v.Len())
		for i := range list {
			list[i] = said(v.Index(i))
		}
		return strings.Join(list, " ")
	case reflect.Struct:
		return saidFields(v)
	}
	return fmt.Sprint(v.Interface())
}

// said writes a count: 3, >=3, <=3, 3-5.
func (c Count) said() string {
	switch {
	case c.Min == c.Max:
		return fmt.Sprint(c.Min)
	case c.Max < 0:
		return fmt.Sprintf(">=%d", c.Min)
	case c.Min == 0:
		return fmt.Sprintf("<=%d", c.Max)
	}
	return fmt.Sprintf("%d-%d", c.Min, c.Max)
}

// saidFields writes the fields of a struct that say something.
func saidFields(v reflect.Value) string {
	sh := shapes{}.of(v.Type())
	var list []string
	if sh.name >= 0 {
		list = append(list, v.Field(sh.name).String())
	}
	if sh.value >= 0 {
		return strings.Join(append(list, said(v.Field(sh.value))), "=")
	}
	for _, f := range sh.fields {
		value := said(v.FieldByIndex(f.index))
		switch {
		case value == "" || value == f.def:
		case value == "on":
			list = append(list, f.key)
		default:
			list = append(list, f.key+"="+value)
		}
	}
	return strings.Join(list, " ")
}
