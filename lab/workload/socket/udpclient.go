package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A UDPClient is a UDP socket. One that is connected to a server hears of a
// port that nobody listens at, by the next call (ECONNREFUSED); one that is
// only bound takes what anybody sends, and answers whoever sent the last. Its
// operations may be called at once, and end at the latest when their context
// does.
type UDPClient struct {
	caller *calls.Caller
	*udpSocket
}

// A udpSocket is what all UDPClients of one socket share.
type udpSocket struct {
	socket             *calls.UDP
	receiving, sending turn
	closed             atomic.Bool

	mu   sync.Mutex
	last *calls.Datagram // that came to a socket that is only bound
}

func newUDPClient(caller *calls.Caller, socket *calls.UDP) *UDPClient {
	return &UDPClient{caller, &udpSocket{socket: socket, receiving: make(turn, 1), sending: make(turn, 1)}}
}

// DialUDP makes a socket that is connected to a target, after it was bound to
// a port unless that is 0. Nothing is sent.
func DialUDP(caller *calls.Caller, fromPort uint16, target netip.AddrPort) (*UDPClient, error) {
	socket, err := caller.ConnectUDP(fromPort, target)
	if err != nil {
		operation := "connect to " + target.String()
		if call, ok := errors.AsType[*os.SyscallError](err); ok && call.Syscall == "bind" {
			operation = fmt.Sprintf("bind to port %d", fromPort)
		}
		return nil, workload.Failed(context.Background(), operation, err)
	}
	return newUDPClient(caller, socket), nil
}

// BindUDP makes a socket that takes datagrams at a port, on IPv4 and IPv6; 0
// lets the kernel choose one.
func BindUDP(caller *calls.Caller, port uint16) (*UDPClient, error) {
	socket, err := caller.BindUDP(netip.AddrPortFrom(netip.Addr{}, port))
	if err != nil {
		return nil, workload.Failed(context.Background(), fmt.Sprintf("bind to port %d", port), err)
	}
	if err := tellDestination(socket); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return newUDPClient(caller, socket), nil
}

// At returns the same socket, whose calls belong to another step.
func (c *UDPClient) At(step int) *UDPClient { return &UDPClient{c.caller.At(step), c.udpSocket} }

// LocalAddr returns the socket's own address.
func (c *UDPClient) LocalAddr() netip.AddrPort { return c.socket.Flow().Local }

// connected reports whether the socket has a peer.
func (c *UDPClient) connected() bool { return c.socket.Flow().Remote.IsValid() }

var errNobody = errors.New("send: nobody has sent anything yet that could be answered")

// Send sends what content has as one datagram, from a socket that is only
// bound to whoever sent the last that was received.
func (c *UDPClient) Send(ctx context.Context, content io.Reader) (Result, error) {
	t := newTally()
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if !c.connected() && last == nil {
		return Result{}, errNobody
	}
	payload, err := io.ReadAll(io.LimitReader(content, maxDatagram+1))
	if err == nil {
		err = c.sending.take(ctx)
	}
	if err == nil {
		defer c.sending.giveBack()
		socket := c.socket.By(c.caller)
		err = calls.Within(ctx, socket.SetWriteDeadline, func() error {
			var n int
			var err error
			if last == nil {
				n, err = socket.Send(payload)
			} else {
				n, err = socket.Answer(*last, payload, sourceOf(last.Control))
			}
			_, _ = t.Write(payload[:n]) // cannot fail
			return err
		})
	}
	return t.sent(), workload.Failed(ctx, fmt.Sprintf("send %d bytes", len(payload)), err)
}

// Receive waits for one datagram.
func (c *UDPClient) Receive(ctx context.Context) (Result, error) {
	t := newTally()
	err := c.receiving.take(ctx)
	if err == nil {
		defer c.receiving.giveBack()
		socket := c.socket.By(c.caller)
		err = calls.Within(ctx, socket.SetReadDeadline, func() error {
			d, err := socket.Receive(arrivedAt)
			_, _ = t.Write(d.Payload) // cannot fail
			if err == nil && !c.connected() {
				c.mu.Lock()
				c.last = &calls.Datagram{From: d.From, At: d.At, Control: d.Control}
				c.mu.Unlock()
			}
			return err
		})
	}
	return t.result(), workload.Failed(ctx, "receive", err)
}

// Close closes the socket, and breaks off what is under way.
func (c *UDPClient) Close() error {
	if c.closed.Swap(true) {
		return errClosed
	}
	return workload.Failed(context.Background(), "close", c.socket.By(c.caller).Close())
}
