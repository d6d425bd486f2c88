package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// lines renders the segments of a node, one a line: direction, flags, length.
func lines(events []probes.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", e.Segment.Dir, e.Segment.Flags, e.Segment.Len, e.Segment.Text)))
	}
	return out
}

func TestConnection(t *testing.T) {
	for _, tt := range []struct {
		name, server, client string
		offloads             bool
	}{
		{name: "IPv4", client: clientV4, server: serverV4},
		{name: "IPv6", client: clientV6, server: serverV6},
		{name: "IPv4 with offloads", client: clientV4, server: serverV4, offloads: true},
		{name: "IPv6 with offloads", client: clientV6, server: serverV6, offloads: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t, tt.offloads)
			file, err := os.Create(filepath.Join(t.TempDir(), "capture.pcapng"))
			check(t, err)
			defer file.Close()
			rec, err := running(t, Config{Places: p.places, Capture: file}, func() {
				p.talk(t, tt.server, []byte("hello\r\nworld"), []byte("good bye\x00"))
			})
			check(t, err)
			if l := rec.of(probes.KindLoss, ""); len(l) > 0 {
				t.Errorf("losses: %+v", l[0].Loss)
			}
			if c := rec.of(probes.KindClock, ""); len(c) < 2 {
				t.Errorf("%d comparisons of the clocks, want 2 at least", len(c))
			}
			at := map[string][]probes.Event{"client": rec.of(probes.KindSegment, "client"), "server": rec.of(probes.KindSegment, "server")}
			sameSegments(t, at["client"], at["server"])
			checkHandshake(t, at["client"], at["server"], tt.client, tt.server)
			for node, events := range at {
				checkBytes(t, node, events, 12, 9)
			}
			checkFile(t, file.Name(), rec)
		})
	}
}

// sameSegments compares what the two taps saw: the same, but for direction.
func sameSegments(t *testing.T, client, server []probes.Event) {
	t.Helper()
	key := func(e probes.Event, mirror bool) string {
		s := *e.Segment
		flow, dir := e.Flow, s.Dir
		if mirror {
			flow = flow.Reverse()
			dir = map[probes.Direction]probes.Direction{probes.In: probes.Out, probes.Out: probes.In}[dir]
		}
		return fmt.Sprint(flow, dir, s.Seq, s.Ack, s.Flags, s.Window, s.Len, s.IPID, s.TSVal, s.TSEcr, s.MSS, s.WScale, s.BadSum, s.Text)
	}
	var a, b []string
	for _, e := range client {
		a = append(a, key(e, false))
	}
	for _, e := range server {
		b = append(b, key(e, true))
	}
	slices.Sort(a) // segments cross
	slices.Sort(b)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the two ends saw different segments (-client +server):\n%s", diff)
	}
}

// checkHandshake follows the first three segments across both taps.
func checkHandshake(t *testing.T, client, server []probes.Event, clientAddr, serverAddr string) {
	t.Helper()
	if len(client) < 3 || len(server) < 3 {
		t.Fatalf("client saw %d segments, server %d", len(client), len(server))
	}
	want := []string{"out SYN 0", "in SYN+ACK 0", "out ACK 0"}
	if diff := cmp.Diff(want, lines(client[:3])); diff != "" {
		t.Errorf("opening at the client (-want +got):\n%s", diff)
	}
	hops := []probes.Event{client[0], server[0], server[1], client[1], client[2], server[2]}
	for i := 1; i < len(hops); i++ {
		if hops[i].Time <= hops[i-1].Time {
			t.Errorf("hop %d of the opening is %v before the one it follows from", i, hops[i-1].Time.Sub(hops[i].Time))
		}
	}
	syn, synack := client[0], server[1]
	if syn.Flow.Local.Addr().String() != clientAddr || syn.Flow.Remote.Addr().String() != serverAddr || syn.Flow.Remote.Port() != 7 {
		t.Errorf("flow at the client is %v", syn.Flow)
	}
	if synack.Flow != syn.Flow.Reverse() {
		t.Errorf("flow at the server is %v, want %v", synack.Flow, syn.Flow.Reverse())
	}
	if syn.Segment.MSS == 0 || syn.Segment.WScale == 0 || syn.Segment.TSVal == 0 || synack.Segment.TSEcr != syn.Segment.TSVal {
		t.Errorf("options of SYN %+v and SYN+ACK %+v", *syn.Segment, *synack.Segment)
	}
	if synack.Segment.Ack != syn.Segment.Seq+1 {
		t.Errorf("SYN+ACK acknowledges %d, want %d", synack.Segment.Ack, syn.Segment.Seq+1)
	}
}

