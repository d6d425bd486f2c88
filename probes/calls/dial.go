package calls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// DialOptions are the choices of one dial.
type DialOptions struct {
	Local netip.AddrPort // address and port to dial from; either part may be zero
}

// DialContext connects to addr, "host:port" with an IP literal or a name.
// network is tcp, tcp4 or tcp6. A name's addresses are tried one after the
// other in the order of the resolver (Go's own, which reads /etc/hosts): no
// race between families, so that a run can be repeated. Each attempt is one
// connect call.
//
// Not only the successful attempt has a socket cookie: it is read before
// connect, so a refused connection can be told from others, too.
func (c *Caller) DialContext(ctx context.Context, network, addr string, opts DialOptions) (*Conn, error) {
	targets, err := resolve(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	var failures []error
	for _, target := range targets {
		conn, err := c.connect(ctx, network, target, opts)
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

// connect makes one attempt.
func (c *Caller) connect(ctx context.Context, network string, target netip.AddrPort, opts DialOptions) (*Conn, error) {
	start := clock.Now()
	var id probes.SocketID
	dialer := net.Dialer{
		KeepAlive:     -1,
		FallbackDelay: -1,
		// Called with the new socket, before bind and connect.
		Control: func(_, _ string, raw syscall.RawConn) error {
			id = identify(raw)
			start = clock.Now()
			return nil
		},
	}
	dialer.SetMultipathTCP(false)
	if opts.Local.IsValid() || opts.Local.Port() != 0 {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(opts.Local)
	}
	conn, err := dialer.DialContext(ctx, network, target.String())
	if err != nil {
		c.record(start, id, probes.Flow{Local: opts.Local, Remote: target}, probes.Call{Name: "connect", Errno: connectErrno(err)})
		// The socket's deadline may be noticed a moment before that of ctx,
		// whose cause is what callers tell.
		if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
			<-ctx.Done()
		}
		return nil, err
	}
	tcp := conn.(*net.TCPConn) // the networks that resolve accepts give nothing else
	flow := probes.Flow{Local: addrPort(tcp.LocalAddr()), Remote: addrPort(tcp.RemoteAddr())}
	c.record(start, id, flow, probes.Call{Name: "connect"})
	return c.newConn(tcp, id, flow), nil
}

// resolve returns the addresses behind addr, in the resolver's order.
func resolve(ctx context.Context, network, addr string) ([]netip.AddrPort, error) {
	family, ok := map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6"}[network]
	if !ok {
		return nil, fmt.Errorf("network %q is not tcp, tcp4 or tcp6", network)
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q is not a number from 0 to 65535", service)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip, uint16(port))}, nil
	}
	// Go's resolver, not the C library's: it needs no thread of its own and
	// reads the node's files as they are.
	resolver := net.Resolver{PreferGo: true}
	ips, err := resolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return nil, err
	}
	targets := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		targets[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return targets, nil
}
