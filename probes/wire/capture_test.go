package wire

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// testRings are the rings of a node and of a switch, without a kernel.
func testRings() []*ring {
	return []*ring{
		newRing(probes.Place{Node: "a", Ports: []probes.Port{{Link: "x", Ifindex: 2, Name: "eth0"}}}, 0),
		newRing(probes.Place{Node: "s", Ports: []probes.Port{{Link: "x", Ifindex: 2, Name: "p1"}, {Link: "y", Ifindex: 3, Name: "p2"}}}, 1),
	}
}

func TestCaptureFile(t *testing.T) {
	var out bytes.Buffer
	rings := testRings()
	q := newQueue(&out, 0, 1<<20)
	c, err := newCapture(q, 65535, rings)
	check(t, err)
	var want []fileFrame
	// Enough to need several chunks, of all lengths that padding depends on.
	for i := range 1500 {
		r := rings[i%2]
		p := r.ports[int32(2+i%2)]
		f := &frame{sec: 1700000000, nsec: uint32(i), size: 1000 + i%4, data: bytes.Repeat([]byte{byte(i)}, 1000+i%4), pkttype: uint8(i % 5)}
		if n := c.add(p, f); n != uint64(i+1) {
			t.Fatalf("frame %d was given number %d", i+1, n)
		}
		dir := 1 // in
		if f.pkttype == unix.PACKET_OUTGOING {
			dir = 2
		}
		p.frames++
		want = append(want, fileFrame{intf: p.Link + "@" + r.place.Node, direction: uint32(dir), stamp: 1700000000*1e9 + int64(i), length: f.size})
	}
	rings[1].drops = 7
	check(t, c.finish(rings))
	check(t, q.close())
	got, intfs := readNg(t, bytes.NewReader(out.Bytes()))
	if diff := cmp.Diff([]string{"x@a eth0 750 0", "x@s p1 0 7", "y@s p2 750 7"}, intfs); diff != "" {
		t.Errorf("interfaces and their statistics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(fileFrame{})); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

func TestCaptureReadableWhileWritten(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "x.pcapng"))
	check(t, err)
	defer file.Close()
	rings := testRings()
	q := newQueue(file, 0, 1<<20)
	c, err := newCapture(q, 65535, rings)
	check(t, err)
	for range 1000 {
		c.add(rings[0].ports[2], &frame{size: 900, data: make([]byte, 900)})
	}
	c.pass()
	check(t, q.close()) // as far as a killed process would have come, at some moment
	if frames, _ := readFile(t, file.Name()); len(frames) != 1000 {
		t.Errorf("%d frames in the file, want 1000", len(frames))
	}
}

// A brokenFile fails after some writes.
type brokenFile struct{ left int }

func (f *brokenFile) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, unix.ENOSPC
	}
	return len(b), nil
}

func (f *brokenFile) Name() string { return "out/x.pcapng" }

func TestQueueErrors(t *testing.T) {
	t.Run("full disk", func(t *testing.T) {
		q := newQueue(&brokenFile{left: 2}, 0, 1<<20)
		for range 20 { // goes on taking
			q.put(make([]byte, 10))
		}
		err := q.close()
		if !errors.Is(err, unix.ENOSPC) || err.Error() != "write capture file out/x.pcapng: no space left on device" {
			t.Errorf("error %v", err)
		}
		if again := q.close(); again != err {
			t.Errorf("closing again gives %v", again)
		}
	})
	t.Run("limit", func(t *testing.T) {
		var out bytes.Buffer
		q := newQueue(&out, 25, 1<<20)
		for range 5 {
			q.put(make([]byte, 10))
		}
		if err := q.close(); err == nil || !strings.Contains(err.Error(), "write capture: limit of 25 bytes reached") {
			t.Errorf("error %v", err)
		}
		if out.Len() != 20 {
			t.Errorf("%d bytes written, want 20: whole chunks below the limit", out.Len())
		}
	})
}

func TestRunReportsFullDisk(t *testing.T) {
	p := newPair(t, false)
	rec, err := running(t, Config{Places: p.places, Capture: &brokenFile{}}, func() {
		p.talk(t, serverV4, []byte("hello"), []byte("bye"))
	})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(fmt.Sprint(err), "out/x.pcapng") {
		t.Errorf("error %v, want one that names the file", err)
	}
	if n := len(rec.of(probes.KindSegment, "client")); n < 7 {
		t.Errorf("%d segments, want them all the same", n)
	}
}
