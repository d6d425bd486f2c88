package suite_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"text/tabwriter"

	"netlab/lab/check"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/scenarios"
)

// Each round sends so many requests over one connection, at most for so long.
const (
	requests = 10_000
	loadTime = "20s"
)

// load is a scenario in which a client asks as fast as it can.
func load() string {
	return fmt.Sprintf(`netlab: 1
name: load
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
addressing: {ipv6: none}
servers: {web: {node: server, http: {routes: {/: "hello\n"}}}}
steps:
  - exec: {node: client, as: load, timeout: %s, command: [curl, --silent, --show-error, --output, /dev/null, "http://10.77.0.2/?[1-%d]"]}
  - settle: {within: 3s}
expect:
  connection_count: {web: 1}
limits: {run: 2m}
`, loadTime, requests)
}

// BenchmarkCompareLoad sends requests over a kept connection (HTTP/1.1) with
// all probes and with none, in turn, and prints how many a second there were,
// and what was lost. The calls of our server are recorded in any case.
func BenchmarkCompareLoad(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	if _, err := exec.LookPath("curl"); err != nil {
		b.Skipf("needs curl: %v", err)
	}
	sc, err := scenarios.Parse("load.yaml", []byte(load()))
	if err != nil {
		b.Fatal(err)
	}
	lab := []probes.Source{probes.SockDiag, probes.SS, probes.Wire}
	ways := []struct {
		name    string
		without []probes.Source
		bpf     bool
	}{
		{"no probes", lab, false},
		{"bpf", lab, true},
		{"sockdiag and ss", []probes.Source{probes.Wire}, false},
		{"wire", []probes.Source{probes.SockDiag, probes.SS}, false},
		{"all probes", nil, true},
	}
	tracer := run.NewSharedTracer()
	defer func() {
		if err := tracer.Close(); err != nil {
			b.Error(err)
		}
	}()
	rates, lost := make([][]float64, len(ways)), make([]uint64, len(ways))
	for b.Loop() {
		for range 5 {
			for i, way := range ways {
				c := run.Config{Scenario: sc, Variant: run.Base, Source: []byte(load()), Dir: ".", Out: b.TempDir(), Version: "bench", Without: way.without}
				if way.bpf {
					c.Tracer = tracer
				}
				rate, losses := rateOf(b, c)
				rates[i] = append(rates[i], rate)
				lost[i] += losses
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nHTTP keep-alive, medians of %d\trequests a second\t/ no probes\trecords lost\t\n", len(rates[0]))
	none := middle(rates[0])
	for i, way := range ways {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%d\t\n", way.name, middle(rates[i]), middle(rates[i])/none, lost[i])
	}
	_ = w.Flush() // stdout
	b.ReportMetric(middle(rates[len(ways)-1])/none, "probes/none")
}

// rateOf runs the load once, and returns the requests a second and how many
// records were lost.
func rateOf(b *testing.B, c run.Config) (rate float64, lost uint64) {
	result, err := run.Once(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	if result.Judgement.Outcome == check.Fail || result.Judgement.Outcome == check.Error {
		b.Errorf("outcome %s: %+v", result.Judgement.Outcome, result.Judgement.Verdicts)
	}
	for _, l := range result.Timeline.Losses {
		lost += l.Count
	}
	for _, s := range result.Timeline.Steps {
		if s.Name == "load" && s.Error == "" {
			return requests / s.Duration().Seconds(), lost
		}
	}
	b.Fatalf("the load did not come to its end: %+v", result.Timeline.Steps)
	return 0, 0
}

// middle returns the median.
func middle(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
