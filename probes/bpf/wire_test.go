package bpf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A wire is two namespaces, joined and watched: a, the client's, and b, the
// server's.
type wire struct {
	tb       testing.TB
	a, b     *netns.NS
	recorder *recorder
	listener int
	at       netip.AddrPort // of the server
}

var wireAddrs = [2]netip.Addr{netip.MustParseAddr("10.66.0.1"), netip.MustParseAddr("10.66.0.2")}

func newWire(tb testing.TB, tracer *Tracer) *wire {
	tb.Helper()
	w := &wire{tb: tb, a: netnstest.New(tb), b: netnstest.New(tb), at: netip.AddrPortFrom(wireAddrs[1], servicePort)}
	w.must(w.a.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wire"}, PeerName: "wire", PeerNamespace: netlink.NsFd(w.b.FD())})
	}))
	for i, ns := range []*netns.NS{w.a, w.b} {
		w.must(ns.Do(func() error {
			link, err := netlink.LinkByName("wire")
			if err != nil {
				return err
			}
			addr, err := netlink.ParseAddr(wireAddrs[i].String() + "/24")
			if err != nil {
				return err
			}
			return errors.Join(netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
		}))
	}
	for _, ns := range []*netns.NS{w.a, w.b} {
		w.must(ns.Do(carrier))
	}
	w.recorder = watch(tb, tracer, w.a, w.b)
	return w
}

// carrier waits until the end of the wire here sends what it is given.
func carrier() error {
	for limit := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		link, err := netlink.LinkByName("wire")
		if err != nil || link.Attrs().OperState == netlink.OperUp {
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("the wire is %v still", link.Attrs().OperState)
		}
	}
}

func (w *wire) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
}

// socket makes a socket in a namespace. Whoever has it may use it anywhere.
func (w *wire) socket(ns *netns.NS) (fd int) {
	w.tb.Helper()
	w.must(ns.Do(func() (err error) {
		fd, err = socket(w.at)
		return err
	}))
	return fd
}

// listen makes the server's listener.
func (w *wire) listen(backlog int) {
	w.tb.Helper()
	w.listener = w.socket(w.b)
	w.must(unix.SetsockoptInt(w.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	w.must(unix.Bind(w.listener, sockaddr(w.at)))
	w.must(unix.Listen(w.listener, backlog))
}

func (w *wire) connect() int {
	w.tb.Helper()
	fd := w.socket(w.a)
	w.must(unix.Connect(fd, sockaddr(w.at)))
	return fd
}

func (w *wire) accept() int {
	w.tb.Helper()
	fd, _, err := unix.Accept4(w.listener, unix.SOCK_CLOEXEC)
	w.must(err)
	return fd
}

// pair makes a connection.
func (w *wire) pair() (client, server int) {
	w.tb.Helper()
	w.listen(5)
	client = w.connect()
	return client, w.accept()
}

func (w *wire) close(fds ...int) {
	w.tb.Helper()
	for _, fd := range fds {
		w.must(unix.Close(fd))
	}
}

// linger sets what close does.
func (w *wire) linger(fd int, seconds int32) {
	w.tb.Helper()
	w.must(unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: seconds}))
}

func (w *wire) option(fd, option, value int) {
	w.tb.Helper()
	w.must(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, value))
}

// write sends one byte.
func (w *wire) write(fd int) {
	w.tb.Helper()
	_, err := unix.Write(fd, []byte{1})
	w.must(err)
}

// read expects an error, nil for data or the end of input.
func (w *wire) read(fd int, want error) {
	w.tb.Helper()
	if _, err := unix.Read(fd, make([]byte, 1)); !errors.Is(err, want) || want == nil && err != nil {
		w.tb.Fatalf("read: %v, want %v", err, want)
	}
}

// state waits for a state, of the kernel's numbering.
func (w *wire) state(fd int, want uint8) {
	w.tb.Helper()
	w.must(awaitState(fd, want))
}

// deaf makes a socket drop what the mask and value of its flags say, and
// returns how to end it.
func (w *wire) deaf(fd int, mask, flags probes.Flags) (hear func()) {
	w.tb.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: uint32(mask)},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(flags), Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	w.must(unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}))
	return func() { w.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)) }
}

// await waits until an event was recorded that is told so at a node.
func (w *wire) await(node, told string) {
	w.tb.Helper()
	for limit := time.After(20 * time.Second); ; {
		w.recorder.mu.Lock()
		found := slices.ContainsFunc(w.recorder.events, func(e probes.Event) bool { return e.Node == node && tell(e) == told })
		w.recorder.mu.Unlock()
		if found {
			return
		}
		select {
		case <-w.recorder.news:
		case <-limit:
			w.tb.Fatalf("nothing recorded at %s that says %q", node, told)
		}
	}
}

// told returns what was recorded at each node, in order of time. What is the
// same again is told once: how often a SYN is sent differs between kernels.
func (w *wire) told() map[string][]string {
	w.tb.Helper()
	events := w.recorder.stop(w.tb)
	slices.SortStableFunc(events, func(a, b probes.Event) int { return int(a.Time.Sub(b.Time)) })
	all := map[string][]string{}
	for _, e := range events {
		if s := tell(e); s != "" {
			all[e.Node] = append(all[e.Node], s)
		}
	}
	for node := range all {
		all[node] = slices.Compact(all[node])
	}
	return all
}

// tell says an event in short; tallies and the listener's own states are left
// out.
func tell(e probes.Event) string {
	switch e.Kind {
	case probes.KindState:
		if e.New == probes.Listen || e.Old == probes.Listen && e.New == probes.Closed {
			return ""
		}
		return e.Old.String() + " > " + e.New.String()
	case probes.KindLife:
		s := fmt.Sprintf("%s %s", e.Life.Object, e.Life.Stage)
		if e.New != probes.Unknown {
			s += " " + e.New.String()
		}
		if e.Life.Resent > 0 {
			s += fmt.Sprintf(", resent %d", e.Life.Resent)
		}
		return s
	case probes.KindReset:
		if e.Reset.Dir == probes.In {
			return "reset in"
		}
		return "reset out " + e.Reset.Reason
	case probes.KindResent:
		if e.Resent.SYNACK {
			return "resent SYN+ACK"
		}
		return "resent in " + e.Old.String()
	case probes.KindFault:
		return e.Fault.Errno
	case probes.KindDrop:
		return "drop " + e.Drop.Flags.String() + " " + e.Drop.Reason
	case probes.KindLoss:
		return "loss: " + e.Loss.What
	}
	return ""
}

// peek waits until there is data to read, and leaves it.
func (w *wire) peek(fd int) {
	w.tb.Helper()
	_, _, err := unix.Recvfrom(fd, make([]byte, 1), unix.MSG_PEEK)
	w.must(err)
}

// destroy ends a socket of the client's as ss -K does.
func (w *wire) destroy(fd int) {
	w.tb.Helper()
	name, err := unix.Getsockname(fd)
	w.must(err)
	local := &net.TCPAddr{IP: wireAddrs[0].AsSlice(), Port: name.(*unix.SockaddrInet4).Port}
	w.must(w.a.Do(func() error { return netlink.SocketDestroy(local, net.TCPAddrFromAddrPort(w.at)) }))
}
