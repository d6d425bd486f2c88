package link_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"netlab/lab/link/linktest"
	"netlab/lab/netns"

	"golang.org/x/sys/unix"
)

// A tap sees the frames of all interfaces of a namespace.
type tap struct {
	fd     int
	frames int
	errs   []error
}

func newTap(t *testing.T, ns *netns.NS) *tap {
	t.Helper()
	tp := &tap{}
	err := ns.Do(func() (err error) {
		const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
		tp.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all)
		if err != nil {
			return err
		}
		return unix.SetsockoptInt(tp.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	})
	if errors.Is(err, unix.EPERM) {
		err = nil // a small buffer loses frames, which does not matter here
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(tp.fd) })
	return tp
}

// read judges the TCP segments that wait in the tap.
func (tp *tap) read(mtu int) {
	buf := make([]byte, 1<<17)
	for {
		n, from, err := unix.Recvfrom(tp.fd, buf, unix.MSG_TRUNC)
		if err != nil {
			return
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok || ll.Hatype == unix.ARPHRD_LOOPBACK {
			continue
		}
		segment, pseudo, ok := tcp(buf[:n])
		if !ok {
			continue
		}
		tp.frames++
		if n > mtu {
			tp.errs = append(tp.errs, errors.New("a packet is larger than the MTU"))
		}
		if sum(pseudo, segment) != 0xffff {
			tp.errs = append(tp.errs, errors.New("a segment's checksum is wrong"))
		}
	}
}

// tcp returns the segment in an IP packet, and the pseudo-header that its
// checksum covers (RFC 9293 section 3.1).
func tcp(b []byte) (segment, pseudo []byte, ok bool) {
	switch {
	case len(b) >= 40 && b[0]>>4 == 4 && b[9] == unix.IPPROTO_TCP:
		segment = b[int(b[0]&15)*4 : binary.BigEndian.Uint16(b[2:])]
		pseudo = append(pseudo, b[12:20]...)
	case len(b) >= 60 && b[0]>>4 == 6 && b[6] == unix.IPPROTO_TCP:
		segment = b[40 : 40+int(binary.BigEndian.Uint16(b[4:]))]
		pseudo = append(pseudo, b[8:40]...)
	default:
		return nil, nil, false
	}
	pseudo = binary.BigEndian.AppendUint16(pseudo, unix.IPPROTO_TCP)
	return segment, binary.BigEndian.AppendUint16(pseudo, uint16(len(segment))), true
}

// sum is the sum in one's complement (RFC 1071); 0xffff over intact data.
func sum(parts ...[]byte) uint16 {
	var s uint32
	for _, p := range parts {
		for i, b := range p {
			s += uint32(b) << (8 * (1 - i%2))
		}
		s = s>>16 + s&0xffff
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// transfer sends bytes from one namespace to another and waits until they have
// arrived.
func transfer(t *testing.T, from, to *netns.NS, address string, bytes int) {
	t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(address), 9)
	var listener *net.TCPListener
	if err := to.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	arrived := make(chan int64, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			arrived <- -1
			return
		}
		defer conn.Close()
		n, _ := io.Copy(io.Discard, conn)
		arrived <- n
	}()
	if err := from.Do(func() error {
		fd, err := connected(at)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for left := bytes; left > 0; {
			n, err := unix.Write(fd, make([]byte, min(left, 1<<16)))
			if err != nil {
				return err
			}
			left -= n
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-arrived:
		if n != int64(bytes) {
			t.Errorf("%d of %d bytes arrived", n, bytes)
		}
	case <-time.After(20 * time.Second):
		t.Error("the transfer took too long")
	}
}

func TestWireCarriesRealSegments(t *testing.T) {
	const mtu = 1500
	l := up(t, linktest.Star(2))
	taps := map[string]*tap{}
	for _, name := range []string{"h0", "s0", "h1"} {
		taps[name] = newTap(t, l[name])
	}
	const bytes = 1 << 20
	v4, v6 := linktest.Addresses(1)
	for _, a := range []netip.Prefix{v4, v6} {
		transfer(t, l["h0"], l["h1"], a.Addr().String(), bytes)
		for name, tp := range taps {
			tp.read(mtu)
			if tp.frames < 50 { // a small buffer may lose some
				t.Errorf("%s: only %d segments seen", name, tp.frames)
			}
			for i, err := range tp.errs {
				if i == 3 {
					t.Errorf("%s: and %d more", name, len(tp.errs)-i)
					break
				}
				t.Errorf("%s, to %v: %v", name, a, err)
			}
			tp.frames, tp.errs = 0, nil
		}
	}
}
