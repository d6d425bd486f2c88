package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// waiting is what a space still lacks before it is ready.
type waiting struct {
	links     map[int]*port      // by ifindex: not seen with operstate UP
	addresses map[address]*port  // IPv6: not seen as the host's own
	asked     map[uint32]address // by number of the question
}

// An address of an interface. Link-local ones may be on several.
type address struct {
	index int
	addr  netip.Addr
}

func (w *waiting) over() bool { return len(w.links) == 0 && len(w.addresses) == 0 }

// ready waits until everything that was built carries frames. It asks first,
// which mostly does; then it subscribes to changes, asks again, and asks again
// after every change and every few milliseconds: no lost notification hurts.
func (b *builder) ready(ctx context.Context) error {
	var late []*space
	for _, s := range b.spaces {
		s.expect()
		if err := s.ask(ctx, b.buf); err != nil {
			return err
		}
		if !s.waiting.over() {
			late = append(late, s)
		}
	}
	if len(late) == 0 {
		return nil
	}
	w, err := newWaker(ctx)
	if err != nil {
		return fmt.Errorf("wait for links: %w", err)
	}
	defer w.close()
	for _, s := range late {
		if err := w.watch(s); err != nil {
			return err
		}
	}
	for {
		if late, err = b.stillLate(ctx, late); err != nil || len(late) == 0 {
			return err
		}
		if err := w.wait(); err != nil {
			return fmt.Errorf("wait for links: %w", err)
		}
		if err := context.Cause(ctx); err != nil {
			return notReady(late, err)
		}
	}
}

// stillLate asks those that were late, and returns those that still are.
func (b *builder) stillLate(ctx context.Context, late []*space) ([]*space, error) {
	var still []*space
	for _, s := range late {
		if err := s.ask(ctx, b.buf); err != nil {
			if context.Cause(ctx) != nil {
				err = notReady(late, err)
			}
			return nil, err
		}
		if !s.waiting.over() {
			still = append(still, s)
		}
	}
	return still, nil
}

// expect notes what must come true of the space.
func (s *space) expect() {
	s.waiting = waiting{links: map[int]*port{}, addresses: map[address]*port{}, asked: map[uint32]address{}}
	for _, p := range s.ports {
		s.waiting.links[p.end.Index] = p
		if !s.isNode() {
			continue
		}
		for _, a := range p.addresses() {
			if a.Addr().Is6() {
				s.waiting.addresses[address{p.end.Index, a.Addr()}] = p
			}
		}
	}
	s.conn.observe = s.waiting.observe
}

// observe crosses off what a message says.
func (w *waiting) observe(m message) {
	switch m.kind {
	case unix.RTM_NEWLINK:
		if index, state, ok := parseLink(m); ok && state == ifOperUp {
			delete(w.links, index)
		}
	case unix.RTM_NEWROUTE:
		if local, ok := parseRoute(m); ok && local {
			delete(w.addresses, w.asked[m.seq])
		}
	}
}

// ask asks the kernel for what the space still waits for.
//
// A new IPv6 address is completed by a work queue, even without duplicate
// address detection: it joins the group in which neighbours ask for it, then
// its local route is made, without which nothing that is sent to it arrives
// (addrconf_dad_completed in net/ipv6/addrconf.c). So the route is the sign.
func (s *space) ask(ctx context.Context, buf []byte) error {
	for index, p := range s.waiting.links {
		s.conn.add(p.about("get state of", p.end.Interface), unix.RTM_GETLINK, 0, getLink(index)...)
	}
	clear(s.waiting.asked)
	for a, p := range s.waiting.addresses {
		about := p.about("get route to", a.addr)
		about.tolerate = unix.ENETUNREACH
		s.conn.add(about, unix.RTM_GETROUTE, 0, getRoute(a.index, a.addr)...)
		s.waiting.asked[s.conn.seq] = a
	}
	return s.conn.flush(ctx, buf)
}

// notReady says what is missing when the wait ends with err.
func notReady(late []*space, err error) error {
	var missing []string
	for _, s := range late {
		for _, p := range s.ports {
			if s.waiting.links[p.end.Index] != nil {
				missing = append(missing, fmt.Sprintf("link %q: end %q: %s is not up", p.link.Name, p.end.Node, p.end.Interface))
			}
		}
		for a, p := range s.waiting.addresses {
			missing = append(missing, fmt.Sprintf("link %q: end %q: %v is not usable", p.link.Name, p.end.Node, a.addr))
		}
	}
	const most = 8
	if more := len(missing) - most; more > 0 {
		missing = append(missing[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("wait for links: %s: %w", strings.Join(missing, "; "), err)
}

// A waker waits for changes in several namespaces, and for the end of a
// context. What changed does not matter to it.
type waker struct {
	fds    []unix.PollFd // the first is an eventfd, for the context
	cancel func()        // stops watching the context
}

func newWaker(ctx context.Context) (*waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_, _ = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 1}) // any number but zero, on any machine
	})
	return &waker{
		fds: []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}},
		cancel: func() {
			if !stop() {
				<-ended
			}
		},
	}, nil
}

func (w *waker) close() {
	w.cancel()
	for _, p := range w.fds {
		_ = unix.Close(int(p.Fd)) // nothing was written that could be lost
	}
}

// watch adds a namespace: changes of its links and IPv6 addresses. It uses a
// socket of its own, as a flood of notifications on the socket that asks would
// leave no room for the answers.
func (w *waker) watch(s *space) error {
	const groups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1)
	fd := -1
	err := s.ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return s.about("watch links", nil).err(err, "")
	}
	w.fds = append(w.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return s.about("watch links", nil).err(err, "")
	}
	return nil
}

// askAgain is how many milliseconds pass at most between two questions. A
// change alone is not enough to go by: the kernel tells of a completed IPv6
// address before it makes the address's route (__ipv6_ifa_notify in
// net/ipv6/addrconf.c), and then tells nothing more.
const askAgain = 2

// wait returns when something changed, and forgets what it was, or when it is
// time to ask again.
func (w *waker) wait() error {
	for {
		_, err := unix.Poll(w.fds, askAgain)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("poll: %w", err)
		}
	}
	for _, p := range w.fds[1:] {
		if p.Revents == 0 {
			continue
		}
		// Notifications that did not fit are reported as ENOBUFS, once.
		var none [1]byte
		for {
			_, _, err := unix.Recvfrom(int(p.Fd), none[:], 0)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("receive notification: %w", err)
			}
		}
	}
	return nil
}
