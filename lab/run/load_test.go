package run_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/bpf"
	"netlab/probes/sockdiag"

	"github.com/vishvananda/netlink"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// The load: short connections between two namespaces, over veth. Each is
// opened by the client, carries a byte each way, and is closed by the client
// first.
const (
	loadClients = 4
	loadPorts   = 16 // of the server: more pairs of ports than TIME-WAIT can take up
	loadFirst   = 7000
	loadStates  = 10 // state changes of full sockets for each connection
	loadRounds  = 5
	loadEach    = 20_000  // connections of each mode in each round
	loadFull    = 200_000 // connections of the run that must lose nothing
	loadPolling = 10 * time.Millisecond
)

var (
	loadClient = netip.MustParseAddr("10.99.0.1")
	loadServer = netip.MustParseAddr("10.99.0.2")
)

// A bench is two namespaces that are joined.
type bench struct{ client, server *netns.NS }

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{netnstest.New(tb), netnstest.New(tb)}
	if err := b.client.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wire"}, PeerName: "wire", PeerNamespace: netlink.NsFd(b.server.FD())})
	}); err != nil {
		tb.Fatal(err)
	}
	for ns, addr := range map[*netns.NS]netip.Addr{b.client: loadClient, b.server: loadServer} {
		if err := ns.Do(func() error { return bringUp(addr) }); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// bringUp gives the namespace's end of the wire its address, and room for all
// TIME-WAITs.
func bringUp(addr netip.Addr) error {
	link, err := netlink.LinkByName("wire")
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(addr.String() + "/24")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, a); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"tcp_max_tw_buckets": "1000000", "ip_local_port_range": "1024 65535", "tcp_fin_timeout": "60",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys/net/ipv4", name), []byte(value), 0); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

// play makes connections and returns how long that took.
func (b *bench) play(count int) (time.Duration, error) {
	var servers, clients errgroup.Group
	listeners := make([]int, loadPorts)
	for i := range listeners {
		if err := b.server.Do(func() (err error) { listeners[i], err = listen(loadFirst + i); return err }); err != nil {
			return 0, err
		}
		servers.Go(func() error { return b.server.Do(func() error { return serve(listeners[i]) }) })
	}
	begun := time.Now()
	for n := range loadClients {
		clients.Go(func() error {
			return b.client.Do(func() error {
				for i := n; i < count; i += loadClients {
					if err := visit(loadFirst + i%loadPorts); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	err := clients.Wait()
	took := time.Since(begun)
	for _, fd := range listeners {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR) // accept returns
	}
	if served := servers.Wait(); err == nil {
		err = served
	}
	for _, fd := range listeners {
		unix.Close(fd)
	}
	return took, err
}

func listen(port int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port}); err != nil {
		return 0, err
	}
	return fd, unix.Listen(fd, 1024)
}

// serve echoes a byte on each connection and closes after the peer.
func serve(listener int) error {
	buf := make([]byte, 1)
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err == unix.EINVAL {
			return nil // shut down
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		for {
			n, err := unix.Read(fd, buf)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 || err != nil {
				break
			}
			if _, err := unix.Write(fd, buf); err != nil {
				break
			}
		}
		unix.Close(fd)
	}
}

func visit(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: loadServer.As4()}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	buf := []byte{'x'}
	if _, err := unix.Write(fd, buf); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for {
		_, err := unix.Read(fd, buf)
		if err != unix.EINTR {
			return err
		}
	}
}

// A count is what an observer saw of the load.
type count struct{ states, requests, timeWaits, lost atomic.Int64 }

// An observer begins to watch the load, and returns what ends it.
type observer func(tb testing.TB, b *bench, seen *count) (end func())

// byNothing is the load alone.
func byNothing(testing.TB, *bench, *count) func() { return func() {} }

// byNetlab is the whole bpf probe.
func byNetlab(tracer *bpf.Tracer) observer {
	return func(tb testing.TB, b *bench, seen *count) func() {
		p := tracer.Probe([]probes.NodeInfo{{Name: "client", Cookie: b.client.Cookie()}, {Name: "server", Cookie: b.server.Cookie()}})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx, seen.take) }()
		<-p.Ready()
		return func() {
			cancel()
			if err := <-done; err != nil {
				tb.Error(err)
			}
		}
	}
}

func (c *count) take(e probes.Event) {
	switch e.Kind {
	case probes.KindState:
		if e.New != probes.Listen && !(e.Old == probes.Listen && e.New == probes.Closed) {
			c.states.Add(1)
		}
	case probes.KindLife:
		switch {
		case e.Life.Stage == probes.Born && e.Life.Object == probes.RequestObject:
			c.requests.Add(1)
		case (e.Life.Stage == probes.Born || e.Life.Stage == probes.Stepped) && e.New == probes.TimeWait:
			c.timeWaits.Add(1)
		}
	case probes.KindLoss:
		c.lost.Add(int64(e.Loss.Count))
	}
}

// byTcpstates is tcpstates of libbpf-tools, which prints a line for each
// change of any socket of the machine.
func byTcpstates(path string) observer {
	return func(tb testing.TB, b *bench, seen *count) func() {
		// It reads the number of the tracepoint in tracefs, which need not be
		// mounted: here it is, for this program alone.
		cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount -t tracefs tracefs /sys/kernel/tracing && exec "$0"`, path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			tb.Fatal(err)
		}
		losses, err := cmd.StderrPipe()
		if err != nil {
			tb.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			tb.Fatal(err)
		}
		var counting sync.WaitGroup
		counting.Go(func() { seen.readTcpstates(out) })
		counting.Go(func() { seen.readLosses(losses) })
		waits := func() bool { // in epoll_wait(2) or epoll_pwait(2): it is attached, and reads
			call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", cmd.Process.Pid))
			return bytes.HasPrefix(call, []byte("232 ")) || bytes.HasPrefix(call, []byte("281 "))
		}
		for late := time.Now().Add(10 * time.Second); !waits() && time.Now().Before(late); {
			time.Sleep(time.Millisecond) // nothing tells when it is attached
		}
		return func() {
			_ = cmd.Process.Signal(unix.SIGINT)
			counting.Wait()
			_ = cmd.Wait()
		}
	}
}

func (c *count) readTcpstates(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if strings.Contains(line, "10.99.0.") {
			c.states.Add(1)
		}
		if strings.Contains(line, "TIME_WAIT") {
			c.timeWaits.Add(1)
		}
	}
}

// readLosses counts what "lost 89 events on CPU #0" says.
func (c *count) readLosses(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var n int64
		if _, err := fmt.Sscanf(lines.Text(), "lost %d events", &n); err == nil {
			c.lost.Add(n)
		}
	}
}

// byPolling looks at the kernel's tables again and again.
func byPolling(tb testing.TB, b *bench, seen *count) func() {
	p, err := sockdiag.New(sockdiag.Config{Places: []probes.Place{
		{Node: "client", NS: b.client, Cookie: b.client.Cookie()}, {Node: "server", NS: b.server, Cookie: b.server.Cookie()},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var polling sync.WaitGroup
	polling.Go(func() {
		type sight struct {
			id    probes.SocketID
			state probes.State
		}
		known := make(map[sight]bool)
		tick := time.NewTicker(loadPolling)
		defer tick.Stop()
		for {
			list, _ := p.Snapshot(ctx)
			for _, s := range list {
				if at := (sight{s.ID, s.State}); s.State != probes.Listen && !known[at] {
					known[at] = true
					if s.State == probes.TimeWait {
						seen.timeWaits.Add(1)
					} else {
						seen.states.Add(1)
					}
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		cancel()
		polling.Wait()
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	}
}

// A reading is what one mode came to in one round.
type reading struct {
	rate, cpu float64 // connections per second; processor time of the whole machine for each, µs
	seen      *count
}

func read(tb testing.TB, watch observer, connections int) reading {
	tb.Helper()
	b := newBench(tb)
	seen := new(count)
	end := watch(tb, b, seen)
	busy := processorTime(tb)
	took, err := b.play(connections)
	end()
	busy = processorTime(tb) - busy
	if err != nil {
		tb.Fatal(err)
	}
	return reading{float64(connections) / took.Seconds(), float64(busy.Microseconds()) / float64(connections), seen}
}

// processorTime is for how long the processors were not idle (proc(5), stat).
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		tb.Fatal(err)
	}
	line, _, _ := bytes.Cut(stat, []byte{'\n'})
	var ticks int64
	for i, f := range strings.Fields(string(line))[1:] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		if i != 3 && i != 4 && i < 8 { // idle, iowait, guests
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100
}

// BenchmarkCompareLoad says, of observers of TCP's states side by side, what
// they see of short connections and what they cost.
func BenchmarkCompareLoad(b *testing.B) {
	tracer, err := bpf.Load()
	netnstest.Require(b, "bpf", err)
	defer tracer.Close()
	stage := netnstest.New(b)
	if err := tracer.Check(stage.Cookie(), func() error { return stage.Do(bpf.Rehearse) }); err != nil {
		b.Fatal(err)
	}
	type mode struct {
		name  string
		watch observer
	}
	modes := []mode{{"none", byNothing}, {"netlab", byNetlab(tracer)}, {"inet_diag", byPolling}}
	if path, err := exec.LookPath("tcpstates"); err == nil {
		modes = slices.Insert(modes, 2, mode{"tcpstates", byTcpstates(path)})
	} else {
		b.Log("no tcpstates here (package libbpf-tools): its line is missing")
	}
	for b.Loop() {
		rounds := make([][]reading, len(modes))
		for range loadRounds {
			for i, m := range modes {
				rounds[i] = append(rounds[i], read(b, m.watch, loadEach))
			}
		}
		for i, m := range modes {
			b.Log(lineOf(m.name, rounds[i], rounds[0], loadEach))
		}
		full := read(b, byNetlab(tracer), loadFull)
		b.Log(lineOf(fmt.Sprintf("netlab, %d connections", loadFull), []reading{full}, rounds[0], loadFull))
		b.ReportMetric(float64(full.seen.lost.Load()), "lost")
	}
}

// lineOf says the medians of a mode.
func lineOf(name string, rounds, none []reading, connections int) string {
	median := func(list []reading, of func(reading) float64) float64 {
		values := make([]float64, len(list))
		for i, r := range list {
			values[i] = of(r)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	rate := func(r reading) float64 { return r.rate }
	share := func(of func(*count) int64, each int) float64 {
		return median(rounds, func(r reading) float64 { return 100 * float64(of(r.seen)) / float64(each*connections) })
	}
	return fmt.Sprintf("%-28s %6.0f conn/s (%.2f of none), %5.1f µs of processor each; of full sockets' transitions %6.2f %%, TIME-WAIT %6.2f %%, SYN-RECEIVED requests %6.2f %%; lost %.0f",
		name, median(rounds, rate), median(rounds, rate)/median(none, rate), median(rounds, func(r reading) float64 { return r.cpu }),
		share(func(c *count) int64 { return c.states.Load() }, loadStates),
		share(func(c *count) int64 { return c.timeWaits.Load() }, 1),
		share(func(c *count) int64 { return c.requests.Load() }, 1),
		median(rounds, func(r reading) float64 { return float64(r.seen.lost.Load()) }))
}
