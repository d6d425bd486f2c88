package calls

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// udpProtocol is Call.Protocol of the calls of UDP sockets.
const udpProtocol = "udp"

// A UDP is a UDP socket whose calls are recorded: a datagram with the
// addresses that it goes from and to. It is safe for concurrent use.
type UDP struct {
	caller *Caller
	*datagrams
}

// datagrams is what all UDPs of one socket share.
type datagrams struct {
	socket *net.UDPConn
	id     probes.SocketID
	flow   probes.Flow // Remote only of a connected socket
	closed atomic.Bool
}

// BindUDP makes a socket that is bound to local, and records the bind. A zero
// address stands for all of IPv4 and IPv6.
func (c *Caller) BindUDP(local netip.AddrPort) (*UDP, error) {
	network := "udp"
	if local.Addr().Is4() {
		network = "udp4"
	}
	return c.makeUDP(network, func(fd int) (probes.Flow, error) {
		return c.bindUDP(fd, network, local)
	})
}

// ConnectUDP makes a socket that is connected to remote, after it was bound to
// a port unless that is 0, and records these calls. Nothing is sent.
func (c *Caller) ConnectUDP(port uint16, remote netip.AddrPort) (*UDP, error) {
	network := "udp6"
	if remote.Addr().Unmap().Is4() {
		network = "udp4"
	}
	return c.makeUDP(network, func(fd int) (probes.Flow, error) {
		var flow probes.Flow
		if port != 0 {
			var err error
			if flow, err = c.bindUDP(fd, network, netip.AddrPortFrom(netip.Addr{}, port)); err != nil {
				return flow, err
			}
		}
		return c.connectUDP(fd, network, flow.Local, remote)
	})
}

// makeUDP makes a socket, has it prepared and hands it to package net, which
// changes nothing about a socket of UDP.
func (c *Caller) makeUDP(network string, prepare func(fd int) (probes.Flow, error)) (*UDP, error) {
	family, only := unix.AF_INET6, 1
	switch network {
	case "udp4":
		family = unix.AF_INET
	case "udp":
		only = 0
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if network == "udp" && errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6
		return c.makeUDP("udp4", prepare)
	}
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), network)
	defer file.Close() // package net has a duplicate
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return nil, os.NewSyscallError("setsockopt", err)
		}
	}
	flow, err := prepare(fd)
	if err != nil {
		return nil, err
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return &UDP{c, &datagrams{socket: conn.(*net.UDPConn), id: identify(descriptor(fd)), flow: flow}}, nil
}

// A descriptor is one that its user keeps open.
type descriptor int

// Control calls f with the descriptor.
func (d descriptor) Control(f func(fd uintptr)) error {
	f(uintptr(d))
	return nil
}

func (c *Caller) bindUDP(fd int, network string, local netip.AddrPort) (probes.Flow, error) {
	sa, err := toSockaddr(network, local)
	if err != nil {
		return probes.Flow{}, err
	}
	start := clock.Now()
	err = unix.Bind(fd, sa)
	flow := probes.Flow{Local: local}
	if named, failed := unix.Getsockname(fd); err == nil && failed == nil {
		flow.Local = fromSockaddr(named)
	}
	c.record(start, identify(descriptor(fd)), flow, probes.Call{Name: "bind", Protocol: udpProtocol, Errno: Errno(err)})
	return flow, os.NewSyscallError("bind", err)
}

func (c *Caller) connectUDP(fd int, network string, local, remote netip.AddrPort) (probes.Flow, error) {
	flow := probes.Flow{Local: local, Remote: remote}
	sa, err := toSockaddr(network, remote)
	if err != nil {
		return flow, err
	}
	start := clock.Now()
	err = unix.Connect(fd, sa)
	if named, failed := unix.Getsockname(fd); err == nil && failed == nil {
		flow.Local = fromSockaddr(named)
	}
	c.record(start, identify(descriptor(fd)), flow, probes.Call{Name: "connect", Protocol: udpProtocol, Errno: Errno(err)})
	return flow, os.NewSyscallError("connect", err)
}

