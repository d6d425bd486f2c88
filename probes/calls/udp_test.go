package calls_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestUDPIsRecorded(t *testing.T) {
	var events log
	recorder := calls.New("node", 7, events.emit)
	server, err := recorder.Caller("server").BindUDP(netip.AddrPort{})
	must(t, err)
	defer server.Close()
	target := netip.AddrPortFrom(loopback, server.Flow().Local.Port())
	client, err := recorder.Caller("client").ConnectUDP(0, target)
	must(t, err)
	defer client.Close()
	must(t, second(client.Send([]byte("ask"))))
	d, err := server.Receive(func([]byte) netip.Addr { return loopback })
	must(t, err)
	if string(d.Payload) != "ask" || d.From != client.Flow().Local {
		t.Errorf("%q from %s, want ask from %s", d.Payload, d.From, client.Flow().Local)
	}
	must(t, second(server.By(recorder.Caller("server").At(3)).Answer(d, []byte("told"), nil)))
	if d, err = client.Receive(nil); err != nil || string(d.Payload) != "told" {
		t.Errorf("%q, %v; want told", d.Payload, err)
	}
	if _, err := recorder.Caller("late").BindUDP(netip.AddrPortFrom(netip.Addr{}, target.Port())); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("second bind: %v, want EADDRINUSE", err)
	}
	must(t, client.Close())
	if err := client.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second close: %v, want net.ErrClosed", err)
	}
	if diff := cmp.Diff([]string{"connect", "send", "receive", "close"}, events.text(client.ID(), 0)); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	want := []summary{{Name: "bind"}, {Name: "receive", Bytes: 3}, {Name: "send", Bytes: 4, Step: 3}}
	if diff := cmp.Diff(want, summaries(events.of(server.ID()))); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	for _, e := range events.events {
		if e.Call.Protocol != "udp" {
			t.Errorf("%s is of protocol %q", e.Call.Name, e.Call.Protocol)
		}
		if e.Sock == server.ID() && e.Call.Name != "bind" && e.Flow != (client.Flow().Reverse()) {
			t.Errorf("server's %s has flow %v, want %v", e.Call.Name, e.Flow, client.Flow().Reverse())
		}
	}
}
