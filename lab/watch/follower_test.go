package watch

import (
	"net/netip"
	"strings"
	"testing"

	"netlab/probes"
	"netlab/scenarios/words"
)

var (
	here  = netip.MustParseAddrPort("10.0.0.1:41820")
	there = netip.MustParseAddrPort("10.0.0.2:80")
	id    = probes.SocketID{NetNS: 7, Cookie: 1}
	child = probes.SocketID{NetNS: 7, Cookie: 2}
	ours  = probes.Flow{Local: here, Remote: there}
	young = probes.Flow{Local: netip.AddrPortFrom(here.Addr(), 0), Remote: there} // the port is not chosen yet
)

func state(at probes.Mono, sock probes.SocketID, flow probes.Flow, from, to probes.State) probes.Event {
	return probes.Event{Time: at, Source: probes.BPF, Kind: probes.KindState, Sock: sock, Flow: flow, Old: from, New: to}
}

func life(at probes.Mono, sock probes.SocketID, flow probes.Flow, object probes.Object, stage probes.Stage, from, to probes.State) probes.Event {
	return probes.Event{Time: at, Source: probes.BPF, Kind: probes.KindLife, Sock: sock, Flow: flow, Old: from, New: to, Life: &probes.Life{Object: object, Stage: stage}}
}

// The lines of a story, without times and columns.
func lines(events ...probes.Event) []string {
	f := NewFollower()
	f.Name(7, "red")
	var out []string
	for _, e := range events {
		out = append(out, texts(f.Take(e))...)
	}
	return append(out, texts(f.Tick(1<<60, nil))...)
}

func texts(list []Line) []string {
	var out []string
	for _, l := range list {
		text := Text{Lang: words.English}.Line(l)
		out = append(out, strings.Join(strings.Fields(text)[1:], " "))
	}
	return out
}

