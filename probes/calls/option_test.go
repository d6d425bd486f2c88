package calls_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What is set is what the kernel has, and what is recorded.
func TestOptions(t *testing.T) {
	tests := []struct {
		option        calls.Option
		level, number int
		call          string
		want          int
	}{
		{calls.NoDelay(false), unix.IPPROTO_TCP, unix.TCP_NODELAY, "option TCP_NODELAY off", 0},
		{calls.NoDelay(true), unix.IPPROTO_TCP, unix.TCP_NODELAY, "option TCP_NODELAY on", 1},
		{calls.Cork(true), unix.IPPROTO_TCP, unix.TCP_CORK, "option TCP_CORK on", 1},
		{calls.QuickAck(false), unix.IPPROTO_TCP, unix.TCP_QUICKACK, "option TCP_QUICKACK off", 0},
		{calls.KeepAlive(true), unix.SOL_SOCKET, unix.SO_KEEPALIVE, "option SO_KEEPALIVE on", 1},
		{calls.KeepIdle(time.Second), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, "option TCP_KEEPIDLE 1s", 1},
		{calls.KeepInterval(2 * time.Second), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, "option TCP_KEEPINTVL 2s", 2},
		{calls.KeepCount(3), unix.IPPROTO_TCP, unix.TCP_KEEPCNT, "option TCP_KEEPCNT 3", 3},
		{calls.UserTimeout(1500 * time.Millisecond), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, "option TCP_USER_TIMEOUT 1.5s", 1500},
		{calls.OrphanTimeout(4 * time.Second), unix.IPPROTO_TCP, unix.TCP_LINGER2, "option TCP_LINGER2 4s", 4},
		{calls.FastOpenConnect(true), unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, "option TCP_FASTOPEN_CONNECT on", 1},
		{calls.FastOpen(5), unix.IPPROTO_TCP, unix.TCP_FASTOPEN, "option TCP_FASTOPEN 5", 5},
		{calls.DeferAccept(time.Second), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, "option TCP_DEFER_ACCEPT 1s", 1},
		{calls.ReceiveBuffer(8192), unix.SOL_SOCKET, unix.SO_RCVBUF, "option SO_RCVBUF 8192", 16384},
		{calls.SendBuffer(8192), unix.SOL_SOCKET, unix.SO_SNDBUF, "option SO_SNDBUF 8192", 16384},
		{calls.MaxSegment(500), unix.IPPROTO_TCP, unix.TCP_MAXSEG, "option TCP_MAXSEG 500", 500},
		{calls.Linger(0), unix.SOL_SOCKET, unix.SO_LINGER, "linger 0", 1},
		{calls.LingerFor(time.Minute), unix.SOL_SOCKET, unix.SO_LINGER, "linger 60", 1},
		{calls.Linger(-1), unix.SOL_SOCKET, unix.SO_LINGER, "linger off", 0},
	}
	var events log
	caller := calls.New("node", 7, events.emit).Caller("tcp")
	for _, tt := range tests {
		t.Run(tt.call, func(t *testing.T) {
			s := socket(t, caller, "tcp4")
			must(t, s.SetOption(tt.option))
			raw, err := s.SyscallConn()
			must(t, err)
			var got int
			must(t, raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), tt.level, tt.number) }))
			must(t, err)
			if got != tt.want {
				t.Errorf("the kernel has %d, want %d", got, tt.want)
			}
			if diff := cmp.Diff([]string{tt.call}, events.text(s.ID(), 0)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// A connection has what its listener had: nothing is turned on or off again.
func TestAcceptedSocketsInherit(t *testing.T) {
	caller := calls.New("node", 7, func(probes.Event) {}).Caller("tcp")
	for _, tt := range []struct {
		name               string
		options            []calls.Option
		noDelay, keepAlive int
	}{
		{"nothing said", nil, 1, 0},
		{"said at the listener", []calls.Option{calls.NoDelay(false), calls.KeepAlive(true)}, 0, 1},
	} {
		_, s := pairBare(t, caller, tt.options...)
		raw, err := s.SyscallConn()
		must(t, err)
		var noDelay, keepAlive int
		must(t, raw.Control(func(fd uintptr) {
			noDelay, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY)
			keepAlive, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		}))
		if noDelay != tt.noDelay || keepAlive != tt.keepAlive {
			t.Errorf("%s: TCP_NODELAY %d, SO_KEEPALIVE %d; want %d, %d", tt.name, noDelay, keepAlive, tt.noDelay, tt.keepAlive)
		}
	}
}

// A chosen initial sequence number is the one that is sent: what is written
// next has the number after it.
func TestInitialSequence(t *testing.T) {
	ns := netnstest.New(t)
	caller := calls.New("node", 7, func(probes.Event) {}).Caller("tcp")
	for _, isn := range []uint32{1, 1000, 1<<31 + 5, 1<<32 - 1} {
		var server, c *calls.Conn
		must(t, ns.Do(func() (err error) {
			if server, err = caller.Socket("tcp"); err == nil {
				c, err = caller.Socket("tcp4")
			}
			return err
		}))
		must(t, server.Bind(netip.AddrPort{}))
		l, err := server.Listen(1)
		must(t, err)
		for _, o := range calls.InitialSequence(isn) {
			must(t, c.SetOption(o))
		}
		must(t, c.Connect(t.Context(), netip.AddrPortFrom(loopback, l.Addr().(*net.TCPAddr).AddrPort().Port())))
		if got, err := nextSequence(c); err != nil || got != isn+1 {
			t.Errorf("the next sequence number is %d, %v; want %d", got, err, isn+1)
		}
		must(t, c.Close())
		must(t, l.Close())
	}
}

// nextSequence reads SND.NXT of a connection that has sent all.
func nextSequence(c *calls.Conn) (uint32, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	const sendQueue = 2 // TCP_SEND_QUEUE
	next := 0
	err2 := raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1); err != nil {
			return
		}
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, sendQueue); err == nil {
			next, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
		}
		err = errors.Join(err, unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, unix.TCP_REPAIR_OFF_NO_WP))
	})
	return uint32(next), errors.Join(err, err2)
}

// Without the privilege the kernel says so.
func TestInitialSequenceRefused(t *testing.T) {
	ns := netnstest.New(t)
	var events log
	caller := calls.New("node", 7, events.emit).Caller("tcp")
	must(t, ns.Do(func() error {
		if err := dropNetAdmin(); err != nil {
			return err
		}
		c, err := caller.Socket("tcp4")
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetOption(calls.InitialSequence(1000)[0]); !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("%v, want EPERM", err)
		}
		if diff := cmp.Diff([]string{"option TCP_REPAIR on EPERM"}, events.text(c.ID(), 0)); diff != "" {
			return errors.New(diff)
		}
		return nil
	}))
}

// dropNetAdmin takes CAP_NET_ADMIN from the calling thread, which is lost.
func dropNetAdmin() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&header, &data[0])
}