// checkBytes counts what passed one tap, in order of time.
func checkBytes(t *testing.T, node string, events []probes.Event, request, reply int) {
	t.Helper()
	sent := map[string]int{}
	var texts []string
	last := probes.Mono(0)
	for _, e := range events {
		sent[string(e.Segment.Dir)] += e.Segment.Len
		if e.Segment.Text != "" {
			texts = append(texts, e.Segment.Text)
		}
		if e.Segment.BadSum || e.Segment.Snapped {
			t.Errorf("%s: bad segment %+v", node, *e.Segment)
		}
		if e.Time < last {
			t.Errorf("%s: frame %d is %v before the one before it", node, e.Segment.Capture, last.Sub(e.Time))
		}
		last = e.Time
	}
	if node == "server" {
		request, reply = reply, request
	}
	if sent["out"] != request || sent["in"] != reply {
		t.Errorf("%s: %d bytes out, %d in, want %d and %d", node, sent["out"], sent["in"], request, reply)
	}
	if diff := cmp.Diff([]string{"hello", "good bye."}, texts); diff != "" {
		t.Errorf("%s: texts (-want +got):\n%s", node, diff)
	}
}

// checkFile reads the capture file back, by two readers that are not ours.
func checkFile(t *testing.T, name string, rec *recorder) {
	t.Helper()
	frames, intfs := readFile(t, name)
	count := map[string]int{}
	for _, f := range frames {
		count[f.intf]++
	}
	want := []string{fmt.Sprintf("wire@client eth0 %d 0", count["wire@client"]), fmt.Sprintf("wire@server eth0 %d 0", count["wire@server"])}
	if diff := cmp.Diff(want, intfs); diff != "" {
		t.Errorf("interfaces and their statistics (-want +got):\n%s", diff)
	}
	var offset int64
	for _, e := range rec.of(probes.KindClock, "") {
		offset = e.Clock.Offset
	}
	for _, e := range rec.of(probes.KindSegment, "") {
		n := int(e.Segment.Capture)
		if n < 1 || n > len(frames) {
			t.Fatalf("segment says frame %d; the file has %d", n, len(frames))
		}
		f := frames[n-1]
		want := map[probes.Direction]uint32{probes.In: 1, probes.Out: 2}[e.Segment.Dir]
		if f.direction != want || f.intf != "wire@"+e.Node {
			t.Errorf("frame %d: direction %v on %s, want %v on %s", n, f.direction, f.intf, want, e.Node)
		}
		if d := f.stamp - offset - int64(e.Time); max(d, -d) > 5000 {
			t.Errorf("frame %d: stamp and event are %d ns apart", n, d)
		}
	}
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Log("no tshark to open the file with")
		return
	}
	cmd := exec.Command(tshark, "-r", name, "-T", "fields", "-e", "frame.interface_name", "-Y", "tcp")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || !onlyRootWarning(stderr.String()) {
		t.Errorf("tshark: %v: %s", err, &stderr)
	}
	if got, want := strings.Count(string(out), "\n"), len(rec.of(probes.KindSegment, "")); got != want {
		t.Errorf("tshark found %d TCP segments, want %d", got, want)
	}
}

// onlyRootWarning reports whether tshark complained of nothing but its user.
func onlyRootWarning(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || strings.HasPrefix(s, "Running as user") && !strings.Contains(s, "\n")
}

type fileFrame struct {
	intf      string
	direction uint32
	stamp     int64
	length    int
}

func readFile(t *testing.T, name string) (frames []fileFrame, intfs []string) {
	t.Helper()
	file, err := os.Open(name)
	check(t, err)
	defer file.Close()
	return readNg(t, file)
}

// readNg reads a pcapng file; intfs has name, description, frames and drops
// of each interface.
func readNg(t *testing.T, file io.Reader) (frames []fileFrame, intfs []string) {
	t.Helper()
	r, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	check(t, err)
	for {
		_, ci, opts, err := r.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			break
		}
		check(t, err)
		intf, err := r.Interface(ci.InterfaceIndex)
		check(t, err)
		if intf.LinkType != layers.LinkTypeEthernet {
			t.Errorf("link type %v", intf.LinkType)
		}
		f := fileFrame{intf: intf.Name, stamp: ci.Timestamp.UnixNano(), length: ci.Length}
		if opts.Flags != nil {
			f.direction = uint32(opts.Flags.Direction)
		}
		frames = append(frames, f)
	}
	for i := range r.NInterfaces() {
		intf, err := r.Interface(i)
		check(t, err)
		intfs = append(intfs, fmt.Sprint(intf.Name, " ", intf.Description, " ", intf.Statistics.PacketsReceived, " ", intf.Statistics.PacketsDropped))
	}
	return frames, intfs
}
