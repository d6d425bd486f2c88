package watch

import (
	"net/netip"
	"slices"

	"netlab/probes"
)

// A Filter chooses lines; what is empty chooses all.
type Filter struct {
	Ports  []uint16 // at either end
	Addrs  []netip.Addr
	States []probes.State // before or after
	Kinds  []probes.Kind
}

// Kinds are those that are shown where no other are asked for.
func Kinds() []probes.Kind {
	return []probes.Kind{
		probes.KindState, probes.KindLife, probes.KindReset, probes.KindResent, probes.KindFault, probes.KindDrop, probes.KindSample,
	}
}

// AllKinds are those that can be asked for.
func AllKinds() []probes.Kind { return append(Kinds(), probes.KindTally) }

// Passes reports whether a line is wanted. That records are missing always is.
func (f *Filter) Passes(l *Line) bool {
	if l.Kind == probes.KindLoss {
		return true
	}
	kinds := f.Kinds
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	ends := []netip.AddrPort{l.Flow.Local, l.Flow.Remote}
	return slices.Contains(kinds, l.Kind) &&
		(len(f.States) == 0 || slices.Contains(f.States, l.Old) || slices.Contains(f.States, l.New)) &&
		(len(f.Ports) == 0 || slices.ContainsFunc(ends, func(a netip.AddrPort) bool { return slices.Contains(f.Ports, a.Port()) })) &&
		(len(f.Addrs) == 0 || slices.ContainsFunc(ends, func(a netip.AddrPort) bool { return slices.Contains(f.Addrs, a.Addr()) }))
}
