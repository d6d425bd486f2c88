package run

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netlab/probes"
	"netlab/probes/clock"
	"netlab/probes/sockdiag"
)

var (
	askedFlow = probes.Flow{Local: netip.MustParseAddrPort("10.0.0.1:5000"), Remote: netip.MustParseAddrPort("10.0.0.2:80")}
	askedAddr = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
)

// newTestAsker makes an asker whose looks answer as said. Its time stands
// still, and time is what the budget is made of.
func newTestAsker(kernel bool, lookAt func([]sockdiag.Ask) (time.Duration, error)) (*asker, *[]probes.Event) {
	var told []probes.Event
	nodes := []probes.NodeInfo{{Name: "client", Addresses: []netip.Addr{askedFlow.Local.Addr()}}, {Name: "router"}}
	budget := sockdiag.NewBudget(func() probes.Mono { return 1 })
	return newAsker(func(_ context.Context, asks []sockdiag.Ask) (time.Duration, error) { return lookAt(asks) },
		func(e probes.Event) { told = append(told, e) }, kernel, nodes, budget), &told
}

func TestAskerNotices(t *testing.T) {
	state := func(from, to probes.State) probes.Event {
		return probes.Event{Source: probes.BPF, Kind: probes.KindState, Node: "client", Sock: probes.SocketID{NetNS: 1, Cookie: 7}, Flow: askedFlow, Old: from, New: to}
	}
	segment := func(node string, dir probes.Direction, flags probes.Flags) probes.Event {
		return probes.Event{Source: probes.Wire, Kind: probes.KindSegment, Node: node, Flow: askedFlow, Segment: &probes.Segment{Dir: dir, Flags: flags}}
	}
	noPort := state(probes.Closed, probes.SynSent)
	noPort.Flow.Local = netip.AddrPortFrom(askedFlow.Local.Addr(), 0)
	drop := probes.Event{Source: probes.BPF, Kind: probes.KindDrop, Node: "client", Flow: askedFlow, Old: probes.Listen, Drop: &probes.Drop{}}
	life := probes.Event{Source: probes.BPF, Kind: probes.KindLife, Node: "client", Sock: probes.SocketID{Cookie: 7}, Flow: askedFlow, Life: &probes.Life{}}
	socket := sockdiag.Ask{Node: "client", Cookie: 7, Flow: askedFlow}
	byFlow := sockdiag.Ask{Node: "client", Flow: askedFlow}
	listener := sockdiag.Ask{Node: "client", Flow: probes.Flow{Local: askedFlow.Local}}
	for _, tt := range []struct {
		name   string
		kernel bool
		events []probes.Event
		want   []sockdiag.Ask
	}{
		{"transitions of one socket are one look", true, []probes.Event{state(probes.Established, probes.FinWait1), state(probes.FinWait1, probes.FinWait2)}, []sockdiag.Ask{socket}},
		{"a passive open fills the queue", true, []probes.Event{state(probes.SynReceived, probes.Established)}, []sockdiag.Ask{socket, listener}},
		{"mini-sockets", true, []probes.Event{life}, []sockdiag.Ask{socket}},
		{"a queue that is full", true, []probes.Event{drop}, []sockdiag.Ask{listener}},
		{"no port yet, but its SYN tells", true, []probes.Event{noPort, segment("client", probes.Out, probes.SYN)}, []sockdiag.Ask{byFlow}},
		{"segments, where the kernel tells", true, []probes.Event{segment("client", probes.In, probes.SYN|probes.ACK), segment("client", probes.Out, probes.FIN|probes.ACK)}, nil},
		{"segments, where it does not", false, []probes.Event{segment("client", probes.Out, probes.SYN), segment("client", probes.In, probes.RST)}, []sockdiag.Ask{byFlow}},
		{"data", false, []probes.Event{segment("client", probes.Out, probes.PSH|probes.ACK)}, nil},
		{"what only passes", false, []probes.Event{segment("router", probes.Out, probes.SYN)}, nil},
		{"samples", true, []probes.Event{{Source: probes.SockDiag, Kind: probes.KindSample, Node: "client", Flow: askedFlow}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, _ := newTestAsker(tt.kernel, nil)
			for i := range tt.events {
				a.notice(&tt.events[i])
			}
			if diff := cmp.Diff(tt.want, a.take(), askedAddr, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the budget does not allow, and what fails, is skipped and told; nothing
// is asked for any more than that, however much happens.
func TestAskerKeepsToBudget(t *testing.T) {
	looks := 0
	batches := make(chan int, 1)
	a, told := newTestAsker(true, func(asks []sockdiag.Ask) (time.Duration, error) {
		looks += len(asks)
		batches <- len(asks)
		return time.Second, nil // more than there is
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.run(ctx) }()
	a.want(sockdiag.Ask{Node: "client", Cookie: 1, Flow: askedFlow})
	<-batches
	for { // until it rests
		a.mu.Lock()
		resting := a.resting
		a.mu.Unlock()
		if resting {
			break
		}
		<-time.After(time.Millisecond)
	}
	const more = 100
	for i := range uint64(more) {
		a.want(sockdiag.Ask{Node: "client", Cookie: 2 + i, Flow: askedFlow})
	}
	cancel()
	<-done
	var skipped uint64
	for _, e := range *told {
		if e.Kind != probes.KindCounter || e.Source != probes.SockDiag || e.Node != "client" || e.Counter.Name != probes.LooksSkipped || e.Counter.Since == 0 {
			t.Errorf("told %+v", e)
			continue
		}
		skipped += e.Counter.Delta
	}
	if looks != 1 || skipped != more {
		t.Errorf("%d looks and %d skipped, want 1 and %d", looks, skipped, more)
	}
}

func TestAskerFailure(t *testing.T) {
	asked := make(chan struct{})
	a, told := newTestAsker(true, func([]sockdiag.Ask) (time.Duration, error) {
		close(asked)
		return 0, errors.New("the supervisor is gone")
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.run(ctx) }()
	a.want(sockdiag.Ask{Node: "client", Cookie: 1, Flow: askedFlow})
	<-asked
	cancel()
	<-done
	if len(*told) != 1 || (*told)[0].Counter.Delta != 1 {
		t.Errorf("told %+v, want one look skipped", *told)
	}
}

func TestAskerFull(t *testing.T) {
	a, told := newTestAsker(true, nil)
	for i := range uint64(maxWanted + 5) {
		a.want(sockdiag.Ask{Node: "client", Cookie: 1 + i, Flow: askedFlow})
	}
	for range maxWanted / maxBatch {
		if n := len(a.take()); n != maxBatch {
			t.Fatalf("a batch of %d, want %d", n, maxBatch)
		}
	}
	a.tell(time.Hour)
	if len(*told) != 0 {
		t.Errorf("told too early: %+v", *told)
	}
	a.tell(0)
	if len(*told) != 1 || (*told)[0].Counter.Delta != 5 || (*told)[0].Time > clock.Now() {
		t.Errorf("told %+v, want 5 looks skipped", *told)
	}
}
