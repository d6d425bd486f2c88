package wire

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A poller waits for many rings with epoll(7), in a system call of its own:
// by way of the Go runtime a busy program would hear of full blocks too late.
type poller struct {
	epoll, event int // descriptors; event is an eventfd that wake signals
	ready        []unix.EpollEvent
}

// wakeID stands for the eventfd among the ids of rings.
const wakeID = -1

func newPoller() (*poller, error) {
	p := &poller{epoll: -1, event: -1, ready: make([]unix.EpollEvent, 256)}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(os.NewSyscallError("eventfd", err), p.close())
	}
	if err := p.add(p.event, wakeID); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// add watches a ring's socket, known as id, for the next block that the
// kernel hands over. It tells once (EPOLLONESHOT).
func (p *poller) add(fd, id int) error { return p.control(unix.EPOLL_CTL_ADD, fd, id) }

// again watches for one more. A block that is there already counts.
func (p *poller) again(fd, id int) error { return p.control(unix.EPOLL_CTL_MOD, fd, id) }

func (p *poller) control(op, fd, id int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(id)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, op, fd, &event))
}

// wait returns the ids of sockets with news; none after the time given, in
// whole milliseconds, or where wake was called.
func (p *poller) wait(most time.Duration) ([]unix.EpollEvent, error) {
	n, err := unix.EpollWait(p.epoll, p.ready, int((max(most, 0) + time.Millisecond - 1).Milliseconds()))
	switch {
	case errors.Is(err, unix.EINTR):
		return nil, nil
	case err != nil:
		return nil, os.NewSyscallError("epoll_wait", err)
	}
	news := p.ready[:0]
	for _, e := range p.ready[:n] {
		if e.Fd == wakeID {
			var count [8]byte
			_, _ = unix.Read(p.event, count[:]) // takes the signal back; it cannot fail, it was there
			if err := p.again(p.event, wakeID); err != nil {
				return nil, err
			}
			continue
		}
		news = append(news, e)
	}
	return news, nil
}

// wake ends the wait that is on, or the next, once.
func (p *poller) wake() {
	// An eventfd that is full is signalled all the same.
	_, _ = unix.Write(p.event, []byte{0, 0, 0, 0, 0, 0, 0, 1})
}

func (p *poller) close() error {
	var err error
	for _, fd := range []int{p.epoll, p.event} {
		if fd >= 0 {
			err = errors.Join(err, os.NewSyscallError("close", unix.Close(fd)))
		}
	}
	return err
}
