package filter

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Table is the name of the table that a node has.
const Table = "netlab"

// stepsPrefix begins the names of the chains that hold the rules of steps.
const stepsPrefix = "steps_"

// An Error says what a node's kernel refused.
type Error struct {
	Op     string // make firewall, ...
	Remedy string // what to do about it; "" where nothing is known
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Op, e.Err)
	if e.Remedy != "" {
		text += " (" + e.Remedy + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Apply makes the table of a node that has rules or translates addresses. It
// takes the place of one that is there. All of it comes into force at once, or
// nothing. Apply needs CAP_NET_ADMIN in the user namespace that owns ns.
func Apply(ns *netns.NS, n *plan.Node) error {
	return inside(ns, "make firewall", func(c *nftables.Conn) error {
		table := newTable()
		there, err := isThere(c)
		if err != nil {
			return err
		}
		if there { // to delete takes the kernel milliseconds (RCU)
			c.DelTable(table)
		}
		b := newBuilder(c, table)
		b.chains()
		for _, r := range n.Firewall {
			if err := b.append(r); err != nil {
				return err
			}
		}
		if n.NAT != nil {
			b.translate(n.NAT)
		}
		return nil
	})
}

// Add puts rules before all others of a node. Clear takes them away.
func Add(ns *netns.NS, rules []plan.Rule) error {
	if err := ensure(ns); err != nil {
		return err
	}
	return inside(ns, "add firewall rule", func(c *nftables.Conn) error {
		b := newBuilder(c, newTable())
		for _, r := range rules {
			if err := b.insert(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Clear takes away the rules that Add has put there.
func Clear(ns *netns.NS) error {
	if err := ensure(ns); err != nil {
		return err
	}
	return inside(ns, "clear firewall rules", func(c *nftables.Conn) error {
		table := newTable()
		for _, p := range paths() {
			c.FlushChain(&nftables.Chain{Name: stepsPrefix + p.chain, Table: table})
		}
		return nil
	})
}

// ensure makes the table of a node that has none.
func ensure(ns *netns.NS) error {
	there := false
	err := inside(ns, "look for firewall", func(c *nftables.Conn) (err error) {
		there, err = isThere(c)
		return err
	})
	if err != nil || there {
		return err
	}
	return Apply(ns, &plan.Node{})
}

// isThere reports whether the namespace has our table.
func isThere(c *nftables.Conn) (bool, error) {
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	return slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == Table }), err
}

func newTable() *nftables.Table {
	return &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
}

// inside gives fn a connection to nftables in the namespace, and sends what fn
// has collected as one transaction. The connection's socket is made, used and
// closed by the thread that is inside; nothing else starts there.
func inside(ns *netns.NS, op string, fn func(*nftables.Conn) error) error {
	err := ns.Do(func() error {
		c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(bounded))
		if err != nil {
			return fmt.Errorf("open nftables: %w", err)
		}
		err = fn(c)
		if err == nil {
			err = c.Flush()
		}
		return errors.Join(err, c.CloseLasting())
	})
	if err == nil {
		return nil
	}
	return &Error{Op: op, Remedy: remedy(err), Err: err}
}

// answerTimeout guards reads: the kernel answers within the write, so a read
// never waits unless something is badly wrong.
const answerTimeout = 5 * time.Second

func bounded(c *netlink.Conn) error { return c.SetReadDeadline(time.Now().Add(answerTimeout)) }

// remedy says what may help against a refusal.
func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "it needs CAP_NET_ADMIN in the node's user namespace"
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EAFNOSUPPORT):
		return "the kernel lacks a module: modprobe nf_tables nft_ct nft_masq nft_nat nft_reject_inet nf_conntrack_ftp nf_nat_ftp"
	}
	return ""
}

// A path is a way of packets through a node and the chain where they are met.
type path struct {
	name  scenarios.PacketPath
	chain string
	hook  *nftables.ChainHook
}

func paths() []path {
	return []path{
		{scenarios.PathIn, "input", nftables.ChainHookInput},
		{scenarios.PathForward, "forward", nftables.ChainHookForward},
		{scenarios.PathOut, "output", nftables.ChainHookOutput},
	}
}
