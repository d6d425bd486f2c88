package bpf

import (
	"fmt"
	"strings"
	"time"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// event says in the words of package probes what a record means by itself.
// What the records of mini-sockets mean, others decide (see lives).
func (k *kernel) event(r *record, node string) probes.Event {
	switch r.kind {
	case kindResetSent:
		e := r.common(node, probes.KindReset)
		e.Reset = &probes.Reset{Dir: probes.Out, Reason: reason(k.resets, r.reason, "SK_RST_REASON_")}
		return e
	case kindResetReceived:
		e := r.common(node, probes.KindReset)
		e.Reset = &probes.Reset{Dir: probes.In}
		return e
	case kindResent:
		e := r.common(node, probes.KindResent)
		e.Resent = &probes.Resent{}
		return e
	case kindResentSYNACK:
		e := r.common(node, probes.KindResent)
		e.Grade = probes.RecordedMini
		e.Resent = &probes.Resent{SYNACK: true}
		return e
	case kindFault:
		e := r.common(node, probes.KindFault)
		e.Fault = &probes.Fault{Errno: errnoName(r.value)}
		return e
	case kindTally:
		e := r.common(node, probes.KindTally)
		e.Tally = &probes.Tally{
			SegsOut: uint64(r.sum.segsOut), SegsIn: uint64(r.sum.segsIn),
			BytesOut: r.sum.bytesOut, BytesIn: r.sum.bytesIn,
			Resent: uint64(r.sum.resent),
			RTT:    probes.Mono(r.sum.rtt) * probes.Mono(time.Microsecond) / 8,
		}
		return e
	case kindDrop:
		e := r.common(node, probes.KindDrop)
		e.Drop = &probes.Drop{
			Reason: reason(k.drops, r.reason, "SKB_DROP_REASON_"),
			Flags:  probes.Flags(r.segment.flags), Seq: r.segment.seq, Ack: r.segment.ack,
		}
		return e
	}
	e := r.common(node, probes.KindState)
	e.New = probes.StateFromLinux(uint32(r.new))
	return e
}

// reason names a number of the kernel's. One that it has no name for keeps the
// number.
func reason(names map[uint32]string, n uint16, prefix string) string {
	if name, ok := names[uint32(n)]; ok {
		return strings.TrimPrefix(name, prefix)
	}
	return fmt.Sprintf("reason %d", n)
}

// errnoName names an error; sk_err may be none that unix knows.
func errnoName(n uint32) string {
	if name := unix.ErrnoName(unix.Errno(n)); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", n)
}
