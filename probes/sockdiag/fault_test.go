package sockdiag

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/lab/check/faulttest"
	"netlab/probes"
	"netlab/probes/timeline/timelinetest"

	"golang.org/x/sys/unix"
)

// An interrupting kernel says of every dump, or of the first ones, that its
// table changed meanwhile.
type interrupting struct {
	kernel
	times int // so often
	done  int
}

func (k *interrupting) receive(buf []byte) ([]byte, error) {
	b, err := k.kernel.receive(buf)
	if err != nil || k.done == k.times || len(b) < headerLen {
		return b, err
	}
	if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_DONE {
		k.done++
	}
	flags := binary.NativeEndian.Uint16(b[6:])
	binary.NativeEndian.PutUint16(b[6:], flags|unix.NLM_F_DUMP_INTR)
	return b, nil
}

func interrupt(p *Probe, times int) {
	c := p.places[0].conn
	c.kernel = &interrupting{kernel: c.kernel, times: times}
}

// A dump that was interrupted is asked for again.
func TestInterruptedOnce(t *testing.T) {
	at := newPlace(t)
	l := listen(t, at, "127.0.0.1:0")
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Hour})
	r, stop := start(t, p)
	interrupt(p, dumpAttempts-1)
	list, err := p.Snapshot(t.Context())
	if err != nil || len(list) != 1 || list[0].ID.Cookie != l.cookie() {
		t.Errorf("listed %+v, %v", list, err)
	}
	stop()
	for _, e := range r.events {
		if e.Kind == probes.KindLoss {
			t.Errorf("loss %+v", e.Loss)
		}
	}
}

// One that never comes whole is a loss; then nobody was seen not to be there.
func TestInterrupted(t *testing.T) {
	at := newPlace(t)
	at.Node = "client"
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Hour})
	r, stop := start(t, p)
	interrupt(p, -1)
	if _, err := p.Snapshot(t.Context()); !errors.Is(err, errInterrupted) {
		t.Errorf("snapshot: %v", err)
	}
	stop()
	var losses []probes.Event
	for _, e := range r.events {
		if e.Kind == probes.KindLoss {
			losses = append(losses, e)
		}
	}
	if len(losses) != 1 || losses[0].Node != "client" || losses[0].Source != probes.SockDiag || !strings.Contains(losses[0].Loss.What, "interrupted") {
		t.Fatalf("losses %+v", losses)
	}
	record := timelinetest.FTPClose(timelinetest.Options{}, func(c *timelinetest.Conn) { c.Reset(c.Opener) })
	sc := checktest.FTPScenario()
	control := &sc.Expect.Connections[0]
	control.Ends, control.Closing, control.Resets, control.TimeWait = nil, nil, nil, checktest.Who("nobody")
	if j := faulttest.Judge(t, record, sc, losses...); j.Outcome != check.Inconclusive {
		t.Errorf("outcome %s, want %s: %+v", j.Outcome, check.Inconclusive, j.Verdicts)
	}
}

// A look at one socket that fails is a loss, too, and no socket is taken for
// gone.
func TestLookAtFails(t *testing.T) {
	at, p, r := resting(t)
	l := listen(t, at, "127.0.0.1:0")
	if _, err := p.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := p.places[0].conn
	c.kernel = failing{c.kernel}
	p.LookAt([]Ask{{Node: "node", Cookie: l.cookie(), Flow: probes.Flow{Local: l.local()}}})
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.events[len(r.events)-1]
	if last.Kind != probes.KindLoss || !strings.Contains(last.Loss.What, "ENOBUFS") && !strings.Contains(last.Loss.What, "no buffer space") {
		t.Errorf("last event %+v of %+v", last, last.Loss)
	}
}

// A failing kernel has no room for an answer.
type failing struct{ kernel }

func (failing) receive([]byte) ([]byte, error) { return nil, unix.ENOBUFS }
