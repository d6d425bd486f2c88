package bpf

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"golang.org/x/sys/unix"
)

// A mini-socket has the addresses, and TIME-WAIT the cookie, of the full socket
// that follows it or went before it.
func TestMiniSocketsAreJoined(t *testing.T) {
	tracer := newTracer(t, 0)
	for _, addr := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		t.Run(addr, func(t *testing.T) {
			ns := netnstest.New(t)
			r := watch(t, tracer, ns)
			if err := connection(ns, addr); err != nil {
				t.Fatal(err)
			}
			var child, closer probes.Event
			lives := map[string]probes.Event{}
			for _, e := range r.stop(t) {
				switch {
				case e.Kind == probes.KindLife:
					lives[tell(e)] = e
				case e.Kind == probes.KindState && e.New == probes.SynReceived:
					child = e
				case e.Kind == probes.KindState && e.New == probes.FinWait2:
					closer = e
				}
			}
			if len(lives) != 3 {
				t.Errorf("lives %v, want 3", lives)
			}
			for name, full := range map[string]probes.Event{"request born SYN-RECEIVED": child, "request ended": child, "mini born TIME-WAIT": closer} {
				e, ok := lives[name]
				if !ok || e.Flow != full.Flow || !e.Flow.Complete() || e.Flow.Local.Addr().Is4In6() || e.Grade != probes.RecordedMini {
					t.Errorf("%s: %+v, of %+v", name, e, full)
				}
			}
			born := lives["mini born TIME-WAIT"]
			if born.Sock != closer.Sock || born.Life.Expires != probes.Mono(time.Minute) {
				t.Errorf("TIME-WAIT %+v, %+v, of socket %v", born, born.Life, closer.Sock)
			}
			if request := lives["request born SYN-RECEIVED"]; request.Life.Expires != probes.Mono(time.Second) {
				t.Errorf("request expires after %v", time.Duration(request.Life.Expires))
			}
		})
	}
}

// Where there is no socket, the segment says whom a reset and a drop concern.
func TestRefusalNamesItsSegment(t *testing.T) {
	tracer := newTracer(t, 0)
	for _, addr := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		t.Run(addr, func(t *testing.T) {
			ns := netnstest.New(t)
			at := netip.AddrPortFrom(netip.MustParseAddr(addr), servicePort)
			r := watch(t, tracer, ns)
			err := ns.Do(func() (err error) {
				fd, err := socket(at)
				if err != nil {
					return err
				}
				defer closeInto(&err, fd)
				if got := unix.Connect(fd, sockaddr(at)); got != unix.ECONNREFUSED {
					return fmt.Errorf("connect: %v", got)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			events := r.stop(t)
			// The socket itself has forgotten its port by then.
			flow := map[string]probes.Flow{}
			for _, e := range events {
				flow[tell(e)] = e.Flow
				if e.Sock.NetNS != ns.Cookie() || e.Node != "a" {
					t.Errorf("event of no node: %+v", e)
				}
			}
			client := flow["reset in"]
			if server := (netip.AddrPortFrom(at.Addr().Unmap(), at.Port())); client.Remote != server || !client.Complete() {
				t.Errorf("reset received: flow %+v, want one to %v", client, server)
			}
			for _, what := range []string{"reset out NO_SOCKET", "drop SYN NO_SOCKET"} {
				if flow[what] != client.Reverse() {
					t.Errorf("%s: flow %+v, want %+v", what, flow[what], client.Reverse())
				}
			}
		})
	}
}