// By returns the same socket, whose calls are recorded as those of another
// caller.
func (u *UDP) By(caller *Caller) *UDP { return &UDP{caller, u.datagrams} }

// ID returns the kernel's name of the socket.
func (u *UDP) ID() probes.SocketID { return u.id }

// Flow returns the addresses of the socket; Remote is that of a connected one.
func (u *UDP) Flow() probes.Flow { return u.flow }

func (u *UDP) record(start probes.Mono, flow probes.Flow, call probes.Call) {
	call.Protocol = udpProtocol
	u.caller.record(start, u.id, flow, call)
}

// A Datagram is what came, from whom, and at which of our addresses.
type Datagram struct {
	Payload []byte
	From    netip.AddrPort
	At      netip.Addr // not valid where nobody asked for it; see IP_PKTINFO in ip(7)
	Control []byte     // control messages
}

// Receive records a receive of one datagram: with who sent it, and with the
// address of ours that it was sent to, if at tells that of the control
// messages.
func (u *UDP) Receive(at func(control []byte) netip.Addr) (Datagram, error) {
	// The largest datagram, so that none is cut.
	payload, control := make([]byte, 1<<16), make([]byte, 128)
	start := clock.Now()
	n, controls, _, from, err := u.socket.ReadMsgUDPAddrPort(payload, control)
	n, controls = max(n, 0), max(controls, 0) // -1 with some errors
	d := Datagram{
		Payload: payload[:n], Control: control[:controls],
		From: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()),
	}
	flow := u.flow
	if err == nil {
		flow.Remote = d.From
		if at != nil {
			d.At = at(d.Control).Unmap()
		}
		if d.At.IsValid() {
			flow.Local = netip.AddrPortFrom(d.At, flow.Local.Port())
		}
	}
	u.record(start, flow, probes.Call{Name: "receive", Bytes: n, Errno: Errno(err)})
	return d, err
}

// Send records a send of one datagram to the peer of a connected socket.
func (u *UDP) Send(payload []byte) (int, error) {
	start := clock.Now()
	n, err := u.socket.Write(payload)
	u.record(start, u.flow, probes.Call{Name: "send", Bytes: n, Errno: Errno(err)})
	return n, err
}

// Answer records a send of one datagram to whoever sent another, with a
// control message, if it is not nil, that says from which of our addresses.
func (u *UDP) Answer(d Datagram, payload, control []byte) (int, error) {
	flow := probes.Flow{Local: u.flow.Local, Remote: d.From}
	if d.At.IsValid() {
		flow.Local = netip.AddrPortFrom(d.At, flow.Local.Port())
	}
	start := clock.Now()
	n, _, err := u.socket.WriteMsgUDPAddrPort(payload, control, d.From)
	n = max(n, 0) // -1 with some errors
	u.record(start, flow, probes.Call{Name: "send", Bytes: n, Errno: Errno(err)})
	return n, err
}

// Close records a close, which breaks off what is under way. Closing again
// does nothing and returns net.ErrClosed.
func (u *UDP) Close() error {
	if u.closed.Swap(true) {
		return net.ErrClosed
	}
	start := clock.Now()
	err := u.socket.Close()
	u.record(start, u.flow, probes.Call{Name: "close", Errno: Errno(err)})
	return err
}

// SetReadDeadline bounds pending and later receives.
func (u *UDP) SetReadDeadline(t time.Time) error { return u.socket.SetReadDeadline(t) }

// SetWriteDeadline bounds pending and later sends.
func (u *UDP) SetWriteDeadline(t time.Time) error { return u.socket.SetWriteDeadline(t) }

// SyscallConn gives access to the descriptor. What is done with it is not
// recorded.
func (u *UDP) SyscallConn() (syscall.RawConn, error) { return u.socket.SyscallConn() }
