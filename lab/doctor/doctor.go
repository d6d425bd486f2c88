// Package doctor finds out what this machine allows by trying it, and says
// what to do about the rest.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"

	"netlab/lab"
	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// A Check is one thing that labs or probes need, tried.
type Check struct {
	Name   string         `json:"name"`
	OK     bool           `json:"ok"`
	Need   words.Message  `json:"need"`             // what it is needed for
	Reason string         `json:"reason,omitempty"` // what was refused
	Remedy *words.Message `json:"remedy,omitempty"`
	// Replaced says that something else does the same where this is refused:
	// nothing is missing then.
	Replaced bool `json:"replaced,omitempty"`
}

// Examine tries everything. It brings up a lab of two nodes and takes it down
// again; nothing of it stays.
func Examine(ctx context.Context) []Check {
	checks := examineLab(ctx)
	checks = append(checks, examineBPF()...)
	if checks[0].OK {
		checks = append(checks, examineNetem(ctx))
	}
	return checks
}

// examineBPF loads the kernel's programs, and says which kinds of event they
// tell of.
func examineBPF() []Check {
	tracer, err := node.LoadTracer()
	var status probes.ProbeStatus
	if err == nil {
		status = tracer.Status()
		err = tracer.Close()
	}
	checks := []Check{probeCheck(probes.BPF, words.NeedBPF, err)}
	if err != nil {
		return checks
	}
	for _, k := range status.Kinds {
		checks = append(checks, kindCheck(k, nil))
	}
	for _, l := range status.Lacks {
		checks = append(checks, kindCheck(l.Kind, &probes.Unavailable{Source: probes.BPF, Reason: l.Reason, Remedy: l.Remedy}))
	}
	return checks
}

// kindCheck is the check of one kind of event.
func kindCheck(k probes.Kind, err error) Check {
	c := probeCheck(probes.BPF, kinds[k], err)
	c.Name += " " + string(k)
	return c
}

// kinds says what the kinds of kernel events are.
var kinds = map[probes.Kind]words.ID{
	probes.KindLife: words.NeedBPFLife, probes.KindReset: words.NeedBPFReset, probes.KindResent: words.NeedBPFResent,
	probes.KindFault: words.NeedBPFFault, probes.KindDrop: words.NeedBPFDrop, probes.KindTally: words.NeedBPFTally,
}

// examineNetem looks for what impairs links where no gate does.
func examineNetem(ctx context.Context) Check {
	c := Check{Name: "netem", OK: true, Need: words.M(words.NeedNetem)}
	if err := node.TryNetem(ctx); err != nil {
		c.OK, c.Replaced, c.Reason = false, true, err.Error()
	}
	return c
}

// probeCheck turns a probe's refusal into a check.
func probeCheck(source probes.Source, need words.ID, err error) Check {
	c := Check{Name: string(source), OK: err == nil, Need: words.M(need)}
	if u, ok := errors.AsType[*probes.Unavailable](err); ok {
		c.Reason = u.Reason
		if u.Remedy != "" {
			remedy := words.M(words.Verbatim, u.Remedy)
			c.Remedy = &remedy
		}
	} else if err != nil {
		c.Reason = err.Error()
	}
	return c
}

// needs says what the lab's own probes are good for.
var needs = map[probes.Source]words.ID{
	probes.Wire: words.NeedWire, probes.SockDiag: words.NeedSockDiag, probes.SS: words.NeedSS,
}

// examineLab brings up a small lab.
func examineLab(ctx context.Context) []Check {
	check := Check{Name: "lab", Need: words.M(words.NeedLab)}
	small, err := plan.New(smallest())
	if err == nil {
		var l *lab.Lab
		l, err = lab.Up(ctx, small, lab.Options{
			Everywhere: true,
			Emit:       func(probes.Event) {},
			Log:        func(string) (*os.File, error) { return os.OpenFile(os.DevNull, os.O_RDWR, 0) },
		})
		if err == nil {
			check.OK = true
			list := []Check{check}
			for _, s := range l.Probes() {
				var refused error
				if s.Missing() {
					refused = &probes.Unavailable{Source: s.Source, Reason: s.Reason, Remedy: s.Remedy}
				}
				list = append(list, probeCheck(s.Source, needs[s.Source], refused))
			}
			if err := errors.Join(l.Drain(ctx), l.Close()); err != nil {
				list[0].OK, list[0].Reason = false, err.Error()
			}
			return list
		}
	}
	check.Reason = err.Error()
	if refused, ok := errors.AsType[*node.Refused](err); ok {
		if a := Explain(refused); !a.Fix.IsZero() {
			check.Reason += "; " + a.Cause.String()
			check.Remedy = &a.Fix
		}
	}
	return []Check{check}
}

// smallest returns two nodes and a link.
func smallest() *scenarios.Scenario {
	const text = "netlab: 1\nname: doctor\nnodes: {a: {}, b: {}}\nlinks: {wire: [a, b]}\n"
	sc, err := scenarios.Parse("doctor", []byte(text))
	if err != nil {
		panic(fmt.Sprintf("the doctor's own scenario: %v", err)) // a mistake of ours, shown by any test
	}
	return sc
}
