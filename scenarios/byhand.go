package scenarios

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// ByHandLimit is how long what waits for a person may take.
const ByHandLimit = 24 * time.Hour

// Least times before a segment is sent again while a person reads. The first
// is the largest that the kernel heeds (TCP_RTO_MAX). The second is for
// scenarios that lose segments, where somebody is to send again: nobody looks
// on for two minutes.
const (
	byHandRTOMin = 2 * time.Minute
	lossyRTOMin  = 10 * time.Second
)

// Idle times of servers that say none. Where a person lets frames on they are
// outwaited; a scenario that says otherwise is about that.
const (
	DefaultFTPIdle = 900 * time.Second
	DefaultWebIdle = 60 * time.Second
)

// ByHand returns a copy of the scenario for a lab whose frames a person lets
// on one at a time: every link is a gate, time stands still for TCP as far as
// the kernel allows it, and nothing that is netlab's own runs out of time.
// resend is the least time before a segment is sent again; 0 for what the
// scenario says, else two minutes, or ten seconds where the scenario itself
// loses segments.
func (s *Scenario) ByHand(resend time.Duration) (*Scenario, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("copy scenario: %w", err)
	}
	c := &Scenario{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("copy scenario: %w", err)
	}
	c.Stepped, c.Observe = true, ObserveFree
	c.Limits.Run.Duration, c.Limits.Step.Duration = ByHandLimit, ByHandLimit
	usual := c.resend()
	for i := range c.Links {
		l := &c.Links[i]
		l.Gate = true
		for j := range l.Ends {
			switch e := &l.Ends[j]; {
			case resend > 0:
				e.RTOMin.Duration = resend
			case e.RTOMin.Duration == 0:
				e.RTOMin.Duration = usual
			}
		}
	}
	for i := range c.Steps {
		if x := c.Steps[i].Settle; x != nil {
			x.Within.Duration = ByHandLimit
		}
	}
	patient(reflect.ValueOf(&c.Steps).Elem())
	patient(reflect.ValueOf(&c.Servers).Elem())
	return c, nil
}

// resend returns the usual least time before a segment is sent again.
func (s *Scenario) resend() time.Duration {
	for i := range s.Links {
		for _, x := range s.Links[i].Impairments() {
			if x != nil && (x.Loss > 0 || x.Corrupt > 0) {
				return lossyRTOMin
			}
		}
	}
	for i := range s.Steps {
		x := &s.Steps[i]
		if x.GateDrop != nil || x.GateDiscard != nil || x.GateCorrupt != nil || x.FirewallDrop != nil || x.LinkDown != nil {
			return lossyRTOMin
		}
	}
	return byHandRTOMin
}

// patient takes the bounds off all that waits for a peer below a value. A step
// that is meant to fail keeps its own: it may be what it is to fail by.
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
			x.Within.Duration = ByHandLimit
			return
		case *Common:
			if !x.ExpectError {
				x.Timeout.Duration = 0
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				patient(v.Field(i))
			}
		}
	}
}
