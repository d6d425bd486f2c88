package netnstest

import (
	"fmt"
	"testing"

	"netlab/lab/netns"

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
