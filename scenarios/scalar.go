package scenarios

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"netlab/scenarios/words"
)

// scalar reports whether n is text, and complains if it is not.
func (d *decoder) scalar(n *node, p *path) bool {
	if n.kind == scalar && !n.null {
		return true
	}
	d.wrongKind(n, p, words.KindText)
	return false
}

// text fills a string, or a word of a few.
func (d *decoder) text(v reflect.Value, n *node, p *path, f *field) {
	e, ok := v.Interface().(enum)
	if ok && n.null {
		d.wrongKind(n, p, words.KindText, e.words()...)
		return
	}
	if !d.scalar(n, p) {
		return
	}
	if ok {
		if list := e.words(); !slices.Contains(list, n.text) {
			near := n.text
			if strings.Trim(near, "0123456789.") == "" {
				near = "" // versions resemble each other, and it means nothing
			}
			d.fail(n, p, bad(words.ValueUnknownWord, quote(n.text)).instead(list, near))
			return
		}
		v.SetString(n.text)
		return
	}
	if f == nil {
		f = &field{}
	}
	if flaw := checkText(n.text, f.text); flaw != nil {
		d.fail(n, p, flaw)
	} else if f.required && n.text == "" {
		d.fail(n, p, bad(words.ValueEmptyText))
	}
	if f.refers != "" {
		d.refer(f.refers, n.text, n, p)
	}
	v.SetString(n.text)
}

// refer notes that a name must exist.
func (d *decoder) refer(to, name string, n *node, p *path) {
	d.refs = append(d.refs, ref{to: to, name: name, place: place{n, p}, step: d.step})
}

// number fills an integer.
func (d *decoder) number(v reflect.Value, n *node, p *path, f *field) {
	if !d.scalar(n, p) {
		return
	}
	if n.quoted {
		d.fail(n, p, bad(words.ValueQuoted, quote(n.text)))
		return
	}
	if !isNumber(n.text) {
		d.fail(n, p, bad(words.ValueNotNumber, quote(n.text)))
		return
	}
	if v.CanUint() {
		most, text := unsignedBound(v.Type(), f)
		u, err := strconv.ParseUint(n.text, 10, 64)
		if err != nil || u > most {
			d.fail(n, p, bad(words.ValueOutOfBounds, short(n.text), "0", text))
		}
		v.SetUint(u)
		return
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil || v.OverflowInt(i) {
		lo, hi := boundsOf(v.Type(), f)
		d.fail(n, p, bad(words.ValueOutOfBounds, short(n.text), lo.text, hi.text))
		return
	}
	v.SetInt(i)
	d.bounds(v, n, p, f)
}

// unsignedBound returns the largest that an unsigned number can be, and how
// it is written. Without a bound of its own it may be any of 64 bits.
func unsignedBound(t reflect.Type, f *field) (uint64, string) {
	if f == nil || f.max == "" {
		return math.MaxUint64, "18446744073709551615"
	}
	_, hi := boundsOf(t, f)
	return uint64(hi.amount), hi.text
}

// bounds checks a number, duration or size against its least and largest.
func (d *decoder) bounds(v reflect.Value, n *node, p *path, f *field) {
	i, ok := amount(v)
	if !ok {
		return
	}
	lo, hi := boundsOf(v.Type(), f)
	if i < lo.amount || i > hi.amount {
		d.fail(n, p, bad(words.ValueOutOfBounds, short(n.text), lo.text, hi.text))
	}
}
