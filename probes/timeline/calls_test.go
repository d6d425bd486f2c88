package timeline_test

import (
	"net/netip"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// TestCallsBesideConnections adds calls to a run that tell nothing of its
// connections: what was known of them stays as it was.
func TestCallsBesideConnections(t *testing.T) {
	script := tt.One(tt.Options{}, clientFirst)
	plain := build(t, script)
	conn := plain.Connections[0]
	opener, acceptor := conn.Opener, conn.Acceptor
	other := probes.SocketID{NetNS: opener.Sock.NetNS, Cookie: 9999}
	bound := probes.Flow{Local: netip.AddrPortFrom(netip.IPv4Unspecified(), opener.Flow.Local.Port())}
	before := firstCall(t, plain, opener.Sock)
	late := plain.Close - probes.Mono(time.Microsecond)
	tests := []struct {
		name string
		node string
		sock probes.SocketID
		flow probes.Flow
		at   probes.Mono
		call probes.Call
	}{
		{"UDP with the same ports", tt.Client, other, opener.Flow, late, probes.Call{Name: "connect", Protocol: "udp"}},
		{"UDP without a cookie", tt.Client, probes.SocketID{}, opener.Flow, late, probes.Call{Name: "send", Protocol: "udp", Bytes: 5}},
		{"UDP at the server", tt.Server, probes.SocketID{NetNS: acceptor.Sock.NetNS, Cookie: 9998}, acceptor.Flow, late,
			probes.Call{Name: "receive", Protocol: "udp", Bytes: 5}},
		{"UDP is closed", tt.Client, probes.SocketID{}, opener.Flow, late, probes.Call{Name: "close", Protocol: "udp"}},
		{"a bind before the connect", tt.Client, opener.Sock, bound, before - 3000, probes.Call{Name: "bind"}},
		{"an option before the connect", tt.Client, opener.Sock, probes.Flow{}, before - 4000, probes.Call{Name: "option", Args: "TCP_REPAIR on"}},
		{"an option afterwards", tt.Server, acceptor.Sock, acceptor.Flow, late, probes.Call{Name: "option", Args: "TCP_CORK on"}},
		{"a bind that failed", tt.Client, other, bound, late, probes.Call{Name: "bind", Errno: "EADDRINUSE"}},
		{"a socket that is given up", tt.Client, other, bound, late, probes.Call{Name: "close"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events := script.Events()
			test.call.Workload, test.call.End = "other", test.at+500
			events = append(events, probes.Event{
				Seq: uint64(len(events) + 1), Time: test.at, Source: probes.Calls, Kind: probes.KindCall, Grade: probes.Recorded,
				Node: test.node, Sock: test.sock, Flow: test.flow, Call: &test.call,
			})
			got, err := timeline.Build(script.Header(), events)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(histories(plain), histories(got)); diff != "" {
				t.Errorf("histories (-without +with):\n%s", diff)
			}
			if len(got.Connections) != 1 || len(got.Listeners) != len(plain.Listeners) || len(got.Conflicts) != 0 {
				t.Errorf("%d connections, %d listeners, conflicts %v", len(got.Connections), len(got.Listeners), got.Conflicts)
			}
			if diff := cmp.Diff(noteNames(plain), noteNames(got)); diff != "" {
				t.Errorf("notes (-without +with):\n%s", diff)
			}
		})
	}
}

// firstCall returns when a socket's first call began.
func firstCall(t *testing.T, tl *timeline.Timeline, sock probes.SocketID) probes.Mono {
	t.Helper()
	for i := range tl.Events {
		if e := &tl.Events[i]; e.Kind == probes.KindCall && e.Sock == sock {
			return e.Time
		}
	}
	t.Fatal("the socket has no calls")
	return 0
}
