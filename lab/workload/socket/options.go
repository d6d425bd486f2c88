package socket

import (
	"context"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// Options are options of a TCP socket; what is nil is left as it is. See
// package calls for the kernel's names, and what is rounded.
type Options struct {
	NoDelay, Cork, QuickAck   *bool
	KeepAlive                 *KeepAlive
	UserTimeout               *time.Duration
	Linger                    *time.Duration // 0: close resets
	OrphanTimeout             *time.Duration
	FastOpen                  *bool // of a socket that listens, or of one that connects
	DeferAccept               *time.Duration
	ReceiveBuffer, SendBuffer *int // bytes
	MaxSegment                *int // bytes
}

// KeepAlive is when an idle connection is probed.
type KeepAlive struct {
	Idle, Interval time.Duration
	Probes         int
}

// fastOpenQueue is how many connections a listener accepts at a time before
// their handshake is done; the kernel takes net.core.somaxconn if that is less.
const fastOpenQueue = 4096

// listening returns the options of a socket that listens or is to, in an order
// that does not change.
func (o Options) listening() []calls.Option {
	list := o.common()
	switch {
	case o.FastOpen == nil:
	case *o.FastOpen:
		list = append(list, calls.FastOpen(fastOpenQueue))
	default:
		list = append(list, calls.FastOpen(0))
	}
	return list
}

// connecting returns the options of any other socket.
func (o Options) connecting() []calls.Option {
	return add(o.common(), o.FastOpen, calls.FastOpenConnect)
}

func (o Options) common() []calls.Option {
	list := add(nil, o.ReceiveBuffer, calls.ReceiveBuffer)
	list = add(list, o.SendBuffer, calls.SendBuffer)
	list = add(list, o.MaxSegment, calls.MaxSegment)
	list = add(list, o.NoDelay, calls.NoDelay)
	list = add(list, o.Cork, calls.Cork)
	list = add(list, o.QuickAck, calls.QuickAck)
	if k := o.KeepAlive; k != nil {
		list = append(list, calls.KeepIdle(k.Idle), calls.KeepInterval(k.Interval), calls.KeepCount(k.Probes), calls.KeepAlive(true))
	}
	list = add(list, o.UserTimeout, calls.UserTimeout)
	list = add(list, o.Linger, calls.LingerFor)
	list = add(list, o.OrphanTimeout, calls.OrphanTimeout)
	return add(list, o.DeferAccept, calls.DeferAccept)
}

// add appends an option unless its value is nil.
func add[T any](list []calls.Option, value *T, option func(T) calls.Option) []calls.Option {
	if value == nil {
		return list
	}
	return append(list, option(*value))
}

// setAll sets options, up to the first that the kernel refuses.
func setAll(socket interface{ SetOption(calls.Option) error }, options []calls.Option) error {
	for _, o := range options {
		if err := socket.SetOption(o); err != nil {
			return workload.Failed(context.Background(), "set "+o.String(), err)
		}
	}
	return nil
}
