package lab_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"netlab/lab"
	"netlab/lab/link/linktest"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"
)

// star writes a scenario of n nodes, each on a switch.
func star(n int) string {
	var b strings.Builder
	b.WriteString("netlab: 1\nname: star\nnodes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  h%d: {}\n", i)
	}
	b.WriteString("switches:\n")
	for i := 0; i < n; i += linktest.PortsPerSwitch {
		fmt.Fprintf(&b, "  s%d: {}\n", i/linktest.PortsPerSwitch)
	}
	b.WriteString("links:\n")
	for i := range n {
		fmt.Fprintf(&b, "  l%d: [h%d, s%d]\n", i, i, i/linktest.PortsPerSwitch)
	}
	return b.String()
}

// planOf plans the lab of a scenario.
func planOf(tb testing.TB, text string) *plan.Plan {
	tb.Helper()
	sc, err := scenarios.Parse("test.yaml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := plan.New(sc)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// A cost is what one lab took.
type cost struct {
	up, down time.Duration
	gone     time.Duration // from the beginning of down until the kernel had freed all
	memory   int64         // bytes of the machine's that the lab used
	pss      int64         // bytes of these that its processes used, shared ones by their share
}

// A contender is a way to build a star of n nodes and to take it down.
type contender struct {
	name string
	most int // nodes
	lab  func(tb testing.TB, n int) cost
}

// allProbes are those of the lab itself.
var allProbes = []probes.Source{probes.Wire, probes.SockDiag, probes.SS}

// contenders returns those that this machine has.
func contenders(b *testing.B) []contender {
	list := []contender{
		{"netlab", 1000, netlab(lab.Options{Without: allProbes})},
		{"netlab, probes", 1000, netlab(lab.Options{})},
		{"netlab, processes", 1000, netlab(lab.Options{Everywhere: true, Without: allProbes})},
		{"netlab, processes, probes", 1000, netlab(lab.Options{Everywhere: true})},
	}
	if _, err := exec.LookPath("ip"); err == nil {
		list = append(list, contender{"ip -batch", 1000, other(linktest.IPBatch)})
	} else {
		b.Logf("without ip -batch: %v", err)
	}
	if _, err := exec.LookPath("mnexec"); err == nil {
		list = append(list, contender{"mininet", 100, other(linktest.Mininet)})
	} else {
		b.Logf("without Mininet (apt-get install mininet): %v", err)
	}
	return list
}

// netlab is this module's way, through the whole of lab.Up and Close.
func netlab(o lab.Options) func(testing.TB, int) cost {
	return func(tb testing.TB, n int) cost {
		p := planOf(tb, star(n))
		dir := tb.TempDir()
		o.Emit = func(probes.Event) {}
		o.Log = func(name string) (*os.File, error) { return os.Create(filepath.Join(dir, name+".log")) }
		before := available(tb)
		start := time.Now()
		l, err := lab.Up(tb.Context(), p, o)
		c := cost{up: time.Since(start)}
		if err != nil {
			tb.Fatal(err)
		}
		c.memory, c.pss = before-available(tb), pssOf(family(os.Getpid()))
		start = time.Now()
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
		c.down = time.Since(start)
		netnstest.AwaitGone(tb)
		c.gone = time.Since(start)
		return c
	}
}

// other is somebody else's way.
func other(build func(testing.TB, int) (up, down time.Duration)) func(testing.TB, int) cost {
	return func(tb testing.TB, n int) cost {
		up, down := build(tb, n)
		start := time.Now()
		netnstest.AwaitGone(tb)
		return cost{up: up, down: down, gone: down + time.Since(start)}
	}
}

// rounds is how often each contender builds a lab of n nodes.
func rounds(n int) int {
	switch {
	case n <= 10:
		return 9
	case n <= 100:
		return 5
	}
	return 3
}

// BenchmarkCompareLabs builds the same stars with netlab, by a script of ip(8)
// and with Mininet, in turn, and prints medians and ratios. What is compared:
//
// Up is until the lab can be used. netlab's is that of lab.Up, from nothing:
// it starts the supervisor, and waits until every port carries frames, with
// IPv4 and IPv6 addresses on every node. The script builds namespaces, links,
// addresses of both families and routes, and waits for nothing; the start of
// bash is left out. Mininet's hosts are shells in namespaces with an IPv4
// address; the start of Python is left out. Neither looks at anything, so that
// netlab's probes are left out too, but where the row says so.
//
// Down is until all processes are gone and nothing has a hold on a namespace
// any more; the kernel then takes the namespaces apart in the background. Gone
// is until it has done that too, for everyone, and includes some 80 ms for
// finding out.
func BenchmarkCompareLabs(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	list := contenders(b)
	medians := map[int]map[string]cost{}
	for _, n := range []int{2, 10, 100, 1000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			costs := map[string][]cost{}
			for b.Loop() {
				for round := range rounds(n) {
					for i := range list {
						// Nobody always comes after the same one.
						c := list[(i+round)%len(list)]
						if n <= c.most {
							costs[c.name] = append(costs[c.name], c.lab(b, n))
						}
					}
				}
			}
			medians[n] = map[string]cost{}
			for name, c := range costs {
				medians[n][name] = medianCost(c)
			}
			report(b, n, list, costs, medians[n])
		})
	}
	slopes(list, medians[100], medians[1000])
}

