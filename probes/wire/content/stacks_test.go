package content

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"netlab/probes"
)

// stacked reads a capture and writes the stacks that it tells: "names count
// first-frame".
func stacked(t *testing.T, capture []byte) []string {
	t.Helper()
	var out []string
	s := Search{Owners: owners(), Time: stamp, Stacks: true, Ports: map[uint16]probes.Protocol{80: probes.FTPProtocol}}
	err := Read(bytes.NewReader(capture), s, func(e probes.Event) {
		if e.Kind != probes.KindStack {
			return
		}
		var names []string
		for _, l := range e.Stack.Layers {
			names = append(names, string(l.Name))
		}
		out = append(out, fmt.Sprintf("%s %d %d", strings.Join(names, ">"), e.Stack.Count, e.Stack.Capture))
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each way in which frames are made up is told once, in the order of its first
// frame, and at the end that all were read.
func TestStacks(t *testing.T) {
	tp := newTape(t).write(
		fromClient(0, probes.SYN, ""), fromServer(0, probes.SYN, ""), fromClient(1, 0, "GET / HTTP/1.1\r\n\r\n"),
		fromServer(1, 0, "220 ready\r\n"), fromClient(19, probes.FIN, ""))
	got := stacked(t, tp.bytes())
	want := []string{"Ethernet>IPv4>TCP 3 1", "Ethernet>IPv4>TCP>HTTP 1 3", "Ethernet>IPv4>TCP>FTP 1 4", " 5 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := stacked(t, nil); len(got) != 0 {
		t.Errorf("of no capture: %q", got) // a lab without links: nobody says that it was read
	}
}
