// Package link builds what a plan says into network namespaces that exist
// already: bridges, veth pairs, addresses, routes, settings. It talks
// rtnetlink, in batches.
//
// Every veth pair is made by one message that puts both ends straight into
// their namespaces; nothing appears in the caller's, not for a moment. Work on
// links is done by one goroutine: the kernel does it under one lock (RTNL),
// and more hands only quarrel about it.
//
// # Readiness
//
// An interface that is up is not yet one that carries frames: the kernel
// follows the carrier from a work queue of its own. The first ARP request or
// SYN that is sent too early is lost, and with it a whole second. [Build]
// therefore returns when every end has operstate UP, and every IPv6 address is
// the host's own: the kernel completes those from a work queue, too.
//
// Switches are powered on last. Every IPv6 node reports its multicast groups
// when it comes up (RFC 3810, to all routers); a switch that ran already would
// carry the reports of N nodes to N ports each, and a thousand nodes would
// keep the machine busy for seconds.
//
// # IPv6
//
// Addresses are usable at once: duplicate address detection is skipped address
// by address (IFA_F_NODAD). Link-local addresses are not left to the kernel,
// which would detect duplicates of them; Build adds them itself, formed from
// the MAC address (RFC 4291 appendix A), to every end that has an IPv6
// address. Routers cannot do without: they solicit neighbours from no other.
//
// # What is on the wire
//
// Checksum offload is off on the ends that belong to nodes, and segmentation
// offload falls with it: what a capture sees is what a wire would carry, no
// segment larger than the MTU, every checksum valid.
package link

import (
	"context"
	"errors"
	"fmt"

	"netlab/lab/netns"
	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

// Bridge is the name of the bridge device in the namespace of a switch.
const Bridge = "br0"

// An Error says what could not be built. Its text names the subject, and the
// kernel's own explanation where it gave one.
type Error struct {
	Link   string // "" if it is about a node or switch as a whole
	End    string // node or switch; "" if it is about the link as a whole
	Op     string // add address 10.77.0.1/24
	Detail string // the kernel's explanation, or ""
	Err    error  // often a unix.Errno
}

// Error implements error.
func (e *Error) Error() string {
	text := subject(e.Link, e.End) + e.Op
	var errno unix.Errno
	if !errors.As(e.Err, &errno) {
		return text + ": " + e.Err.Error()
	}
	if e.Detail == "" {
		return fmt.Sprintf("%s: %s (%s)", text, unix.ErrnoName(errno), errno.Error())
	}
	return fmt.Sprintf("%s: %s (%s)", text, unix.ErrnoName(errno), e.Detail)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// subject writes whom an error is about, ready to be followed by what was
// done to it.
func subject(link, end string) string {
	switch {
	case link != "" && end != "":
		return fmt.Sprintf("link %q: end %q: ", link, end)
	case link != "":
		return fmt.Sprintf("link %q: ", link)
	case end != "":
		return fmt.Sprintf("%q: ", end)
	}
	return ""
}

// Build builds p into the namespaces that ns gives for the names of nodes and
// switches; ns returns nil for those it does not know. When Build returns nil
// the lab is ready for its first packet. Otherwise the error names the link,
// the end and the operation, and what was built remains: it goes when the
// caller closes the namespaces.
//
// Build needs CAP_NET_ADMIN in the user namespace that owns the namespaces,
// and nothing in the initial one.
func Build(ctx context.Context, p *plan.Plan, ns func(name string) *netns.NS) error {
	return build(ctx, p, ns, func(string) {})
}

// build is Build; it calls done with the name of each phase when it is over.
func build(ctx context.Context, p *plan.Plan, ns func(string) *netns.NS, done func(phase string)) error {
	b, err := newBuilder(p, ns)
	if err != nil {
		return err
	}
	defer b.close()
	for _, phase := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"settings", b.open},
		{"switches", b.switches},
		{"links", b.links},
		{"addresses", b.configure},
		{"ready", b.ready},
		{"power", b.power},
	} {
		if err := phase.run(ctx); err != nil {
			return err
		}
		done(phase.name)
	}
	return nil
}
