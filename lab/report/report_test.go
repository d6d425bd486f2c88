package report

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/lab/plan"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

func four(c *checktest.Conn)  { c.FourWay(true) }
func three(c *checktest.Conn) { c.ThreeWay(true) }
func abort(c *checktest.Conn) { c.Reset(true) }

func makeRun(opts checktest.Options, closing func(*checktest.Conn)) Run {
	sc := checktest.FTPScenario()
	tl := checktest.FTPClose(opts, closing)
	tl.Notes = append(tl.Notes, timeline.Note{Endpoint: tl.Connections[0].Acceptor, Name: timeline.RequestSocket})
	p := &plan.Plan{
		Scenario: sc.Name,
		Links: []plan.Link{{Name: "wire", Ends: [2]plan.End{
			{Node: "client", Addresses: []netip.Prefix{netip.MustParsePrefix("10.77.0.1/24"), netip.MustParsePrefix("fd77::1/64")}},
			{Node: "server", QuickAck: true, Addresses: []netip.Prefix{netip.MustParsePrefix("10.77.0.2/24"), netip.MustParsePrefix("fd77::2/64")}},
		}}},
		Settings: []plan.Setting{{Name: "wire.acks", Value: "immediate"}, {Name: "ftpd.close", Value: "after_peer"}, {Name: "ftp.quit.close", Value: "after_reply"}},
	}
	return Run{
		Scenario: sc, Variant: "base", Plan: p, Timeline: tl, Judgement: check.Eval(tl, sc),
		RunDir: "netlab-runs/ftp-close-20260801T150421-1", Elapsed: 41 * time.Millisecond, UpTime: 9 * time.Millisecond,
		Breakdown: []Phase{{"parse", 1200 * time.Microsecond}, {"up", 9 * time.Millisecond}},
		NotRun:    sc.Variants,
	}
}

func TestText(t *testing.T) {
	root, user := checktest.Options{Root: true}, checktest.Options{}
	for _, tt := range []struct {
		name string
		opts checktest.Options
		end  func(*checktest.Conn)
		exit int
		full bool
	}{
		{"pass", root, four, 0, false},
		{"fail", root, three, 1, false},
		{"reset", root, abort, 1, false},
		{"rootless", user, four, 3, false},
		{"full", root, four, 0, true},
		{"ipv6", checktest.Options{Root: true, IPv6: true}, four, 0, false},
	} {
		for _, lang := range []words.Lang{words.English, words.Chinese} {
			t.Run(tt.name+"_"+string(lang), func(t *testing.T) {
				run := makeRun(tt.opts, tt.end)
				run.Exit = tt.exit
				var b bytes.Buffer
				if err := Text(&b, run, Options{Lang: lang, Full: tt.full}); err != nil {
					t.Fatal(err)
				}
				golden(t, tt.name+"_"+string(lang)+".txt", b.Bytes())
			})
		}
	}
}

func TestTextOfManyRuns(t *testing.T) {
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		var runs []Run
		for i := range 20 {
			end := four
			if i%3 == 2 {
				end = func(c *checktest.Conn) { c.FourWay(false) }
			}
			run := makeRun(checktest.Options{Root: true}, end)
			run.Variant = "eager_server"
			run.Scenario.Tally = []string{"control.first_fin"}
			run.Scenario.Expect.Connections = run.Scenario.Expect.Connections[1:]
			if i == 7 {
				run.Scenario.Expect.Connections[0].FirstFIN = checktest.Who("client")
			}
			run.Judgement = check.Eval(run.Timeline, run.Scenario)
			run.Elapsed = time.Duration(30+i) * time.Millisecond
			runs = append(runs, run)
		}
		var b bytes.Buffer
		if err := TextRuns(&b, runs, 1, Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		golden(t, "many_"+string(lang)+".txt", b.Bytes())
		b.Reset()
		if err := JSONRuns(&b, runs, 1); err != nil {
			t.Fatal(err)
		}
		golden(t, "many.json", b.Bytes())
	}
}
