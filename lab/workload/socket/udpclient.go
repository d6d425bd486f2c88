package socket

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"

	"netlab/lab/workload"
)

// A UDPClient is a socket of a client, connected to a server: it hears of a
// port that nobody listens at, by the next call (ECONNREFUSED). Its operations
// are made one at a time and end at the latest when their context does.
type UDPClient struct {
	conn net.Conn
}

// DialUDP opens a socket. Nothing is sent.
func DialUDP(ctx context.Context, target netip.AddrPort) (*UDPClient, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", target.String())
	if err != nil {
		return nil, workload.Failed(ctx, "open a socket for "+target.String(), err)
	}
	return &UDPClient{conn}, nil
}

// Send sends what content has as one datagram.
func (c *UDPClient) Send(ctx context.Context, content io.Reader) (Result, error) {
	t := newTally()
	payload, err := io.ReadAll(io.LimitReader(content, maxDatagram+1))
	if err == nil {
		err = within(ctx, c.conn, func() error {
			n, err := c.conn.Write(payload)
			_, _ = t.Write(payload[:n]) // cannot fail
			return err
		})
	}
	return t.sent(), workload.Failed(ctx, fmt.Sprintf("send %d bytes", len(payload)), err)
}

// Receive waits for one datagram.
func (c *UDPClient) Receive(ctx context.Context) (Result, error) {
	t := newTally()
	err := within(ctx, c.conn, func() error {
		buf := make([]byte, maxDatagram)
		n, err := c.conn.Read(buf)
		_, _ = t.Write(buf[:n]) // cannot fail
		return err
	})
	return t.result(), workload.Failed(ctx, "receive", err)
}

// Close closes the socket.
func (c *UDPClient) Close() error { return c.conn.Close() }
