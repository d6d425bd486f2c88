package netnstest

import (
	"fmt"
	"testing"
	"time"

	"netlab/lab/netns"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// TestAwaitGone gives up namespaces that are tied by veth pairs to one that
// stays: there the ends of the pairs must be gone too.
func TestAwaitGone(t *testing.T) {
	stays := New(t)
	const count = 20
	links := func() (n int) {
		err := stays.Do(func() error {
			list, err := netlink.LinkList()
			n = len(list)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := links()
	var doomed []*netns.NS
	for i := range count {
		ns, err := netns.New()
		if err != nil {
			t.Fatal(err)
		}
		doomed = append(doomed, ns)
		err = stays.Do(func() error {
			return netlink.LinkAdd(&netlink.Veth{
				LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("v%d", i)},
				PeerName:  "peer", PeerNamespace: netlink.NsFd(ns.FD()),
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := links(); got != before+count {
		t.Fatalf("%d links with %d pairs, want %d", got, count, before+count)
	}
	for _, ns := range doomed {
		if err := ns.Close(); err != nil {
			t.Error(err)
		}
	}
	AwaitGone(t)
	if got := links(); got != before {
		t.Errorf("%d links afterwards, want %d", got, before)
	}
}

// TestWatch sees the one go that was given up, and the other stay.
func TestWatch(t *testing.T) {
	w := NewWatch(t)
	stays := New(t)
	goes, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, ns := range map[string]*netns.NS{"stays": stays, "goes": goes} {
		if err := w.Add(name, ns.FD()); err != nil {
			t.Fatal(err)
		}
	}
	if err := goes.Close(); err != nil {
		t.Error(err)
	}
	left, err := w.Await(500 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"stays"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}
