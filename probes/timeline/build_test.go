package timeline_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A recording is a scripted run with the histories that it must give.
type recording struct {
	name      string
	script    *tt.Script
	histories []string // of opener and acceptor, connection by connection
	notes     []timeline.NoteName
	conflicts int
}

// Histories that several runs share.
const (
	activeClose  = "CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
	passiveClose = "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED"
	crossedClose = "ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT"
	closedByPeer = "CLOSED SYN-SENT ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED"
	closesFirst  = "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
)

func clientFirst(s *tt.Script, c *tt.Conn) {
	c.Open()
	c.Send(c.Opener, "GET /", 5)
	c.FourWay(c.Opener)
}

func recordings() []recording {
	fourWay := []string{activeClose, passiveClose}
	common := []timeline.NoteName{timeline.NotSampled, timeline.RequestSocket}
	orphan := append([]timeline.NoteName{timeline.OrphanFinWait2}, common...)
	list := []recording{
		{"four-way", tt.One(tt.Options{}, clientFirst), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"ipv6", tt.One(tt.Options{IPv6: true}, clientFirst), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"switched", tt.One(tt.Options{Path: tt.Switched}, clientFirst), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"routed", tt.One(tt.Options{Path: tt.Routed}, clientFirst), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"three-way", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.ThreeWay(c.Opener)
		}), fourWay, append([]timeline.NoteName{timeline.HandOver, timeline.NoteTwo}, common...), 0},
		{"server-first", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.FourWay(c.Acceptor)
		}), []string{closedByPeer, closesFirst}, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"simultaneous-close", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Simultaneous()
		}), []string{"CLOSED SYN-SENT " + crossedClose, "SYN-RECEIVED " + crossedClose}, []timeline.NoteName{timeline.HandOver, timeline.NotSampled, timeline.RequestSocket}, 0},
		{"simultaneous-open", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.SimultaneousOpen()
			s.Look()
			c.Reset(c.Opener)
		}), []string{"CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED CLOSED", "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED CLOSED"}, []timeline.NoteName{timeline.NotSampled}, 0},
		{"reset", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Send(c.Opener, "GET /", 5)
			c.Reset(c.Acceptor)
		}), []string{"CLOSED SYN-SENT ESTABLISHED CLOSED", "SYN-RECEIVED ESTABLISHED CLOSED"}, []timeline.NoteName{timeline.RequestSocket}, 0},
		{"data-after-close", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.DataAfterClose(c.Opener, "221 bye", 9)
		}), []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT CLOSED"}, []timeline.NoteName{timeline.OrphanFinWait2, timeline.RequestSocket}, 0},
		{"refused", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) { s.Dial(81).Refuse() }),
			[]string{"CLOSED SYN-SENT CLOSED", ""}, nil, 0},
		{"syn-lost", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			lost := c.SYN()
			s.Wait(time.Second)
			lost.Again().Deliver()
			c.SYNACK().Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Child()
			c.FourWay(c.Opener)
		}), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"fin-again", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "close")
			c.Acceptor.Enter(probes.LastAck)
			fin := c.Acceptor.Emit(probes.FIN|probes.ACK, "", 0)
			fin.Deliver()
			c.Opener.State = probes.TimeWait
			c.Opener.Emit(probes.ACK, "", 0) // lost
			s.Wait(200 * time.Millisecond)
			fin.Again().Deliver()
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Enter(probes.Closed)
		}), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"half-close", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			s.Look()
			c.Send(c.Acceptor, "the rest", 2000)
			c.LastHalf(c.Acceptor)
		}), fourWay, append([]timeline.NoteName{timeline.HandOver, timeline.Offloaded}, common...), 0},
		{"orphan-fin-wait-2", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "close")
			s.Look()
		}), []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, orphan, 0},
		{"two-incarnations", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			clientFirst(s, c)
			s.Wait(time.Second)
			clientFirst(s, s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80))
		}), append(slices.Clone(fourWay), fourWay...), append([]timeline.NoteName{timeline.HandOver}, common...), 0},
		{"request-only", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			synack := c.SYNACK()
			synack.Deliver()
			s.Look()
			c.Opener.Enter(probes.Established)
			c.Opener.Emit(probes.ACK, "", 0).Deliver() // dropped: the queue is full
			s.Wait(time.Second)
			synack.Again().Deliver()
		}), []string{"CLOSED SYN-SENT ESTABLISHED", "SYN-RECEIVED"}, []timeline.NoteName{timeline.NotDelivered, timeline.RequestSocket, timeline.ThirdACK}, 0},
		{"duplicated", tt.One(tt.Options{Path: tt.Switched}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			p := c.Opener.Emit(probes.PSH|probes.ACK, "twice", 5)
			p.Deliver()
			p.Arrive()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.FourWay(c.Opener)
		}), fourWay, append([]timeline.NoteName{timeline.HandOver}, common...), 0},
	}
	return append(append(list, gated()...), degraded()...)
}

