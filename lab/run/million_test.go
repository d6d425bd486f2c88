package run_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"
)

// large is how many events the large record has.
const large = 1_000_000

// largeScenario is what its run was of.
const largeScenario = `netlab: 1
name: large
title: A million events
claim: Nothing is reset.
finding: confirmed
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
steps:
  - tcp.connect: {node: client, peer: server, port: 7000, as: first}
  - settle: {within: 3s}
expect:
  connections: {first: {resets: 0, time_wait: client, closing: [client FIN, server ACK, server FIN, client ACK]}}
`

// shortConnections plays a run of so many connections, one after the other, as
// every probe would have recorded them.
func shortConnections(count int) *timelinetest.Script {
	s := timelinetest.New(timelinetest.Options{Addressed: true})
	s.Listen(7000, "server")
	s.Mark(probes.WindowOpen)
	one := func(n int) {
		c := s.DialPorts(timelinetest.Client, uint16(1024+n%60000), uint16(7000+n/60000))
		c.Open()
		c.Send(c.Opener, "hello", 6)
		c.FourWay(c.Opener)
		s.Wait(time.Millisecond)
	}
	s.Step("tcp.connect", "first", nil, func() { one(0) })
	for n := 1; n < count; n++ {
		one(n)
	}
	s.Finish()
	return s
}

// largeRun writes a run directory of at least so many events.
func largeRun(tb testing.TB, events int) string {
	tb.Helper()
	const few = 100
	each := (len(shortConnections(2*few).Events()) - len(shortConnections(few).Events())) / few
	s := shortConnections(events/each + 1)
	dir := tb.TempDir()
	header := s.Header()
	header.Scenario, header.File, header.Variant = "large", "large.yaml", run.Base
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	if err := enc.Encode(header); err != nil {
		tb.Fatal(err)
	}
	for _, e := range s.Events() {
		if err := enc.Encode(e); err != nil {
			tb.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{run.ScenarioFile: []byte(largeScenario), run.EventsFile: out.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// BenchmarkCompareMillion says what it takes to judge and report a record of a
// million events.
func BenchmarkCompareMillion(b *testing.B) {
	dir := largeRun(b, large)
	for b.Loop() {
		forget(b)
		begun := time.Now()
		again, err := run.Check(dir)
		if err != nil {
			b.Fatal(err)
		}
		judged := time.Since(begun)
		rendered := report.Run{Scenario: again.Scenario, Timeline: again.Timeline, Judgement: again.Judgement}
		var text, all bytes.Buffer
		if err := report.Text(&text, rendered, report.Options{Lang: words.English, Width: 80}); err != nil {
			b.Fatal(err)
		}
		if err := report.JSON(&all, rendered); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(judged.Seconds(), "s-judged")
		b.ReportMetric(time.Since(begun).Seconds()-judged.Seconds(), "s-reported")
		b.ReportMetric(float64(peak())/1e6, "MB-peak")
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(mem.HeapAlloc)/1e6, "MB-live")
		b.Log(len(again.Timeline.Events), "events,", len(again.Timeline.Connections), "connections,", again.Judgement.Outcome, strconv.Itoa(all.Len()/1_000_000)+" MB of JSON")
	}
}

// forget gives back what the process does not need any more, and has the kernel
// count anew for peak (clear_refs of proc(5)).
func forget(tb testing.TB) {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		tb.Log(err)
	}
}

// peak returns the most memory that the process had at a time, in bytes
// (VmHWM of proc(5)).
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kb * 1024
		}
	}
	return 0
}
