package link

import (
	"errors"
	"fmt"
	"time"

	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// loopback is the ifindex of lo, in every namespace.
const loopback = 1

// HasNetem tries whether the kernel has netem (CONFIG_NET_SCH_NETEM), on the
// loopback of a namespace in which nothing runs. Whatever keeps it from being
// used means that it is not to be had.
func HasNetem(ns *netns.NS) bool {
	return ns.Do(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		qdisc := netem(loopback, scenarios.Impair{Delay: scenarios.Duration{Duration: time.Millisecond}, Queue: 1})
		return errors.Join(h.QdiscAdd(qdisc), h.QdiscDel(qdisc))
	}) == nil
}

// netemLongest is the longest delay that netem is asked for here: a number of
// 32 bits, in ticks of 64 ns.
const netemLongest = (1<<32 - 1) * 64 * time.Nanosecond

// FitsNetem reports whether netem can impair what the ends of a link send: the
// longest delays are beyond it.
func FitsNetem(impair [2]*scenarios.Impair) bool {
	for _, x := range impair {
		if x != nil && x.Delay.Duration+x.Jitter.Duration > netemLongest {
			return false
		}
	}
	return true
}

// Impair gives the ports of a link's gate their netem: on its way out of a
// port is what the other end has sent, after the taps of its node and before
// those of the receiver. ns is the gate's namespace.
func Impair(ns *netns.NS, l *plan.Link) error {
	return ns.Do(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("link %q: open rtnetlink socket: %w", l.Name, err)
		}
		defer h.Close()
		for end, impair := range l.Gate.Impair {
			if impair == nil {
				continue
			}
			out := l.Gate.Ports[1-end]
			if err := h.QdiscAdd(netem(out.Index, *impair)); err != nil {
				return &Error{Link: l.Name, End: l.Ends[end].Node, Op: "impair with netem", Err: err}
			}
		}
		return nil
	})
}

// netem describes an impairment as netem has it, for what leaves by an
// interface. netem(8).
func netem(index int, x scenarios.Impair) *netlink.Netem {
	percent := func(p scenarios.Percent) float32 { return float32(p) / 1e4 }
	return netlink.NewNetem(netlink.QdiscAttrs{
		LinkIndex: index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT,
	}, netlink.NetemQdiscAttrs{
		Latency: uint32(x.Delay.Microseconds()), Jitter: uint32(x.Jitter.Microseconds()),
		Loss: percent(x.Loss), Duplicate: percent(x.Duplicate), CorruptProb: percent(x.Corrupt),
		ReorderProb: percent(x.Reorder), Limit: uint32(x.Queue), Rate64: uint64(x.Rate) / 8,
	})
}
