package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

// halfBuilt builds a link but for the last step, and sets its second end down.
func halfBuilt(t *testing.T) *builder {
	t.Helper()
	p := &plan.Plan{
		Nodes: []plan.Node{{Name: "client"}, {Name: "server"}},
		Links: []plan.Link{{Name: "wire", MTU: 1500, Ends: [2]plan.End{
			{Node: "client", Interface: "eth0", Index: 2, MAC: "02:77:00:00:00:01", Addresses: []netip.Prefix{netip.MustParsePrefix("fd77::1/64")}},
			{Node: "server", Interface: "eth0", Index: 2, MAC: "02:77:00:00:00:02"},
		}}},
	}
	spaces := map[string]*netns.NS{"client": netnstest.New(t), "server": netnstest.New(t)}
	b, err := newBuilder(p, func(name string) *netns.NS { return spaces[name] })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	for _, step := range []func(context.Context) error{b.open, b.switches, b.links, b.configure} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := setServer(b, false); err != nil {
		t.Fatal(err)
	}
	return b
}

// setServer sets the end of the server up or down, over a socket of its own.
func setServer(b *builder, up bool) error {
	s := b.spaces[1]
	return s.ns.Do(func() error {
		c, err := dial()
		if err != nil {
			return err
		}
		m := ifinfo(2, unix.IFF_UP)
		if !up {
			m.Flags = 0
		}
		c.add(s.about("set", "eth0"), unix.RTM_NEWLINK, 0, m)
		return errors.Join(c.flush(context.Background(), make([]byte, 8192)), c.close())
	})
}

func TestReadyNamesWhatIsNot(t *testing.T) {
	b := halfBuilt(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := b.ready(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got error %v, want %v", err, context.DeadlineExceeded)
	}
	for _, want := range []string{
		`link "wire": end "client": eth0 is not up`,
		`link "wire": end "server": eth0 is not up`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestReadyIsWokenByTheLastLink(t *testing.T) {
	b := halfBuilt(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	set := make(chan error, 1)
	// That ready has begun to wait cannot be seen from outside. If it has not,
	// the test proves less, but does not fail.
	time.AfterFunc(20*time.Millisecond, func() { set <- setServer(b, true) })
	if err := b.ready(ctx); err != nil {
		t.Error(err)
	}
	if err := <-set; err != nil {
		t.Error(err)
	}
}

func TestNotReadyIsShort(t *testing.T) {
	s := &space{waiting: waiting{links: map[int]*port{}}}
	for i := range 1000 {
		p := &port{link: &plan.Link{Name: fmt.Sprint(i)}, end: &plan.End{Index: i, Node: "sw", Interface: "port"}}
		s.ports = append(s.ports, p)
		s.waiting.links[i] = p
	}
	got := notReady([]*space{s}, context.Canceled).Error()
	if len(got) > 500 || !strings.Contains(got, "and 992 more") {
		t.Errorf("got %d bytes: %s", len(got), got)
	}
}

func TestLinkLocal(t *testing.T) {
	// The example of RFC 4291 appendix A, and a locally administered address.
	for mac, want := range map[string]string{
		"34:56:78:9a:bc:de": "fe80::3656:78ff:fe9a:bcde/64",
		"02:77:00:00:00:01": "fe80::77:ff:fe00:1/64",
	} {
		hw := make([]byte, 6)
		if _, err := fmt.Sscanf(strings.ReplaceAll(mac, ":", ""), "%x", &hw); err != nil {
			t.Fatal(err)
		}
		if got := linkLocal(hw).String(); got != want {
			t.Errorf("%s: got %s, want %s", mac, got, want)
		}
	}
}
