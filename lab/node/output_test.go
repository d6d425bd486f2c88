package node

import (
	"bytes"
	"strings"
	"testing"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

// What is kept of output is bounded, whatever is printed.
func TestOutputIsBounded(t *testing.T) {
	line := strings.Repeat("y\n", 16<<10)
	tests := []struct {
		name    string
		chunks  []string
		content int // bytes
		cut     bool
		last    string
		logged  int // bytes at most
	}{
		{"nothing", nil, 0, false, "", 0},
		{"short", []string{"hello\n"}, 6, false, "hello", 6},
		{"no end of line", []string{"hel", "lo"}, 5, false, "hello", 5},
		{"blank lines last", []string{"a\nb\n", "\n \n"}, 7, false, "b", 7},
		{"too much", []string{line, line, line, "end\n"}, probes.MaxContent, true, "end", 3*len(line) + 4},
		{"rubbish", []string{"\xff\xfe\x00\x1b[31m"}, 9, false, "\uFFFD\uFFFD??[31m", 8},
		{"much rubbish", []string{strings.Repeat("\xff\x00", probes.MaxContent)}, probes.MaxContent, true, "", 2 * probes.MaxContent},
		{"more than the log takes", repeat(line, 40), probes.MaxContent, true, "y", maxLogged + 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			o := newOutput("prog", &log, probes.MaxContent, "")
			total := int64(0)
			for _, c := range tt.chunks {
				o.take([]byte(c))
				total += int64(len(c))
			}
			text, cut, bytes := o.content()
			if len(text) != tt.content || cut != tt.cut || bytes != total {
				t.Errorf("%d bytes, cut %v, of %d; want %d, %v, of %d", len(text), cut, bytes, tt.content, tt.cut, total)
			}
			if strings.ToValidUTF8(text, "") != text {
				t.Error("content is not UTF-8")
			}
			if last := o.lastLine(); tt.last != "" && last != tt.last || len(last) > maxLastLine+3 {
				t.Errorf("last line %q, want %q", last, tt.last)
			}
			o.ended()
			if log.Len() > tt.logged+200 || len(o.tail) > maxTail {
				t.Errorf("%d bytes in the log, %d of tail", log.Len(), len(o.tail))
			}
			if cutLog := strings.Contains(log.String(), "netlab: prog has printed"); cutLog != (total > maxLogged) {
				t.Errorf("log says that it was cut: %v", cutLog)
			}
		})
	}
}

func repeat(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

// A line that is waited for is found however it is cut into pieces.
func TestOutputFinds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		chunks []string
		want   bool
	}{
		{"at once", []string{"server ready for connections\n"}, true},
		{"in pieces", []string{"serv", "er re", "ady for", " connections"}, true},
		{"byte by byte", strings.Split("xx ready for x", ""), true},
		{"not", []string{"ready ", "to go"}, false},
		{"after much else", append(repeat("nonsense ready fo", 1000), "r"), true},
	} {
		o := newOutput("prog", &bytes.Buffer{}, 0, "ready for")
		for _, c := range tt.chunks {
			o.take([]byte(c))
		}
		found := false
		select {
		case <-o.found:
			found = true
		default:
		}
		if found != tt.want {
			t.Errorf("%s: found %v, want %v", tt.name, found, tt.want)
		}
		if len(o.carry) >= len("ready for") {
			t.Errorf("%s: %d bytes carried", tt.name, len(o.carry))
		}
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("hello\nworld"), "wor", 3)
	f.Add([]byte{0xff, 0, '\n'}, "\xff", 1)
	f.Fuzz(func(t *testing.T, text []byte, line string, step int) {
		if line == "" || step < 1 {
			return
		}
		o := newOutput("prog", &bytes.Buffer{}, 100, line)
		for rest := text; len(rest) > 0; {
			n := min(step, len(rest))
			o.take(rest[:n])
			rest = rest[n:]
		}
		found := false
		select {
		case <-o.found:
			found = true
		default:
		}
		if want := bytes.Contains(text, []byte(line)); found != want {
			t.Errorf("%q in %q, by %d: %v, want %v", line, text, step, found, want)
		}
		if content, _, _ := o.content(); strings.ToValidUTF8(content, "") != content {
			t.Errorf("content %q", content)
		}
	})
}

func TestEnvironment(t *testing.T) {
	t.Setenv("PATH", "/opt/x:relative:/tmp/mine:/usr/bin")
	got := environmentOf([]scenarios.Variable{{Name: "A", Value: "1"}, {Name: "HOME", Value: "/run"}})
	want := []string{"PATH=/opt/x:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin", "LANG=C.UTF-8", "A=1", "HOME=/run"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
