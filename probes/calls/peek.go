package calls

import (
	"io"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// WriteMore is Write that says that more is to follow (MSG_MORE).
func (c *Conn) WriteMore(p []byte) (int, error) {
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	start := clock.Now()
	n, err := sendAll(func(call func(fd int) error) error { return ready(raw.Write, call) }, p, unix.MSG_MORE)
	c.record(start, probes.Call{Name: "send", Args: "MSG_MORE", Bytes: n, Errno: Errno(err)})
	return n, err
}

// ReadSome waits for data and receives as much of it as some says when it has
// been shown the beginning of what there is, at most as much as p holds: what
// was not asked for stays unread. It records a receive, from the beginning of
// the wait on.
func (c *Conn) ReadSome(p []byte, some func(queued []byte) int) (n int, err error) {
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	start := clock.Now()
	err = ready(raw.Read, func(fd int) error {
		if n, _, err = unix.Recvfrom(fd, p, unix.MSG_PEEK); err != nil {
			return err
		}
		n, err = unix.Read(fd, p[:some(p[:n])]) // at the end it says so again
		return err
	})
	n = max(n, 0)
	if err == nil && n == 0 {
		err = io.EOF
	}
	c.record(start, probes.Call{Name: "receive", Bytes: n, Errno: Errno(err)})
	return n, err
}

// Peek waits until the receive queue holds n bytes and returns them, which
// stay there (MSG_PEEK); it records a receive. Where the peer closes or the
// connection breaks before, it returns what has come and io.EOF, or the error
// if nothing has come; after the read deadline likewise, with that error.
func (c *Conn) Peek(n int) ([]byte, error) {
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	start := clock.Now()
	waited := ready(raw.Read, func(fd int) error { return queued(fd, n) })
	var buf []byte
	taken := ready(once(raw), func(fd int) error {
		buf, err = peek(fd, n)
		return err
	})
	switch {
	case waited != nil:
		err = waited
	case taken != nil:
		buf, err = nil, taken
	case len(buf) < n:
		err = io.EOF
	}
	call := probes.Call{Name: "receive", Args: "MSG_PEEK", Bytes: len(buf), Errno: Errno(err)}
	if err == io.EOF && len(buf) > 0 { // the call has said nothing of it yet
		call.Errno = ""
	}
	c.record(start, call)
	return buf, err
}

// queued returns EAGAIN as long as fewer than n bytes have come and more can.
func queued(fd, n int) error {
	have, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil || have >= n {
		return err
	}
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	if _, err := unix.Poll(polled, 0); err != nil || polled[0].Revents != 0 {
		return err // the peer's FIN, or the end: nothing more comes
	}
	return unix.EAGAIN
}

// peek returns up to n bytes of the receive queue.
func peek(fd, n int) ([]byte, error) {
	have, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, max(min(have, n), 1))
	got, _, err := unix.Recvfrom(fd, buf, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return buf[:max(got, 0)], err
}