func TestFollower(t *testing.T) {
	server := ours.Reverse()
	request := probes.SocketID{NetNS: 7}
	dead := probes.Flow{}
	const syn, syn2, est, fin1, fin2, tw, closed = probes.SynSent, probes.SynReceived, probes.Established, probes.FinWait1, probes.FinWait2, probes.TimeWait, probes.Closed
	owned := state(1e6, id, young, closed, syn)
	owned.Owner = &probes.Owner{PID: 12, Comm: "curl"}
	for _, x := range []struct {
		name   string
		events []probes.Event
		want   []string
	}{
		{"the port of SYN-SENT is filled in, and so is the process", []probes.Event{owned, state(3e6, id, ours, syn, est)}, []string{
			"red curl/12 10.0.0.1:41820 10.0.0.2:80 CLOSED -> SYN-SENT",
			"red curl/12 10.0.0.1:41820 10.0.0.2:80 SYN-SENT -> ESTABLISHED 2.000 ms",
		}},
		{"where nobody tells the port it is said", []probes.Event{owned}, []string{"red curl/12 10.0.0.1:* 10.0.0.2:80 CLOSED -> SYN-SENT"}},
		{"the addresses that a socket forgets are remembered", []probes.Event{owned, state(3e6, id, ours, syn, est), state(4e6, id, dead, est, closed)}, []string{
			"red curl/12 10.0.0.1:41820 10.0.0.2:80 CLOSED -> SYN-SENT",
			"red curl/12 10.0.0.1:41820 10.0.0.2:80 SYN-SENT -> ESTABLISHED 2.000 ms",
			"red curl/12 10.0.0.1:41820 10.0.0.2:80 ESTABLISHED -> CLOSED 1.000 ms",
		}},
		{"the true time in SYN-RECEIVED", []probes.Event{
			life(1e6, request, server, probes.RequestObject, probes.Born, probes.Unknown, syn2),
			state(5e6, child, server, probes.Listen, syn2),
			life(5e6, request, server, probes.RequestObject, probes.Ended, syn2, probes.Unknown),
			state(5e6, child, server, syn2, est),
		}, []string{
			"red - 10.0.0.2:80 10.0.0.1:41820 LISTEN -> SYN-RECEIVED (request socket)",
			"red - 10.0.0.2:80 10.0.0.1:41820 SYN-RECEIVED -> ESTABLISHED 4.000 ms",
		}},
		{"a child from nowhere", []probes.Event{state(5e6, child, server, probes.Listen, syn2)}, []string{
			"red - 10.0.0.2:80 10.0.0.1:41820 LISTEN -> SYN-RECEIVED (no request socket before it: a SYN cookie, or fast open)",
		}},
		{"a request that is given up", []probes.Event{
			life(1e6, request, server, probes.RequestObject, probes.Born, probes.Unknown, syn2),
			life(2e6, request, server, probes.RequestObject, probes.Rearmed, syn2, syn2),
			life(9e6, request, server, probes.RequestObject, probes.Expired, syn2, probes.Unknown),
		}, []string{
			"red - 10.0.0.2:80 10.0.0.1:41820 LISTEN -> SYN-RECEIVED (request socket)",
			"red - 10.0.0.2:80 10.0.0.1:41820 SYN-RECEIVED -> CLOSED 8.000 ms (request given up: no ACK came)",
		}},
		{"TIME-WAIT takes over", []probes.Event{
			state(1e6, id, ours, est, fin1), state(2e6, id, ours, fin1, fin2),
			life(4e6, id, ours, probes.MiniObject, probes.Born, probes.Unknown, tw),
			state(4e6, id, ours, fin2, closed),
			{Time: 4e6, Kind: probes.KindTally, Sock: id, Tally: &probes.Tally{SegsOut: 3}},
			life(60004e6, id, ours, probes.MiniObject, probes.Expired, tw, probes.Unknown),
		}, []string{
			"red - 10.0.0.1:41820 10.0.0.2:80 ESTABLISHED -> FIN-WAIT-1",
			"red - 10.0.0.1:41820 10.0.0.2:80 FIN-WAIT-1 -> FIN-WAIT-2 1.000 ms",
			"red - 10.0.0.1:41820 10.0.0.2:80 FIN-WAIT-2 -> TIME-WAIT 2.000 ms (mini-socket)",
			"red - 10.0.0.1:41820 10.0.0.2:80 ended: 3 segments out, 0 in; 0 bytes out, 0 in; 0 sent again",
			"red - 10.0.0.1:41820 10.0.0.2:80 TIME-WAIT -> CLOSED 60.0 s",
		}},
		{"an orphan in FIN-WAIT-2", []probes.Event{
			state(1e6, id, ours, fin1, fin2),
			life(1e6, id, ours, probes.MiniObject, probes.Born, probes.Unknown, fin2),
			state(1e6, id, ours, fin2, closed),
			life(3e6, id, ours, probes.MiniObject, probes.Stepped, fin2, tw),
			life(4e6, id, ours, probes.MiniObject, probes.Ended, tw, probes.Unknown),
		}, []string{
			"red - 10.0.0.1:41820 10.0.0.2:80 FIN-WAIT-1 -> FIN-WAIT-2",
			"red - 10.0.0.1:41820 10.0.0.2:80 FIN-WAIT-2 (mini-socket)",
			"red - 10.0.0.1:41820 10.0.0.2:80 FIN-WAIT-2 -> TIME-WAIT 2.000 ms (mini-socket)",
			"red - 10.0.0.1:41820 10.0.0.2:80 TIME-WAIT -> CLOSED 1.000 ms (before its time)",
		}},
		{"why it was reset", []probes.Event{
			{Time: 1, Kind: probes.KindReset, Sock: id, Flow: ours, Reset: &probes.Reset{Dir: probes.Out, Reason: "TCP_ABORT_ON_CLOSE"}},
			{Time: 2, Kind: probes.KindReset, Sock: id, Flow: ours, Reset: &probes.Reset{Dir: probes.In}},
			{Time: 3, Kind: probes.KindFault, Sock: id, Flow: ours, Fault: &probes.Fault{Errno: "ECONNRESET"}},
			{Time: 4, Kind: probes.KindDrop, Sock: id, Flow: ours, Drop: &probes.Drop{Reason: "TCP_LISTEN_OVERFLOW", Flags: probes.ACK}},
			{Time: 5, Kind: probes.KindResent, Sock: id, Flow: ours, Old: syn, Resent: &probes.Resent{}},
		}, []string{
			"red - 10.0.0.1:41820 10.0.0.2:80 RST sent TCP_ABORT_ON_CLOSE",
			"red - 10.0.0.1:41820 10.0.0.2:80 RST received",
			"red - 10.0.0.1:41820 10.0.0.2:80 error ECONNRESET",
			"red - 10.0.0.1:41820 10.0.0.2:80 dropped ACK TCP_LISTEN_OVERFLOW",
			"red - 10.0.0.1:41820 10.0.0.2:80 sent again: SYN-SENT",
		}},
		{"what comes after the end has its addresses", []probes.Event{
			state(1e6, id, ours, est, closed),
			{Time: 2e6, Kind: probes.KindFault, Sock: id, Flow: probes.Flow{Local: netip.MustParseAddrPort("0.0.0.0:41820"), Remote: netip.MustParseAddrPort("10.0.0.2:0")}, Fault: &probes.Fault{Errno: "ECONNRESET"}},
		}, []string{
			"red - 10.0.0.1:41820 10.0.0.2:80 ESTABLISHED -> CLOSED",
			"red - 10.0.0.1:41820 10.0.0.2:80 error ECONNRESET",
		}},
		{"what was lost is said", []probes.Event{{Time: 1, Kind: probes.KindLoss, Node: "red", Loss: &probes.Loss{What: "ring buffer full", Count: 9}}}, []string{
			"red - * * LOST 9 records: ring buffer full",
		}},
		{"looks only", []probes.Event{
			{Time: 1, Kind: probes.KindSample, Sock: id, Flow: ours, New: est, Sample: &probes.Sample{Object: probes.FullObject}},
			{Time: 2, Kind: probes.KindSample, Sock: id, Flow: ours, New: tw, Sample: &probes.Sample{Object: probes.MiniObject}},
			{Time: 3, Kind: probes.KindSample, Sock: id, Flow: ours, New: tw, Sample: &probes.Sample{Object: probes.MiniObject, Gone: true}},
		}, []string{
			"red - 10.0.0.1:41820 10.0.0.2:80 ESTABLISHED (sampled)",
			"red - 10.0.0.1:41820 10.0.0.2:80 ESTABLISHED -> TIME-WAIT (sampled)",
			"red - 10.0.0.1:41820 10.0.0.2:80 TIME-WAIT -> (sampled: gone)",
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			if got := lines(x.events...); strings.Join(got, "\n") != strings.Join(x.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(x.want, "\n"))
			}
		})
	}
}

