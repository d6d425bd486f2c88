package sockdiag

import (
	"errors"
	"fmt"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// State masks of a request: bit n asks for state n of
// include/net/tcp_states.h. Bit 13, sockets that are merely bound, is left
// out: it costs a walk of its own, and such a socket is no connection.
const (
	allStates    = 1<<13 - 2 // ESTABLISHED (1) to NEW_SYN_RECV (12)
	listenStates = 1 << stateListen
)

// bufferLen is the longest datagram that the kernel makes for a dump.
const bufferLen = 32 << 10

// dumpAttempts bounds how often an interrupted dump is repeated.
const dumpAttempts = 4

// answerTimeout guards a read: the kernel answers within the write, so a
// read never waits unless something is badly wrong.
var answerTimeout = unix.Timeval{Sec: 2}

// families are both always looked at: a dump of AF_UNSPEC is empty, and a
// server that listens on :: has sockets of family AF_INET6 for IPv4 too.
var families = [...]uint8{unix.AF_INET, unix.AF_INET6}

// A conn asks the kernel of one network namespace. It is not safe for
// concurrent use.
type conn struct {
	kernel kernel
	seq    uint32
}

// A kernel is what a conn asks: a netlink socket, but for tests.
type kernel interface {
	send(request []byte) error
	// receive reads one datagram of the kernel's into buf.
	receive(buf []byte) ([]byte, error)
	close() error
}

// A netlink is a netlink socket, which stays in the network namespace that it
// was made in.
type netlink struct{ fd int }

// dial makes a conn inside ns. The caller closes it.
func dial(ns probes.Namespace) (*conn, error) {
	fd := -1
	err := ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open sock_diag socket: %w", err)
	}
	c := &conn{kernel: netlink{fd}}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &answerTimeout); err != nil {
		c.close()
		return nil, fmt.Errorf("set timeout of sock_diag socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		c.close()
		return nil, fmt.Errorf("bind sock_diag socket: %w", err)
	}
	return c, nil
}

func (c *conn) close() error { return c.kernel.close() }

func (n netlink) close() error {
	if err := unix.Close(n.fd); err != nil {
		return fmt.Errorf("close sock_diag socket: %w", err)
	}
	return nil
}

// A look is the answer to one dump: what was listed at some moment between
// begin and end.
type look struct {
	entries    []entry
	begin, end probes.Mono
}

// dump lists the TCP sockets of one family in the given states. buf is
// scratch space of bufferLen bytes.
func (c *conn) dump(family uint8, states uint32, buf []byte) (look, error) {
	var err error
	for range dumpAttempts {
		l := look{begin: clock.Now()}
		c.seq++
		req := encodeRequest(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, c.seq, family, states, [sockidLen]byte{})
		err = c.exchange(req, buf, func(e entry) { l.entries = append(l.entries, e) })
		l.end = clock.Now()
		if !errors.Is(err, errInterrupted) {
			return l, err
		}
	}
	return look{}, err
}

// exchange sends req, which carries c.seq, and reads until the answer is
// complete. An answer that cannot be read is still read to its end: the
// kernel refuses a new dump while one is unfinished.
func (c *conn) exchange(req, buf []byte, visit func(entry)) error {
	if err := c.kernel.send(req); err != nil {
		return fmt.Errorf("ask sock_diag: %w", err)
	}
	var first error
	interrupted := false
	for {
		b, err := c.kernel.receive(buf)
		if err != nil {
			return errors.Join(first, fmt.Errorf("read sock_diag's answer: %w", err))
		}
		r, err := decode(b, c.seq, visit)
		if err != nil && first == nil {
			first = fmt.Errorf("sock_diag's answer: %w", err)
		}
		interrupted = interrupted || r.interrupted
		if !r.done {
			continue
		}
		if first == nil && interrupted {
			return errInterrupted
		}
		return first
	}
}

func (n netlink) send(request []byte) error {
	return retry(func() error {
		return unix.Sendto(n.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
}

func (n netlink) receive(buf []byte) ([]byte, error) {
	for {
		var size int
		var from unix.Sockaddr
		err := retry(func() (err error) {
			size, from, err = unix.Recvfrom(n.fd, buf, unix.MSG_TRUNC)
			return err
		})
		if err != nil {
			return nil, err
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // another process of the namespace; only the kernel is 0
		}
		if size > len(buf) {
			return nil, fmt.Errorf("datagram of %d bytes, room for %d", size, len(buf))
		}
		return buf[:size], nil
	}
}

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
