package sockdiag

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

func TestDecodeTally(t *testing.T) {
	info := make([]byte, infoSegsIn+4)
	binary.NativeEndian.PutUint32(info[infoRTT:], 1500)
	binary.NativeEndian.PutUint32(info[infoResent:], 2)
	binary.NativeEndian.PutUint64(info[infoBytesOut:], 1<<40)
	binary.NativeEndian.PutUint64(info[infoBytesIn:], 7)
	binary.NativeEndian.PutUint32(info[infoSegsOut:], 4)
	binary.NativeEndian.PutUint32(info[infoSegsIn:], 5)
	want := probes.Tally{SegsOut: 4, SegsIn: 5, BytesOut: 1 << 40, BytesIn: 7, Resent: 2, RTT: probes.Mono(1500 * time.Microsecond)}
	if got := decodeTally(info); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for n := range info { // older kernels leave the end out
		_ = decodeTally(info[:n])
	}
	if got := decodeTally(info[:infoBytesOut]); got != (probes.Tally{Resent: 2, RTT: want.RTT}) {
		t.Errorf("of an old kernel: %+v", got)
	}
}

// What a socket had done is told when it goes, for both families, by the cookie
// that it had.
func TestTallies(t *testing.T) {
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Hour})
	if kinds, lacks := p.Records(); len(kinds) != 2 || len(lacks) != 0 {
		t.Fatalf("records %v, lacks %v", kinds, lacks)
	}
	r, stop := start(t, p)
	ids := map[uint64]string{}
	for _, host := range []string{"127.0.0.1", "::1"} {
		client, server := listen(t, at, "[::]:0").pair(at, host)
		ids[client.cookie()], ids[server.cookie()] = "client "+host, "server "+host
		client.send("hello")
		server.receive(5)
		client.close()
		server.close()
	}
	tallies := func() map[uint64]probes.Event {
		found := map[uint64]probes.Event{}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range r.events {
			if e.Kind == probes.KindTally && ids[e.Sock.Cookie] != "" {
				found[e.Sock.Cookie] = e
			}
		}
		return found
	}
	for deadline := time.After(patience); len(tallies()) < len(ids); {
		select {
		case <-deadline:
			t.Fatalf("told of %d sockets, want %d", len(tallies()), len(ids))
		case <-time.After(time.Millisecond): // the recorder is only looked at
		}
	}
	stop()
	for id, e := range tallies() {
		if e.Node != "node" || e.Sock.NetNS != at.Cookie || e.Source != probes.SockDiag || e.Grade != probes.Recorded {
			t.Errorf("%s: %+v", ids[id], e)
		}
		moved := e.Tally.BytesOut
		if strings.HasPrefix(ids[id], "server") {
			moved = e.Tally.BytesIn
		}
		// Of the client SYN and FIN count, as far as they are acknowledged.
		if moved < 5 || moved > 7 || e.Tally.SegsIn < 3 || e.Tally.SegsOut < 2 {
			t.Errorf("%s: %+v", ids[id], e.Tally)
		}
	}
}

// Notices that found no room are a loss, and what comes behind is told again.
func TestTalliesWithoutRoom(t *testing.T) {
	at := newPlace(t)
	told, err := subscribe(at, 1) // the kernel gives some two thousand bytes at least
	if err != nil {
		t.Fatal(err)
	}
	defer told.close()
	l := listen(t, at, "127.0.0.1:0")
	for range 40 {
		client, server := l.pair(at, "127.0.0.1")
		client.close()
		server.close()
	}
	var losses, after int
	buf := make([]byte, bufferLen)
	emit := func(e probes.Event) {
		if e.Kind == probes.KindLoss {
			losses++
			if !strings.Contains(e.Loss.What, "ENOBUFS") || e.Node != "node" || e.Source != probes.SockDiag || e.Loss.Of != probes.KindTally {
				t.Errorf("loss %+v of %+v", e, e.Loss)
			}
		}
	}
	for deadline := time.After(patience); losses == 0; {
		told.read(buf, emit)
		select {
		case <-deadline:
			t.Fatal("no loss was told")
		case <-time.After(time.Millisecond): // the kernel tells from a work queue
		}
	}
	last := listen(t, at, "127.0.0.1:0")
	id := last.cookie()
	last.close()
	for deadline := time.After(patience); after == 0; {
		told.read(buf, func(e probes.Event) {
			if e.Kind == probes.KindTally && e.Sock.Cookie == id {
				after++
			}
		})
		select {
		case <-deadline:
			t.Fatal("nothing was told after the loss")
		case <-time.After(time.Millisecond):
		}
	}
	if after != 1 {
		t.Errorf("told %d times of the socket after the loss", after)
	}
}

func TestTallierBroken(t *testing.T) {
	told, err := subscribe(newPlace(t), tallyBuffer)
	if err != nil {
		t.Fatal(err)
	}
	fd := told.fd
	told.fd = -1
	var events []probes.Event
	told.read(make([]byte, bufferLen), func(e probes.Event) { events = append(events, e) })
	told.read(make([]byte, bufferLen), func(e probes.Event) { events = append(events, e) })
	if len(events) != 1 || events[0].Kind != probes.KindLoss {
		t.Errorf("events %+v, want one loss", events)
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
}
