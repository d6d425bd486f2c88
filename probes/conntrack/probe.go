package conntrack

import (
	"context"
	"errors"
	"fmt"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// A Config says where to look.
type Config struct {
	Places []probes.Place // routers whose trackers are of interest
}

// A Probe listens to the trackers of its places.
type Probe struct {
	places []*place
	ready  chan struct{}
	wake   int // an eventfd: Run is to end
}

var _ probes.Probe = (*Probe)(nil)

// A place is a router with the probe's socket in it.
type place struct {
	probes.Place
	fd     int
	broken bool // it gives nothing but errors; nobody listens any more
}

// bufferLen is longer than the longest message of a tracker.
const bufferLen = 32 << 10

// socketBuffer is how many bytes of events may wait in the kernel, some 300
// bytes each. Without privileges the kernel gives what it allows
// (net.core.rmem_max).
const socketBuffer = 8 << 20

// New opens a socket in every place. From then on nothing is missed. Run
// closes them; Close does where Run is never called. The error is a
// [probes.Unavailable] where the kernel tells nothing of its trackers.
func New(config Config) (_ *Probe, err error) {
	p := &Probe{ready: make(chan struct{}), wake: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	for _, at := range config.Places {
		fd, err := subscribe(at.NS)
		if err != nil {
			return nil, unavailable(fmt.Errorf("node %s: %w", at.Node, err))
		}
		p.places = append(p.places, &place{Place: at, fd: fd})
	}
	return p, nil
}

// subscribe opens a socket in the namespace that gets the events of its
// tracker: entries made, changed and removed.
func subscribe(ns probes.Namespace) (int, error) {
	fd := -1
	err := ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("open netfilter socket: %w", err)
	}
	// A smaller buffer is what there is without: what it loses is told.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	const groups = 1<<(unix.NFNLGRP_CONNTRACK_NEW-1) | 1<<(unix.NFNLGRP_CONNTRACK_UPDATE-1) | 1<<(unix.NFNLGRP_CONNTRACK_DESTROY-1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return -1, errors.Join(fmt.Errorf("subscribe to conntrack events: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// unavailable turns the refusals that mean "this kernel cannot" into a
// probes.Unavailable.
func unavailable(err error) error {
	for _, refusal := range []unix.Errno{unix.EPROTONOSUPPORT, unix.ENOENT, unix.EOPNOTSUPP, unix.EPERM, unix.EACCES} {
		if errors.Is(err, refusal) {
			return &probes.Unavailable{
				Source: probes.Conntrack,
				Reason: fmt.Sprintf("conntrack events were refused: %v (%s)", err, unix.ErrnoName(refusal)),
				Remedy: "load the kernel module nf_conntrack_netlink: modprobe nf_conntrack_netlink",
			}
		}
	}
	return err
}

// Source returns probes.Conntrack.
func (p *Probe) Source() probes.Source { return probes.Conntrack }

// Ready is closed when Run has begun; what happened since New is not missed.
func (p *Probe) Ready() <-chan struct{} { return p.ready }

// Run emits what the trackers tell until ctx ends, then what still waits in
// the sockets, and closes them. Run may be called once.
func (p *Probe) Run(ctx context.Context, emit func(probes.Event)) (err error) {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_, _ = unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 1}) // any number but zero, on any machine
	})
	defer func() {
		if !stop() {
			<-woken // it writes to what Close closes
		}
		err = errors.Join(err, p.Close())
	}()
	close(p.ready)
	buf := make([]byte, bufferLen)
	for ctx.Err() == nil {
		ready, err := p.wait()
		if err != nil {
			return err
		}
		for _, at := range ready {
			at.read(buf, emit)
		}
	}
	for _, at := range p.places {
		at.read(buf, emit)
	}
	return nil
}

// wait returns the places where something waits, when there are any or Run is
// to end.
func (p *Probe) wait() ([]*place, error) {
	fds := []unix.PollFd{{Fd: int32(p.wake), Events: unix.POLLIN}}
	listening := []*place{nil}
	for _, at := range p.places {
		if !at.broken {
			fds = append(fds, unix.PollFd{Fd: int32(at.fd), Events: unix.POLLIN})
			listening = append(listening, at)
		}
	}
	for {
		_, err := unix.Poll(fds, -1)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("poll netfilter sockets: %w", err)
		}
	}
	var ready []*place
	for i, fd := range fds {
		if i > 0 && fd.Revents != 0 {
			ready = append(ready, listening[i])
		}
	}
	return ready, nil
}

// read emits all that waits in the place's socket.
func (at *place) read(buf []byte, emit func(probes.Event)) {
	for !at.broken {
		n, from, err := unix.Recvfrom(at.fd, buf, unix.MSG_TRUNC)
		now := clock.Now()
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			emit(at.lost("the socket's buffer was full: events of the tracker are missing"))
			continue
		case err != nil:
			at.broken = true
			emit(at.lost("read conntrack events: " + err.Error()))
			return
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // another process of the namespace; only the kernel is 0
		}
		events, err := decode(buf[:min(n, len(buf))])
		if err != nil {
			emit(at.lost(err.Error()))
		}
		for _, e := range events {
			e.Time, e.Node, e.Sock.NetNS = now, at.Node, at.Cookie
			emit(e)
		}
	}
}

// lost says that events of the place are missing, nobody knows how many.
func (at *place) lost(what string) probes.Event {
	return probes.Event{
		Time: clock.Now(), Source: probes.Conntrack, Kind: probes.KindLoss, Node: at.Node,
		Loss: &probes.Loss{What: what, Count: 1},
	}
}

// Close closes the sockets. It is not needed after Run.
func (p *Probe) Close() error {
	var errs []error
	for _, at := range p.places {
		if at.fd >= 0 {
			errs = append(errs, unix.Close(at.fd))
			at.fd, at.broken = -1, true
		}
	}
	if p.wake >= 0 {
		errs = append(errs, unix.Close(p.wake))
		p.wake = -1
	}
	return errors.Join(errs...)
}
