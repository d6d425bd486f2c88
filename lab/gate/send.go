package gate

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many frames go out in one system call at most.
const batchSize = 64

// mmsghdr is struct mmsghdr of linux/socket.h.
type mmsghdr struct {
	hdr unix.Msghdr
	_   uint32 // how much was sent, which for a frame is all
}

// A batch is what sendmmsg(2) is given: frames from wherever they lie.
type batch struct {
	messages [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
}

// send sends frames out of a port, in order. It returns how many went, and
// the error that the one after those met.
func (b *batch) send(p *port, frames [][]byte) (int, error) {
	frames = frames[:min(len(frames), batchSize)]
	for i, f := range frames {
		b.vectors[i].Base = unsafe.SliceData(f)
		b.vectors[i].SetLen(len(f))
		b.messages[i].hdr.Iov = &b.vectors[i]
		b.messages[i].hdr.SetIovlen(1)
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&b.messages)), uintptr(len(frames)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// patience bounds the wait for room where a port cannot take a frame. Nothing
// else happens at the gate meanwhile.
const patience = time.Second

// errNoRoom says that a port's way was congested for longer than patience.
var errNoRoom = errors.New("no room on the way for a second")

// sendAll sends frames as send does, and waits for so long where the way is
// congested.
func (b *batch) sendAll(p *port, frames [][]byte, patience time.Duration) (sent int, err error) {
	var since time.Time
	for sent < len(frames) {
		n, err := b.send(p, frames[sent:])
		sent += n
		if n > 0 {
			since = time.Time{}
			continue
		}
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EAGAIN):
			// The queue of the receiving processor is full (netif_rx in
			// net/core/dev.c), or the socket's allowance is used up.
			if !p.up() {
				return sent, unix.ENETDOWN
			}
		default:
			return sent, err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) >= patience {
			return sent, errNoRoom
		}
		// Nobody tells when such a queue has room again; the kernel empties
		// it as soon as it is given a processor.
		time.Sleep(20 * time.Microsecond)
	}
	return sent, nil
}
