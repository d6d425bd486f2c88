package wire

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller waits for many rings with one descriptor of epoll(7), which the Go
// runtime waits for in turn: no thread is blocked, and a deadline ends it.
type poller struct {
	file  *os.File
	raw   syscall.RawConn
	woken atomic.Bool
	ready []unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // only so does os.NewFile hand it to the runtime
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll"), ready: make([]unix.EpollEvent, 256)}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// add watches a ring's socket, known as id, for blocks that the kernel hands
// over. Only news is told (EPOLLET): blocks may be kept for a while.
func (p *poller) add(fd, id int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(id)}
	var err error
	if e := p.raw.Control(func(epfd uintptr) {
		err = unix.EpollCtl(int(epfd), unix.EPOLL_CTL_ADD, fd, &event)
	}); e != nil {
		return e
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// wait returns the ids of sockets with news; none at the deadline, or once
// wake was called.
func (p *poller) wait(deadline time.Time) ([]unix.EpollEvent, error) {
	if err := p.file.SetReadDeadline(deadline); err != nil {
		return nil, os.NewSyscallError("set deadline", err)
	}
	if p.woken.Load() { // or else the deadline has just overwritten wake's
		deadline = time.Time{}
	}
	n := 0
	var err error
	look := func(epfd uintptr) bool {
		n, err = unix.EpollWait(int(epfd), p.ready, 0)
		return n != 0 || deadline.IsZero()
	}
	e := p.raw.Read(look)
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(e, os.ErrDeadlineExceeded):
		return nil, nil
	case err != nil:
		return nil, os.NewSyscallError("epoll_wait", err)
	case e != nil:
		return nil, e
	}
	return p.ready[:n], nil
}

// wake ends the wait that is on, or the next, and makes all later ones return
// at once until rest.
func (p *poller) wake() {
	p.woken.Store(true)
	// It fails only where there is nobody to wake: the poller is closed.
	_ = p.file.SetReadDeadline(time.Unix(1, 0))
}

// rest undoes wake.
func (p *poller) rest() { p.woken.Store(false) }

func (p *poller) close() error { return p.file.Close() }
