package conntrack

import "golang.org/x/sys/unix"

// Shrink makes the sockets' buffers small.
func Shrink(p *Probe, size int) {
	for _, at := range p.places {
		_ = unix.SetsockoptInt(at.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	}
}

// Decode is decode.
var Decode = decode
