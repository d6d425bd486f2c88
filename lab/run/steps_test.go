package run

import (
	"testing"

	"netlab/scenarios"
)

// A step is taken where its session is; that of a connection that was accepted
// is where the listener is.
func TestNodeOf(t *testing.T) {
	as := func(name string) scenarios.Common { return scenarios.Common{As: name} }
	steps := []scenarios.Step{
		{TCPListen: &scenarios.TCPListen{Common: as("l"), Node: "server"}},
		{TCPConnect: &scenarios.TCPConnect{Common: as("c"), Node: "client", Peer: "server", Port: 80}},
		{TCPAccept: &scenarios.TCPAccept{Common: as("s"), Listener: "l"}},
		{TCPSend: &scenarios.TCPSend{Common: as("greeting"), Session: "s"}},
		{TCPReceive: &scenarios.TCPReceive{Session: "c"}},
		{TCPShutdown: &scenarios.TCPShutdown{Session: "s"}},
		{TCPOption: &scenarios.TCPOption{Session: "l"}},
		{TCPClose: &scenarios.TCPClose{Session: "l"}},
		{TCPAccept: &scenarios.TCPAccept{Common: as("itself"), Listener: "itself"}}, // the parser refuses it
		{Sleep: &scenarios.Sleep{}},
		{UDPBind: &scenarios.UDPBind{Common: as("u"), Node: "server"}},
		{UDPSend: &scenarios.UDPSend{Session: "u"}},
	}
	want := []string{"server", "client", "server", "server", "client", "server", "server", "server", "", "", "server", "server"}
	r := &runner{Config: Config{Scenario: &scenarios.Scenario{Steps: steps}}}
	for i := range steps {
		if got := r.nodeOf(&steps[i]); got != want[i] {
			t.Errorf("step %d is taken by %q, want %q", i, got, want[i])
		}
	}
}

func TestPeerOf(t *testing.T) {
	tests := []struct {
		name string
		step scenarios.Step
		peer string
		port int
	}{
		{"TCP to a node", scenarios.Step{TCPConnect: &scenarios.TCPConnect{Peer: "b", Port: 80}}, "b", 80},
		{"TCP to a server", scenarios.Step{TCPConnect: &scenarios.TCPConnect{To: "web", Port: 81}}, "", 81},
		{"TCP once more", scenarios.Step{TCPReopen: &scenarios.TCPReopen{Call: scenarios.CallConnect, Peer: "b", Port: 80}}, "b", 80},
		{"listen once more", scenarios.Step{TCPReopen: &scenarios.TCPReopen{Call: scenarios.CallListen}}, "", 0},
		{"UDP to a node", scenarios.Step{UDPOpen: &scenarios.UDPOpen{Peer: "b", Port: 53}}, "b", 53},
		{"nothing of the kind", scenarios.Step{UDPBind: &scenarios.UDPBind{Port: 53}}, "", 0},
	}
	for _, tt := range tests {
		if peer, port := peerOf(&tt.step); peer != tt.peer || port != tt.port {
			t.Errorf("%s: %q, port %d; want %q, port %d", tt.name, peer, port, tt.peer, tt.port)
		}
	}
}