// gated are runs through gates.
func gated() []recording {
	return []recording{
		{"gated-open", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.HeldOpen("syns")
			s.Matched("wire", "syns", 2)
			s.Passed("wire", tt.Client, tt.Server, 4, 300)
		}), []string{crossedOpen, crossedOpen}, []timeline.NoteName{timeline.NotSampled}, 0},
		{"gated-close", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HeldClose("fins")
		}), []string{"CLOSED SYN-SENT " + crossedClose, "SYN-RECEIVED " + crossedClose}, []timeline.NoteName{timeline.HandOver, timeline.NotSampled, timeline.RequestSocket}, 0},
		{"gated-reset", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Shot("shot", c.Opener)
		}), []string{resetClient, resetServer}, []timeline.NoteName{timeline.RequestSocket}, 0},
		{"gated-held", tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Hold("fin")
			s.Wait(200 * time.Millisecond)
			fin.Merge()
		}), []string{openClient + " FIN-WAIT-1", openServer}, []timeline.NoteName{timeline.NotSampled, timeline.RequestSocket}, 0},
	}
}

// degraded are runs that were not recorded wholly.
func degraded() []recording {
	fourWay := []string{activeClose, passiveClose}
	common := []timeline.NoteName{timeline.HandOver, timeline.NotSampled, timeline.RequestSocket}
	lossy := tt.New(tt.Options{})
	lossy.Listen(80, "www")
	lossy.Step("visit", "visit", nil, func() {
		clientFirst(lossy, lossy.Dial(80))
		lossy.Loss(probes.BPF, tt.Server, "ring buffer full", 3)
		lossy.Loss(probes.Wire, "", "packets dropped", 2)
	})
	lossy.Finish()
	teardown := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) { c.Open() })
	late := tt.New(tt.Options{})
	late.Listen(80, "www")
	late.Step("visit", "visit", nil, func() {
		c := late.Dial(80)
		c.Open()
		late.Look()
		late.Mark(probes.WindowClose)
		late.Wait(time.Millisecond)
		c.FourWay(c.Opener)
		late.Mark(probes.Complete)
	})
	killed := tt.New(tt.Options{})
	killed.Listen(80, "www")
	killed.Step("visit", "visit", nil, func() { killed.Dial(80).Open() })
	return []recording{
		{"lossy", lossy, fourWay, common, 0},
		{"open", teardown, []string{"CLOSED SYN-SENT ESTABLISHED", "SYN-RECEIVED ESTABLISHED"}, []timeline.NoteName{timeline.NotSampled, timeline.RequestSocket}, 0},
		{"teardown", late, fourWay, common, 0},
		{"killed", killed, []string{"CLOSED SYN-SENT ESTABLISHED", "SYN-RECEIVED ESTABLISHED"}, []timeline.NoteName{timeline.RequestSocket}, 0},
		{"rootless", tt.One(tt.Options{Without: []probes.Source{probes.BPF}}, clientFirst), fourWay, []timeline.NoteName{timeline.NotSampled, timeline.RequestSocket}, 0},
		{"no-wire", tt.One(tt.Options{Without: []probes.Source{probes.Wire}}, clientFirst), fourWay, common, 0},
		{"wire-only", tt.One(tt.Options{Without: []probes.Source{probes.BPF, probes.SockDiag, probes.SS, probes.Calls}}, clientFirst), fourWay, []timeline.NoteName{timeline.RequestSocket}, 0},
		{"kernel-only", tt.One(tt.Options{Without: []probes.Source{probes.Wire, probes.SockDiag, probes.SS, probes.Calls}}, clientFirst),
			[]string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2", passiveClose}, []timeline.NoteName{timeline.HandOver, timeline.RequestSocket}, 0},
		{"ftp", tt.FTPClose(tt.Options{}, func(c *tt.Conn) { c.FourWay(c.Opener) }),
			[]string{activeClose, passiveClose, closedByPeer, closesFirst}, common, 0},
	}
}

func build(t testing.TB, s *tt.Script) *timeline.Timeline {
	t.Helper()
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	return tl
}

// histories returns the history of every endpoint.
func histories(tl *timeline.Timeline) []string {
	var list []string
	for _, c := range tl.Connections {
		for _, e := range c.Ends() {
			list = append(list, states(e.History))
		}
	}
	return list
}

// noteNames returns the names of the notes, each once, sorted.
func noteNames(tl *timeline.Timeline) []timeline.NoteName {
	var list []timeline.NoteName
	for _, n := range tl.Notes {
		list = append(list, n.Name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestBuild(t *testing.T) {
	for _, r := range recordings() {
		t.Run(r.name, func(t *testing.T) {
			tl := build(t, r.script)
			if diff := cmp.Diff(r.histories, histories(tl)); diff != "" {
				t.Errorf("histories (-want +got):\n%s", diff)
			}
			slices.Sort(r.notes)
			if diff := cmp.Diff(r.notes, noteNames(tl)); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			if len(tl.Conflicts) != r.conflicts {
				t.Errorf("%d conflicts, want %d: %v", len(tl.Conflicts), r.conflicts, tl.Conflicts)
			}
			golden(t, r.name, render(tl))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestOrderOfRecording shows that the order in which probes hand in their
// events does not matter.
func TestOrderOfRecording(t *testing.T) {
	for _, r := range recordings() {
		t.Run(r.name, func(t *testing.T) {
			want := strings.Join(histories(build(t, r.script)), "\n")
			events := r.script.Events()
			rnd := rand.New(rand.NewPCG(1, 2))
			rnd.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			for i := range events {
				events[i].Seq = uint64(i + 1)
			}
			tl, err := timeline.Build(r.script.Header(), events)
			if err != nil {
				t.Fatalf("build: %v", err)
			}
			if diff := cmp.Diff(want, strings.Join(histories(tl), "\n")); diff != "" {
				t.Errorf("histories (-in order +shuffled):\n%s", diff)
			}
		})
	}
}
