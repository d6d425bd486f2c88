package gate

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"

	"github.com/vishvananda/netlink"
)

// echoed and moved are how much each round of a contender takes.
const (
	echoed = 5000
	moved  = 256 << 20 // bytes
	rounds = 5         // so that it is more than a GB
)

// A contender is a kind of link.
type contender struct {
	name string
	lab  *testLab
	gate *Gate

	median, p99 []time.Duration // of each round
	verified    []time.Duration // of the bulk that is summed at both ends
	took        []time.Duration // of the bulk that is not
	frames      uint64          // that passed the gate in all of that
}

// BenchmarkCompareGate puts a gate beside plain veth pairs, in turn, so that
// all meet the same machine: the round trip of one byte, and a bulk transfer
// of more than a GB whose SHA-256 sum is compared, between processes.
func BenchmarkCompareGate(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	for b.Loop() {
		contenders := []*contender{
			{name: "veth, one segment a frame", lab: newLab(b, 1500, true, false)},
			{name: "veth as the kernel makes it", lab: newLab(b, 1500, true, true)},
			{name: "gate", lab: newLab(b, 1500, false, false)},
		}
		g, _, stop := contenders[2].lab.run(b, nil)
		contenders[2].gate = g
		other := newLab(b, 1500, true, false)
		if err := other.netem(b); err == nil {
			contenders = append(contenders, &contender{name: "veth with netem that does nothing", lab: other})
		} else {
			fmt.Println("no netem to compare with:", err)
		}
		for range rounds {
			for _, c := range contenders {
				c.round(b)
			}
		}
		stop()
		table(b, contenders)
	}
}

// netem puts the kernel's impairment at both ends; an error says why there is
// none.
func (l *testLab) netem(b *testing.B) (err error) {
	for _, ns := range l.nodes {
		withLinks(b, ns, func(h *netlink.Handle) {
			link, e := h.LinkByName("eth0")
			check(b, e)
			attrs := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)}
			err = h.QdiscAdd(netlink.NewNetem(attrs, netlink.NetemQdiscAttrs{Limit: 10_000}))
		})
		if err != nil {
			return os.NewSyscallError("add qdisc netem", err)
		}
	}
	return nil
}

// round measures a contender once.
func (c *contender) round(b *testing.B) {
	srv, out := c.lab.start(b, server, "echo-server 0")
	_, err := out.ReadString('\n')
	check(b, err)
	cl, result := c.lab.start(b, client, fmt.Sprintf("echo-client %d", echoed))
	var median, p99 time.Duration
	_, err = fmt.Fscan(result, &median, &p99)
	check(b, err)
	check(b, cl.Wait())
	check(b, srv.Wait())
	c.median, c.p99 = append(c.median, median), append(c.p99, p99)

	c.verified = append(c.verified, c.bulk(b, ""))
	var before Counters
	if c.gate != nil {
		before = c.gate.Counters()
	}
	c.took = append(c.took, c.bulk(b, "raw-"))
	if c.gate != nil {
		c.frames += c.gate.Counters().Passed - before.Passed
	}
}

// bulk measures one transfer, between ends of a kind.
func (c *contender) bulk(b *testing.B, kind string) time.Duration {
	srv, out := c.lab.start(b, server, kind+"sink 0")
	_, err := out.ReadString('\n')
	check(b, err)
	start := time.Now()
	cl, result := c.lab.start(b, client, fmt.Sprintf("%ssource %d", kind, moved))
	sent, err := result.ReadString('\n')
	check(b, err)
	got, err := out.ReadString('\n')
	check(b, err)
	took := time.Since(start)
	if want := fmt.Sprintf("%d %s", moved, sent); got != want {
		b.Fatalf("%s: corrupted: %q arrived, want %q", c.name, strings.TrimSpace(got), strings.TrimSpace(want))
	}
	check(b, cl.Wait())
	check(b, srv.Wait())
	return took
}

// table prints what came of it.
func table(b *testing.B, contenders []*contender) {
	first := contenders[0]
	base := middle(first.median)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d round trips, %d MB, in %d rounds\tmedian µs\tadded\tp99 µs\tGbit/s\tof veth\tframes/s\twith SHA-256\t\n", echoed*rounds, moved*rounds/1_000_000, rounds)
	for _, c := range contenders {
		median, p99, took := middle(c.median), middle(c.p99), total(c.took)
		rate := gigabits(took)
		frames := ""
		if c.frames > 0 {
			frames = fmt.Sprintf("%.0f", float64(c.frames)/took.Seconds())
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%s\t%.2f\t\n", c.name, micro(median), micro(median-base), micro(p99), rate,
			float64(total(first.took))/float64(took), frames, gigabits(total(c.verified)))
		if c.gate != nil {
			b.ReportMetric(micro(median-base), "added-µs")
			b.ReportMetric(rate, "Gbit/s")
		}
	}
	_ = w.Flush() // stdout
}

// gigabits is the rate of all that was moved.
func gigabits(took time.Duration) float64 {
	return float64(moved*rounds*8) / float64(took.Nanoseconds())
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func total(list []time.Duration) (sum time.Duration) {
	for _, d := range list {
		sum += d
	}
	return sum
}

// middle is the median.
func middle(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
