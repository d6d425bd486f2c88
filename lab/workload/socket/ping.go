package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"netlab/lab/workload"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Numbers of protocols, as IANA gives them.
const (
	protocolICMP   = 1
	protocolICMPv6 = 58
)

// Ping sends an ICMP echo request (RFC 792, RFC 4443) with so many bytes and
// waits for its reply; it returns how many bytes came back. It needs the right
// to open a raw socket. An answer that the peer cannot be reached is an error.
func Ping(ctx context.Context, peer netip.Addr, size int) (int, error) {
	network, protocol := "ip4:icmp", protocolICMP
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if peer.Is6() {
		network, protocol, kind = "ip6:ipv6-icmp", protocolICMPv6, ipv6.ICMPTypeEchoRequest
	}
	conn, err := icmp.ListenPacket(network, "")
	if err != nil {
		return 0, workload.Failed(ctx, "ping", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(workload.Past()) })
	defer stop()
	id := os.Getpid() & 0xffff
	request := icmp.Message{Type: kind, Body: &icmp.Echo{ID: id, Seq: int(time.Now().UnixNano() & 0xffff), Data: make([]byte, size)}}
	packet, err := request.Marshal(nil) // the kernel sums what goes to IPv6
	if err != nil {
		return 0, fmt.Errorf("ping: %w", err)
	}
	if _, err := conn.WriteTo(packet, &net.IPAddr{IP: peer.AsSlice()}); err != nil {
		return 0, workload.Failed(ctx, "ping", err)
	}
	return await(ctx, conn, protocol, request.Body.(*icmp.Echo))
}

// await waits for the reply to a request.
func await(ctx context.Context, conn *icmp.PacketConn, protocol int, sent *icmp.Echo) (int, error) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return 0, workload.Failed(ctx, "ping", err)
		}
		message, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil {
			continue // somebody else's
		}
		switch body := message.Body.(type) {
		case *icmp.Echo:
			reply := message.Type == ipv4.ICMPTypeEchoReply || message.Type == ipv6.ICMPTypeEchoReply
			if reply && body.ID == sent.ID && body.Seq == sent.Seq {
				return len(body.Data), nil
			}
		case *icmp.DstUnreach:
			return 0, errors.New("ping: destination unreachable")
		}
	}
}
