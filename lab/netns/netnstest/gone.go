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

// AwaitGone returns when every network namespace of the machine that had lost
// its last handle, process and socket before the call is gone: its devices
// deleted, its memory free. The kernel does that in the background and tells
// nobody when it is done, but it does it in order: those that have come
// together before the next (cleanup_net in net/core/net_namespace.c). So two
// more namespaces are made and given up, one after the other. When the kernel
// announces that it has begun with the second (RTM_DELNSID), it is done with
// the first and with all that came before that.
func AwaitGone(tb testing.TB) {
	tb.Helper()
	watcher := New(tb)
	var events *nl.NetlinkSocket
	err := watcher.Do(func() (err error) {
		events, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_NSID)
		return err
	})
	if err != nil {
		tb.Fatalf("watch network namespaces: %v", err)
	}
	defer events.Close()
	timeout := unix.NsecToTimeval(goneWithin.Nanoseconds())
	if err := events.SetReceiveTimeout(&timeout); err != nil {
		tb.Fatalf("watch network namespaces: %v", err)
	}
	for id := range 2 {
		if err := giveUpOne(watcher, id); err != nil {
			tb.Fatalf("give up a network namespace: %v", err)
		}
		if err := awaitDeletion(events); err != nil {
			tb.Fatalf("wait for network namespaces to go: %v", err)
		}
	}
}

// giveUpOne makes a namespace of which the watcher hears, and gives it up.
func giveUpOne(watcher *netns.NS, id int) error {
	ns, err := netns.New()
	if err != nil {
		return err
	}
	err = watcher.Do(func() error { return netlink.SetNetNsIdByFd(ns.FD(), id) })
	return errors.Join(err, ns.Close())
}

// awaitDeletion waits until the kernel says that a namespace is being deleted.
func awaitDeletion(events *nl.NetlinkSocket) error {
	for {
		messages, _, err := events.Receive()
		if errors.Is(err, unix.EAGAIN) {
			return os.ErrDeadlineExceeded
		}
		if err != nil {
			return err
		}
		for _, m := range messages {
			if m.Header.Type == unix.RTM_DELNSID {
				return nil
			}
		}
	}
}