// report prints what labs of n nodes cost.
func report(b *testing.B, n int, list []contender, costs map[string][]cost, medians map[string]cost) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d nodes, ms, medians of %d\tup\tdown\tup+down\tgone\tkB a node\tof it processes\t\n", n, rounds(n))
	for _, c := range list {
		m, ok := medians[c.name]
		if !ok {
			continue
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t", c.name, ms(m.up), ms(m.down), ms(m.up+m.down), ms(m.gone))
		if m.memory != 0 && n >= 1000 { // less is lost among what else the machine does
			fmt.Fprintf(w, "%d\t%d", m.memory/1024/int64(n), m.pss/1024/int64(n))
		} else {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, "\t\n")
	}
	_ = w.Flush() // stdout
	up := func(c cost) time.Duration { return c.up }
	upDown := func(c cost) time.Duration { return c.up + c.down }
	gone := func(c cost) time.Duration { return c.up + c.gone }
	ratio := func(what, theirs, our string, of func(cost) time.Duration, metric string) {
		if len(costs[theirs]) == 0 || len(costs[our]) == 0 {
			return
		}
		r, low, high := ratios(costs[theirs], costs[our], of)
		fmt.Printf("%d nodes: %s: %s / %s = %.2f (%.2f to %.2f)\n", n, what, theirs, our, r, low, high)
		b.ReportMetric(r, metric)
	}
	ratio("up", "ip -batch", "netlab", up, "ipbatch/netlab-up")
	ratio("up+down", "ip -batch", "netlab", upDown, "ipbatch/netlab-up+down")
	ratio("up+gone", "ip -batch", "netlab", gone, "ipbatch/netlab-up+gone")
	ratio("up+down", "mininet", "netlab, processes", upDown, "mininet/netlab-up+down")
	ratio("up+gone", "mininet", "netlab, processes", gone, "mininet/netlab-up+gone")
}

// slopes prints what one more node costs.
func slopes(list []contender, hundred, thousand map[string]cost) {
	if len(hundred) == 0 || len(thousand) == 0 {
		return // not everything was asked for
	}
	fmt.Println("\none more node, from 100 to 1000 nodes")
	for _, c := range list {
		a, aOK := hundred[c.name]
		z, zOK := thousand[c.name]
		if !aOK || !zOK {
			continue
		}
		fmt.Printf("%26s: up %.2f ms, down %.2f ms, gone %.2f ms", c.name,
			ms(z.up-a.up)/900, ms(z.down-a.down)/900, ms(z.gone-a.gone)/900)
		if z.memory != 0 {
			fmt.Printf(", memory %d kB (by /proc/meminfo), processes %d kB (by their PSS)",
				z.memory/1000/1024, z.pss/1000/1024)
		}
		fmt.Println()
	}
}

// ratios returns the median of the ratios of the rounds, with the least and
// the greatest. Both sides of a round met the same machine.
func ratios(theirs, ours []cost, of func(cost) time.Duration) (mid, low, high float64) {
	var list []float64
	for i := range min(len(theirs), len(ours)) {
		list = append(list, float64(of(theirs[i]))/float64(of(ours[i])))
	}
	slices.Sort(list)
	return list[len(list)/2], list[0], list[len(list)-1]
}

// medianCost is the median of each figure by itself.
func medianCost(list []cost) cost {
	return cost{
		up:     medianOf(list, func(c cost) time.Duration { return c.up }),
		down:   medianOf(list, func(c cost) time.Duration { return c.down }),
		gone:   medianOf(list, func(c cost) time.Duration { return c.gone }),
		memory: medianOf(list, func(c cost) int64 { return c.memory }),
		pss:    medianOf(list, func(c cost) int64 { return c.pss }),
	}
}

func medianOf[T time.Duration | int64](list []cost, of func(cost) T) T {
	values := make([]T, len(list))
	for i, c := range list {
		values[i] = of(c)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// available returns the memory that the machine has left, in bytes.
func available(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		tb.Fatal(err)
	}
	return kilobytes(text, "MemAvailable:")
}

// kilobytes returns the value of a line "name  123 kB", in bytes.
func kilobytes(text []byte, name string) int64 {
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return n * 1024
		}
	}
	return 0
}

// pssOf adds up the proportional set sizes of processes, in bytes.
func pssOf(pids []int) (sum int64) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err == nil { // else it has ended
			sum += kilobytes(text, "Pss:")
		}
	}
	return sum
}

// family returns the descendants of a process.
func family(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f) // of a thread that may have ended
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				pids = append(append(pids, n), family(n)...)
			}
		}
	}
	return pids
}
