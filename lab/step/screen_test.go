package step

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
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
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

var languages = []words.Lang{words.English, words.Chinese}

// titles are those of a scenario, as the command makes them.
var titles = map[words.Lang]string{
	words.English: "close  Why closing takes a four-way handshake",
	words.Chinese: "close  为什么结束连接需要“四次挥手”",
}

// at starts a model of a lab at a window of a size.
func at(t *testing.T, l *fakeLab, lang words.Lang, width, height int) *model {
	t.Helper()
	m := newModel(Options{Lang: lang, Title: titles[lang], Predict: predictOne}, false)
	m.update(size{width, height})
	settle(t, l, m)
	return m
}

// settle lets the model see the lab, and does what the model asks for, until
// it asks for nothing.
func settle(t *testing.T, l *fakeLab, m *model) {
	t.Helper()
	for {
		m.update(viewOf(t, l))
		a, ok := m.take()
		if !ok {
			return
		}
		m.update(done{a, a.perform(t.Context(), l)})
	}
}

// press presses keys, one after the other; the lab follows each.
func press(t *testing.T, l *fakeLab, m *model, keys ...string) {
	t.Helper()
	for _, k := range keys {
		text := ""
		if len([]rune(k)) == 1 {
			text = k
		}
		m.update(key{k, text})
		settle(t, l, m)
	}
}

// typed presses a key for every character.
func typed(t *testing.T, l *fakeLab, m *model, text string) {
	t.Helper()
	for _, r := range text {
		press(t, l, m, string(r))
	}
}

// content is the screen as text; what is chosen and what is a heading is
// seen without attributes.
func content(t *testing.T, m *model) string {
	t.Helper()
	var b strings.Builder
	lines := m.screen()
	if len(lines) > m.height {
		t.Errorf("%d lines in a window of %d", len(lines), m.height)
	}
	for _, l := range lines {
		if m.wide(l.text) > m.width {
			t.Errorf("%d cells in a window of %d: %q", m.wide(l.text), m.width, l.text)
		}
		if strings.ContainsFunc(l.text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("not printable: %q", l.text)
		}
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

func TestScreens(t *testing.T) {
	for _, tt := range []struct {
		name string
		lab  func() *fakeLab
		keys []string
	}{
		{"syn", plainClose, nil},
		{"fin", plainClose, []string{"n", "n", "n"}},
		{"crossed", crossedClose, []string{"n", "n", "n", "down"}},
		{"reply", func() *fakeLab { return ftpClose(timelinetest.Options{}) }, []string{"n", "n", "n", "n", "n", "n"}},
		{"lost", plainClose, []string{"n", "n", "n", "d"}},
		{"ended", crossedClose, []string{"R"}},
		{"help", plainClose, []string{"?"}},
		{"ask", plainClose, []string{"r", "F", "I"}},
		{"leave", plainClose, []string{"q"}},
	} {
		for _, lang := range languages {
			for _, s := range []size{{80, 24}, {120, 40}} {
				name := fmt.Sprintf("%s_%s_%dx%d.txt", tt.name, lang, s.width, s.height)
				t.Run(name, func(t *testing.T) {
					l := tt.lab()
					m := at(t, l, lang, s.width, s.height)
					press(t, l, m, tt.keys...)
					golden(t, name, content(t, m))
				})
			}
		}
	}
}

// Whatever its size, the window is filled and no line is too long.
func TestResize(t *testing.T) {
	l := ftpClose(timelinetest.Options{IPv6: true})
	m := at(t, l, words.Chinese, 80, 24)
	press(t, l, m, "n", "n", "n", "n", "n", "n")
	for _, lang := range languages {
		m.pen = newPen(Options{Lang: lang}, false)
		for _, mode := range []mode{choosing, asking, leaving, helping} {
			m.mode = mode
			for width := 0; width < 140; width += 7 {
				for height := 0; height < 50; height += 1 + height/12 {
					m.update(size{width, height})
					if got := strings.Count(content(t, m), "\n"); height >= fixedLines+2 && width >= 24 && got != height {
						t.Fatalf("%d lines in a window of %dx%d", got, width, height)
					}
				}
			}
		}
	}
}

func TestLongNames(t *testing.T) {
	l := plainClose()
	l.doing = "steps[12] " + strings.Repeat("tcp.", 60)
	m := at(t, l, words.English, 80, 24)
	m.Title = strings.Repeat("为什么", 60)
	v := viewOf(t, l)
	v.Number++
	for i := range v.Waiting {
		v.Waiting[i].From, v.Waiting[i].To = strings.Repeat("client", 20), strings.Repeat("server", 20)
		v.Waiting[i].Rule = strings.Repeat("rule", 40)
	}
	m.update(v)
	golden(t, "long_80x24.txt", content(t, m))
}

// hostile is a payload that would change the terminal, or the order of its
// text.
const hostile = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u200b\xff \"quoted\" \\ 四次挥手\r\nnext"

func TestHostileBytes(t *testing.T) {
	l := plainClose()
	m := at(t, l, words.English, 80, 24)
	v := viewOf(t, l)
	v.Number++
	f := v.Waiting[0]
	f.ID = 99
	seg := *f.Segment
	seg.Flags, seg.Len, seg.Text = probes.ACK|probes.PSH, len(hostile), hostile
	f.Segment, f.Data = &seg, bytesOf(seg, f.Flow)
	v.Waiting[0] = f
	v.Waiting = append(v.Waiting, gate.Frame{ID: 100, Link: "\x1b[1m", From: "\x1b[2J", To: "\u202e", What: "what\x07\n", Data: []byte(hostile), Rule: "\x1b"})
	v.Doing = "\x1b[31m"
	v.Err = errors.New("\x1b]0;x\x07\nsecond line")
	m.update(v)
	golden(t, "hostile_80x24.txt", content(t, m))
	m.update(key{"down", ""})
	golden(t, "hostile_other_80x24.txt", content(t, m))
}

// The screen does not jump: what is where depends on the window alone.
func TestSharesFillTheWindow(t *testing.T) {
	for height := fixedLines + 2; height < 200; height++ {
		a, b, c, d := shares(height)
		if a+b+c+d+fixedLines != height || a < 1 || b < 0 || c < 0 || d < 0 {
			t.Errorf("%d lines: %d waiting, %d headers, %d prediction, %d ladder", height, a, b, c, d)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	seg := probes.Segment{Flags: probes.SYN, Text: "x", Len: 1}
	l := newFake(hooks{}, timelinetest.Options{}, 80)
	f.Add(bytesOf(seg, l.conn.Opener.Flow))
	l = newFake(hooks{}, timelinetest.Options{IPv6: true}, 80)
	f.Add(bytesOf(seg, l.conn.Opener.Flow))
	f.Add([]byte(hostile))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"))
	p := newPen(Options{}, false)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, field := range p.headers(gate.Frame{Data: data, Segment: &seg, What: "?"}) {
			if strings.ContainsFunc(field.label+field.text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("not printable: %q", field)
			}
		}
	})
}