// What has ended is forgotten in time.
func TestForgets(t *testing.T) {
	f := NewFollower()
	f.Take(state(1, id, ours, probes.Established, probes.Closed))
	f.Tick(2, nil)
	if len(f.sockets) != 1 {
		t.Error("forgotten at once: what comes after it lacks its addresses")
	}
	f.Tick(2+remembered, nil)
	if len(f.sockets)+len(f.closed) != 0 {
		t.Errorf("%d sockets are remembered", len(f.sockets))
	}
}

// A process may call itself anything.
func TestHostileNames(t *testing.T) {
	e := state(1, id, ours, probes.Established, probes.FinWait1)
	e.Owner = &probes.Owner{PID: 1, Comm: "\x1b[2J\u009b"}
	for _, l := range NewFollower().Take(e) {
		l.Scope = "\x1b]0;evil\a"
		if text := (Text{Lang: words.Chinese}).Line(l); strings.ContainsAny(text, "\x1b\a\u009b") {
			t.Errorf("%q", text)
		}
	}
}

func TestFilter(t *testing.T) {
	l := &Line{Event: state(1, id, ours, probes.Established, probes.FinWait1)}
	for _, x := range []struct {
		name   string
		filter Filter
		line   *Line
		want   bool
	}{
		{"all", Filter{}, l, true},
		{"port", Filter{Ports: []uint16{80}}, l, true},
		{"another port", Filter{Ports: []uint16{81}}, l, false},
		{"address", Filter{Addrs: []netip.Addr{here.Addr()}}, l, true},
		{"another address", Filter{Addrs: []netip.Addr{netip.MustParseAddr("::1")}}, l, false},
		{"state", Filter{States: []probes.State{probes.FinWait1}}, l, true},
		{"another state", Filter{States: []probes.State{probes.TimeWait}}, l, false},
		{"kind", Filter{Kinds: []probes.Kind{probes.KindReset}}, l, false},
		{"tallies only where asked for", Filter{}, &Line{Event: probes.Event{Kind: probes.KindTally}}, false},
		{"a loss always", Filter{Ports: []uint16{81}, Kinds: []probes.Kind{probes.KindReset}}, &Line{Event: probes.Event{Kind: probes.KindLoss}}, true},
	} {
		if got := x.filter.Passes(x.line); got != x.want {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}
