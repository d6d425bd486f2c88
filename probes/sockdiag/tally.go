package sockdiag

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// Groups of a sock_diag socket that are told of every full TCP socket that
// the kernel destroys (enum sknetlink_groups, include/uapi/linux/sock_diag.h).
const (
	groupDestroy4 = 1 // SKNLGRP_INET_TCP_DESTROY
	groupDestroy6 = 3 // SKNLGRP_INET6_TCP_DESTROY
)

// tallyBuffer is how many bytes of notices may wait in the kernel, some
// thousand for each. Without privileges the kernel gives what it allows
// (net.core.rmem_max).
const tallyBuffer = 8 << 20

// tallyPause is the time between two readings of the notices: to be woken for
// each would cost the machine more than the kernel's making of them.
const tallyPause = 2 * time.Millisecond

// lossTallies is what a loss says where the kernel had no room for notices.
const lossTallies = "destroy notifications: ENOBUFS: the socket's buffer was full, and it is not known how many did not find room"

// A tallier is told of the sockets of one place that the kernel destroys.
type tallier struct {
	probes.Place
	fd     int
	broken bool // it gives nothing but errors; nobody listens any more
}

// subscribe opens a socket in the place that gets the notices. From then on
// none is missed that is not told as a loss.
func subscribe(at probes.Place, room int) (*tallier, error) {
	fd := -1
	err := at.NS.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open sock_diag socket: %w", err)
	}
	// A smaller buffer is what there is without: what it loses is told.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room)
	}
	const groups = 1<<(groupDestroy4-1) | 1<<(groupDestroy6-1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to destroy notifications: %w", err), unix.Close(fd))
	}
	return &tallier{Place: at, fd: fd}, nil
}

// read emits all that waits in the socket.
func (t *tallier) read(buf []byte, emit func(probes.Event)) {
	for !t.broken {
		n, from, err := unix.Recvfrom(t.fd, buf, unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			emit(lostOf(probes.KindTally, t.Node, lossTallies))
			continue
		case err != nil:
			t.broken = true
			emit(lostOf(probes.KindTally, t.Node, "read destroy notifications: "+err.Error()))
			return
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // another process of the namespace; only the kernel is 0
		}
		now := clock.Now()
		// The kernel answers nobody here: its notices have the number 0.
		if _, err := decode(buf[:min(n, len(buf))], 0, func(e entry) { emit(t.event(e, now)) }); err != nil {
			emit(lostOf(probes.KindTally, t.Node, "destroy notification: "+err.Error()))
		}
	}
}

// event tells of a socket that was destroyed. Its state is none any more, and
// the kernel has forgotten the addresses of one that was reset.
func (t *tallier) event(e entry, now probes.Mono) probes.Event {
	tally := decodeTally(e.info)
	return probes.Event{
		Time: now, Source: probes.SockDiag, Kind: probes.KindTally, Grade: probes.Recorded, Node: t.Node,
		Sock: probes.SocketID{NetNS: t.Cookie, Cookie: e.ID.Cookie}, Flow: e.Flow, Tally: &tally,
	}
}

// close closes the socket.
func (t *tallier) close() error {
	if t.fd < 0 {
		return nil
	}
	fd := t.fd
	t.fd, t.broken = -1, true
	return unix.Close(fd)
}

// Offsets in struct tcp_info (include/uapi/linux/tcp.h), which only grows.
const (
	infoRTT      = 68 // u32, microseconds
	infoResent   = 100
	infoBytesOut = 120 // u64 tcpi_bytes_acked
	infoBytesIn  = 128 // u64 tcpi_bytes_received
	infoSegsOut  = 136
	infoSegsIn   = 140
)

// decodeTally reads a struct tcp_info; what an older kernel leaves out is 0.
func decodeTally(b []byte) probes.Tally {
	return probes.Tally{
		SegsOut: number32(b, infoSegsOut), SegsIn: number32(b, infoSegsIn),
		BytesOut: number64(b, infoBytesOut), BytesIn: number64(b, infoBytesIn),
		Resent: number32(b, infoResent),
		RTT:    probes.Mono(number32(b, infoRTT)) * probes.Mono(time.Microsecond),
	}
}

func number32(b []byte, at int) uint64 {
	if len(b) < at+4 {
		return 0
	}
	return uint64(binary.NativeEndian.Uint32(b[at:]))
}

func number64(b []byte, at int) uint64 {
	if len(b) < at+8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b[at:])
}

// tallies reads the notices of all places until ctx ends, then those that
// still wait. wake is an eventfd that is written to when ctx ends.
func tallies(ctx context.Context, list []*tallier, wake int, emit func(probes.Event)) error {
	buf := make([]byte, bufferLen)
	fds := make([]unix.PollFd, len(list)+1)
	pause := time.NewTimer(tallyPause)
	defer pause.Stop()
	for ctx.Err() == nil {
		fds[0] = unix.PollFd{Fd: int32(wake), Events: unix.POLLIN}
		for i, t := range list {
			fds[i+1] = unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN}
			if t.broken {
				fds[i+1].Fd = -1 // poll(2) passes over it
			}
		}
		if err := retry(func() error { _, err := unix.Poll(fds, -1); return err }); err != nil {
			return fmt.Errorf("wait for destroy notifications: %w", err)
		}
		for i, t := range list {
			if fds[i+1].Revents != 0 {
				t.read(buf, emit)
			}
		}
		pause.Reset(tallyPause)
		select {
		case <-ctx.Done():
		case <-pause.C: // so that many are read at once
		}
	}
	for _, t := range list {
		t.read(buf, emit)
	}
	return nil
}
