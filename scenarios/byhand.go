package scenarios

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// byHandLimit is how long what waits for a person may take.
const byHandLimit = 24 * time.Hour

// byHandRTOMin is the least time before a segment is sent again while a
// person reads: the largest that the kernel heeds (TCP_RTO_MAX).
const byHandRTOMin = 2 * time.Minute

// ByHand returns a copy of the scenario for a lab whose frames a person lets
// on one at a time: every link is a gate, time stands still for TCP as far as
// the kernel allows it, and nothing that is netlab's own runs out of time.
func (s *Scenario) ByHand() (*Scenario, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("copy scenario: %w", err)
	}
	c := &Scenario{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("copy scenario: %w", err)
	}
	c.Observe = ObserveFree
	c.Limits.Run.Duration, c.Limits.Step.Duration = byHandLimit, byHandLimit
	for i := range c.Links {
		l := &c.Links[i]
		l.Gate = true
		for j := range l.Ends {
			if e := &l.Ends[j]; e.RTOMin.Duration == 0 {
				e.RTOMin.Duration = byHandRTOMin
			}
		}
	}
	for i := range c.Steps {
		if x := c.Steps[i].Settle; x != nil {
			x.Within.Duration = byHandLimit
		}
	}
	patient(reflect.ValueOf(&c.Steps).Elem())
	patient(reflect.ValueOf(&c.Servers).Elem())
	return c, nil
}

// patient takes the bounds off all that waits for a peer below a value.
func patient(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			patient(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			patient(v.Index(i))
		}
	case reflect.Struct:
		switch x := v.Addr().Interface().(type) {
		case *Close:
			x.Within.Duration = byHandLimit
		case *Common:
			x.Timeout.Duration = 0
		default:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					patient(v.Field(i))
				}
			}
		}
	}
}
