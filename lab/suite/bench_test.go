package suite_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/tabwriter"
	"time"

	"netlab/lab"
	"netlab/lab/check"
	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/probes"
	"netlab/scenarios"

	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) {
	node.Main() // this program is also the labs' supervisor and agents
	os.Exit(m.Run())
}

// small is a scenario of two nodes that does little: a session of FTP, closed
// in order.
const small = `netlab: 1
name: small
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {ftpd: {node: server, ftp: {anonymous: true, close: after_peer}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: control}
  - ftp.quit: {session: control, close: after_reply}
  - settle: {within: 3s}
expect:
  connections: {control: {first_fin: client}}
`

// compared is how many scenarios each contender runs; so many at a time of
// each, in turn, so that all meet the same machine.
const (
	compared = 200
	portion  = 20
)

// BenchmarkCompareSuites runs 200 scenarios of two nodes with -j 2, one after
// the other in one process, and each by a process of its own, and prints the
// times, with what the kernel alone takes as the floor: two namespaces and a
// link between them, made and given up, and the same with a lab's processes
// and all its probes but no scenario.
func BenchmarkCompareSuites(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	program := filepath.Join(b.TempDir(), "netlab")
	build := exec.Command("go", "build", "-o", program, "netlab/cmd/netlab")
	if out, err := build.CombinedOutput(); err != nil {
		b.Skipf("needs the go command: %v\n%s", err, out)
	}
	sc, err := scenarios.Parse("small.yaml", []byte(small))
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "small.yaml")
	if err := os.WriteFile(file, []byte(small), 0o644); err != nil {
		b.Fatal(err)
	}
	p, err := plan.New(sc)
	if err != nil {
		b.Fatal(err)
	}
	// Each loads the kernel's programs once, when its first portion needs them.
	one, two := run.NewSharedTracer(), run.NewSharedTracer()
	defer func() {
		if err := errors.Join(one.Close(), two.Close()); err != nil {
			b.Error(err)
		}
	}()
	contenders := []struct {
		name string
		run  func()
	}{
		{"namespaces and a link alone, 1 at a time", func() { floor(b, p, 1) }},
		{"namespaces and a link alone, 2 at a time", func() { floor(b, p, 2) }},
		{"labs with all probes, no scenario, 1 at a time", func() { labs(b, p, 1) }},
		{"labs with all probes, no scenario, 2 at a time", func() { labs(b, p, 2) }},
		{"one process, -j 2", func() { inOne(b, two, sc, 2) }},
		{"one process, -j 1", func() { inOne(b, one, sc, 1) }},
		{"a process each", func() { aProcessEach(b, program, file) }},
	}
	took := make([]time.Duration, len(contenders))
	for b.Loop() {
		clear(took)
		for range compared / portion {
			for i, c := range contenders {
				begun := time.Now()
				c.run()
				took[i] += time.Since(begun)
				netnstest.AwaitGone(b) // nobody pays for what another left
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d scenarios of two nodes\ttotal s\tms each\t/ -j 2\t\n", compared)
	const suites = 4 // the contender that the others are compared with
	for i, c := range contenders {
		ratio := float64(took[i]) / float64(took[suites])
		fmt.Fprintf(w, "%s\t%.2f\t%.1f\t%.2f\t\n", c.name, took[i].Seconds(), took[i].Seconds()*1000/compared, ratio)
	}
	_ = w.Flush() // stdout
	b.ReportMetric(float64(took[suites+1])/float64(took[suites]), "j1/j2")
	b.ReportMetric(float64(took[suites+2])/float64(took[suites]), "processes/j2")
	b.ReportMetric(float64(took[suites])/float64(took[1]), "j2/floor")
}

// several does something for a portion of scenarios, so many at a time.
func several(b *testing.B, atATime int, do func() error) {
	var side errgroup.Group
	side.SetLimit(atATime)
	for range portion {
		side.Go(do)
	}
	if err := side.Wait(); err != nil {
		b.Fatal(err)
	}
}

// floor makes the namespaces and the link of a plan, and gives them up.
func floor(b *testing.B, p *plan.Plan, atATime int) {
	several(b, atATime, func() error {
		spaces := map[string]*netns.NS{}
		for _, n := range p.Nodes {
			ns, err := netns.New()
			if err != nil {
				return err
			}
			defer ns.Close()
			spaces[n.Name] = ns
		}
		return link.Build(b.Context(), p, func(name string) *netns.NS { return spaces[name] })
	})
}

// labs brings labs up and takes them down.
func labs(b *testing.B, p *plan.Plan, atATime int) {
	several(b, atATime, func() error {
		l, err := lab.Up(b.Context(), p, lab.Options{
			Emit: func(probes.Event) {},
			Log:  func(string) (*os.File, error) { return os.OpenFile(os.DevNull, os.O_RDWR, 0) },
		})
		if err != nil {
			return err
		}
		return l.End()
	})
}

// inOne runs scenarios in this process.
func inOne(b *testing.B, tracer *run.SharedTracer, sc *scenarios.Scenario, atATime int) {
	var jobs []suite.Job
	for range portion {
		jobs = append(jobs, suite.Job{Times: 1, Config: run.Config{
			Scenario: sc, Variant: run.Base, Source: []byte(small), Dir: ".", Out: b.TempDir(), Version: "bench", Tracer: tracer,
		}})
	}
	suite.Name(jobs)
	for _, e := range suite.Run(b.Context(), jobs, suite.Options{AtATime: atATime, Lean: true}) {
		if e.Outcome() != check.Pass {
			b.Errorf("%s: %s %s", e.Name, e.Outcome(), e.Problem())
		}
	}
}

// aProcessEach runs scenarios as people without suites would.
func aProcessEach(b *testing.B, program, file string) {
	out := b.TempDir()
	for range portion {
		if text, err := exec.Command(program, "run", file, "--out", out).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, text)
		}
	}
}
