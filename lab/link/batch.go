package link

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A conn is an rtnetlink socket of one namespace, and the requests that wait
// to be sent over it.
//
// The kernel answers a request before the system call that sends it returns,
// always if it failed, otherwise only if asked to. So only the last request of
// a batch asks: its answer comes after the errors of all before it. It also
// means that few answers wait in the socket's buffer, which is small
// (net.core.rmem_default) and may not be enlarged by an ordinary user.
type conn struct {
	fd   int
	seq  uint32 // of the last request added
	reqs []request
	// observe gets every message that is neither acknowledgement nor error:
	// answers to questions, and notifications.
	observe func(message)
}

// A request is a message and what it is about, which is needed if it fails.
type request struct {
	bytes []byte
	seq   uint32
	about about
}

// about describes a request. The description is put into words only if the
// request fails.
type about struct {
	link, end string
	verb      string
	object    any // may be nil
	// tolerate is an error that does not matter.
	tolerate unix.Errno
}

func (a about) err(err error, detail string) error {
	op := a.verb
	if a.object != nil {
		op = fmt.Sprintf("%s %v", a.verb, a.object)
	}
	return &Error{Link: a.link, End: a.end, Op: op, Detail: detail, Err: err}
}

// perSend is the number of requests sent by one system call. It bounds the
// answers that wait, if every request fails, and the time without a look at
// the context.
const perSend = 64

// dial opens an rtnetlink socket in the calling thread's namespace.
func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink socket: %w", err)
	}
	// Explanations with errors, without a copy of the request. Kernels that
	// cannot do it (before 4.12) give plain errors.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &conn{fd: fd, observe: func(message) {}}, nil
}

func (c *conn) close() error { return unix.Close(c.fd) }

// add appends a request to the batch.
func (c *conn) add(a about, kind, flags uint16, data ...nl.NetlinkRequestData) {
	c.seq++
	r := nl.NetlinkRequest{
		NlMsghdr: unix.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | flags, Seq: c.seq},
		Data:     data,
	}
	c.reqs = append(c.reqs, request{bytes: r.Serialize(), seq: c.seq, about: a})
}

// flush sends the batch and returns the first error. Requests after one that
// failed are still carried out, up to the end of its part of the batch.
func (c *conn) flush(ctx context.Context, buf []byte) error {
	reqs := c.reqs
	c.reqs = nil
	for len(reqs) > 0 {
		if err := context.Cause(ctx); err != nil {
			return reqs[0].about.err(err, "")
		}
		n := min(len(reqs), perSend)
		if err := c.exchange(reqs[:n], buf); err != nil {
			return err
		}
		reqs = reqs[n:]
	}
	return nil
}

// exchange sends requests in one message and reads their answers into buf.
func (c *conn) exchange(reqs []request, buf []byte) error {
	last := &reqs[len(reqs)-1]
	const flags = 6 // offset of nlmsg_flags
	binary.NativeEndian.PutUint16(last.bytes[flags:], binary.NativeEndian.Uint16(last.bytes[flags:])|unix.NLM_F_ACK)
	var out []byte
	for _, r := range reqs {
		out = append(out, r.bytes...)
		out = append(out, make([]byte, -len(out)&(unix.NLMSG_ALIGNTO-1))...)
	}
	if err := unix.Sendto(c.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return last.about.err(fmt.Errorf("send to kernel: %w", err), "")
	}
	var first error
	for {
		answers, err := c.receive(buf)
		if err != nil {
			return last.about.err(fmt.Errorf("receive from kernel: %w", err), "")
		}
		for _, a := range answers {
			i := int(a.seq) - int(reqs[0].seq)
			if i < 0 || i >= len(reqs) {
				continue // a late answer to an exchange that was given up
			}
			if a.errno != 0 && a.errno != reqs[i].about.tolerate && first == nil {
				first = reqs[i].about.err(a.errno, a.detail)
			}
			if i == len(reqs)-1 {
				return first
			}
		}
	}
}

// receive reads one datagram without waiting, hands what is no answer to
// c.observe, and returns the answers.
func (c *conn) receive(buf []byte) ([]answer, error) {
	n, from, err := unix.Recvfrom(c.fd, buf, 0)
	if err != nil {
		return nil, err
	}
	if sa, ok := from.(*unix.SockaddrNetlink); !ok || sa.Pid != 0 {
		return nil, nil // any process may write to a netlink socket
	}
	messages, err := parseMessages(buf[:n])
	if err != nil {
		return nil, err
	}
	var answers []answer
	for _, m := range messages {
		switch m.kind {
		case unix.NLMSG_ERROR:
			a, err := parseAnswer(m)
			if err != nil {
				return nil, err
			}
			answers = append(answers, a)
		default:
			c.observe(m)
		}
	}
	return answers, nil
}
