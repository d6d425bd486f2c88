package netnstest

import (
	"errors"
	"os"
	"testing"
	"time"

	"netlab/lab/netns"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// goneWithin bounds the wait for the kernel. It frees a thousand namespaces in
// a few seconds; more means that something is wrong.
const goneWithin = 2 * time.Minute

// A Watch tells when the kernel begins to take network namespaces apart: when
// nothing has a hold on them any more, no handle, process or socket.
type Watch struct {
	from   *netns.NS // where the watched namespaces have numbers
	events *nl.NetlinkSocket
	next   int
	alive  map[int]string // what the watched are called, by number
}

// NewWatch makes a watch; it ends with the test. It needs the privilege to
// make namespaces.
func NewWatch(tb testing.TB) *Watch {
	tb.Helper()
	w := &Watch{from: New(tb), alive: map[int]string{}}
	err := w.from.Do(func() (err error) {
		w.events, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_NSID)
		return err
	})
	if err != nil {
		tb.Fatalf("watch network namespaces: %v", err)
	}
	tb.Cleanup(w.events.Close)
	return w
}

// Add has a namespace watched, of which fd is a handle; it remains the
// caller's.
func (w *Watch) Add(name string, fd int) error {
	id := w.next
	w.next++
	// A namespace that another knows by a number is announced to it when it
	// goes (RTM_DELNSID).
	if err := w.from.Do(func() error { return netlink.SetNetNsIdByFd(fd, id) }); err != nil {
		return err
	}
	w.alive[id] = name
	return nil
}

// Await waits until all that are watched have gone, and returns the names of
// those that are still there when the time is over.
func (w *Watch) Await(within time.Duration) ([]string, error) {
	deadline := time.Now().Add(within)
	for len(w.alive) > 0 {
		left := time.Until(deadline)
		if left <= 0 {
			break
		}
		timeout := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
		if err := w.events.SetReceiveTimeout(&timeout); err != nil {
			return nil, err
		}
		messages, _, err := w.events.Receive()
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			if id, ok := number(m.Data); ok && m.Header.Type == unix.RTM_DELNSID {
				delete(w.alive, id)
			}
		}
	}
	var names []string
	for _, name := range w.alive {
		names = append(names, name)
	}
	return names, nil
}

// number reads the number of a namespace out of a message about it, whose
// struct rtgenmsg takes four bytes.
func number(data []byte) (int, bool) {
	if len(data) < 4 {
		return 0, false
	}
	attributes, err := nl.ParseRouteAttr(data[4:])
	if err != nil {
		return 0, false
	}
	for _, a := range attributes {
		if a.Attr.Type == unix.NETNSA_NSID && len(a.Value) >= 4 {
			return int(int32(nl.NativeEndian().Uint32(a.Value))), true
		}
	}
	return 0, false
}

// AwaitGone returns when every network namespace of the machine that had lost
// its last handle, process and socket before the call is gone: its devices
// deleted, its memory free. The kernel does that in the background and tells
// nobody when it is done, but it does it in order: those that have come
// together before the next (cleanup_net in net/core/net_namespace.c). So two
// more namespaces are made and given up, one after the other. When the kernel
// announces that it has begun with the second, it is done with the first and
// with all that came before that.
func AwaitGone(tb testing.TB) {
	tb.Helper()
	w := NewWatch(tb)
	for range 2 {
		ns, err := netns.New()
		if err != nil {
			tb.Fatal(err)
		}
		if err := errors.Join(w.Add("the last", ns.FD()), ns.Close()); err != nil {
			tb.Fatalf("give up a network namespace: %v", err)
		}
		left, err := w.Await(goneWithin)
		if err == nil && len(left) > 0 {
			err = os.ErrDeadlineExceeded
		}
		if err != nil {
			tb.Fatalf("wait for network namespaces to go: %v", err)
		}
	}
}
