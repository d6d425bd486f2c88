package calls

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// An Option is an option of a TCP socket with its value: what one setsockopt
// sets. Its String is how it is recorded: "TCP_NODELAY on". See tcp(7) and
// socket(7) for their meaning.
type Option struct {
	name  string
	value string
	set   func(fd int) error
}

// String returns the option's name and value.
func (o Option) String() string { return o.name + " " + o.value }

// call returns what is recorded. SO_LINGER has a name of its own: it decides
// what a close means.
func (o Option) call(err error) probes.Call {
	if o.name == lingerName {
		return probes.Call{Name: "linger", Args: o.value, Errno: Errno(err)}
	}
	return probes.Call{Name: "option", Args: o.String(), Errno: Errno(err)}
}

// lingerName is the name of the option that Linger makes.
const lingerName = "SO_LINGER"

func number(name string, level, option, value int, text string) Option {
	return Option{name, text, func(fd int) error { return unix.SetsockoptInt(fd, level, option, value) }}
}

func flag(name string, level, option int, on bool) Option {
	if on {
		return number(name, level, option, 1, "on")
	}
	return number(name, level, option, 0, "off")
}

// whole rounds up to whole seconds, as many as the kernel takes.
func whole(d time.Duration) int {
	return int(min((d+time.Second-1)/time.Second, math.MaxInt32))
}

func seconds(name string, option int, d time.Duration) Option {
	return number(name, unix.IPPROTO_TCP, option, whole(d), strconv.Itoa(whole(d))+"s")
}

func size(name string, level, option, n int) Option {
	n = min(n, math.MaxInt32)
	return number(name, level, option, n, strconv.Itoa(n))
}

// NoDelay is TCP_NODELAY.
func NoDelay(on bool) Option { return flag("TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, on) }

// Cork is TCP_CORK.
func Cork(on bool) Option { return flag("TCP_CORK", unix.IPPROTO_TCP, unix.TCP_CORK, on) }

// QuickAck is TCP_QUICKACK. Before connect, off delays the ACK of the SYN-ACK.
func QuickAck(on bool) Option { return flag("TCP_QUICKACK", unix.IPPROTO_TCP, unix.TCP_QUICKACK, on) }

// KeepAlive is SO_KEEPALIVE.
func KeepAlive(on bool) Option { return flag("SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, on) }

// KeepIdle is TCP_KEEPIDLE, in whole seconds.
func KeepIdle(d time.Duration) Option { return seconds("TCP_KEEPIDLE", unix.TCP_KEEPIDLE, d) }

// KeepInterval is TCP_KEEPINTVL, in whole seconds.
func KeepInterval(d time.Duration) Option { return seconds("TCP_KEEPINTVL", unix.TCP_KEEPINTVL, d) }

// KeepCount is TCP_KEEPCNT.
func KeepCount(n int) Option { return size("TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, n) }

// UserTimeout is TCP_USER_TIMEOUT, in milliseconds; RFC 9293 section 3.9.1
// knows it as the timeout of SEND.
func UserTimeout(d time.Duration) Option {
	ms := int(min((d+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
	return number("TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms, (time.Duration(ms) * time.Millisecond).String())
}

// Linger is SO_LINGER; a negative number of seconds turns it off. 0 makes
// close the ABORT of RFC 9293 section 3.9.1. It is recorded as "linger".
func Linger(sec int) Option {
	linger := unix.Linger{Onoff: 1, Linger: int32(min(sec, math.MaxInt32))}
	text := strconv.Itoa(sec)
	if sec < 0 {
		linger, text = unix.Linger{}, "off"
	}
	return Option{lingerName, text, func(fd int) error {
		return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger)
	}}
}

// LingerFor is Linger for a time, in whole seconds.
func LingerFor(d time.Duration) Option { return Linger(whole(d)) }

// OrphanTimeout is TCP_LINGER2, in whole seconds.
func OrphanTimeout(d time.Duration) Option { return seconds("TCP_LINGER2", unix.TCP_LINGER2, d) }

// FastOpen is TCP_FASTOPEN of a socket that listens or is to: how many
// connections that have not finished their handshake are accepted at a time;
// none with 0. RFC 7413.
func FastOpen(queue int) Option {
	return size("TCP_FASTOPEN", unix.IPPROTO_TCP, unix.TCP_FASTOPEN, queue)
}

// FastOpenConnect is TCP_FASTOPEN_CONNECT: where there is a cookie of the
// peer's, connect returns at once, and the SYN leaves with the first data.
func FastOpenConnect(on bool) Option {
	return flag("TCP_FASTOPEN_CONNECT", unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, on)
}

// DeferAccept is TCP_DEFER_ACCEPT, in whole seconds; the kernel makes it a
// number of retransmissions of the SYN-ACK.
func DeferAccept(d time.Duration) Option {
	return seconds("TCP_DEFER_ACCEPT", unix.TCP_DEFER_ACCEPT, d)
}

// ReceiveBuffer is SO_RCVBUF, in bytes.
func ReceiveBuffer(n int) Option { return size("SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, n) }

// SendBuffer is SO_SNDBUF, in bytes.
func SendBuffer(n int) Option { return size("SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, n) }

// MaxSegment is TCP_MAXSEG, in bytes.
func MaxSegment(n int) Option { return size("TCP_MAXSEG", unix.IPPROTO_TCP, unix.TCP_MAXSEG, n) }

// sendQueue is TCP_SEND_QUEUE of include/uapi/linux/tcp.h.
const sendQueue = 2

// InitialSequence are the options that choose the initial sequence number of a
// socket that is neither bound nor connected yet, in their order: TCP_REPAIR is
// on only between them. They need CAP_NET_ADMIN in the user namespace of the
// socket's. 0 cannot be chosen: the kernel takes it for none.
func InitialSequence(isn uint32) []Option {
	return []Option{
		number("TCP_REPAIR", unix.IPPROTO_TCP, unix.TCP_REPAIR, unix.TCP_REPAIR_ON, "on"),
		number("TCP_REPAIR_QUEUE", unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, sendQueue, "TCP_SEND_QUEUE"),
		number("TCP_QUEUE_SEQ", unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ, int(int32(isn)), fmt.Sprint(isn)),
		number("TCP_REPAIR", unix.IPPROTO_TCP, unix.TCP_REPAIR, unix.TCP_REPAIR_OFF_NO_WP, "off"),
	}
}

// SetOption records the setting of an option.
func (c *Conn) SetOption(o Option) error {
	start := clock.Now()
	err := setOption(c.socket, o)
	c.record(start, o.call(err))
	return err
}

// SetOption records the setting of an option of the listener. Connections that
// it accepts later inherit most.
func (l *Listener) SetOption(o Option) error {
	start := clock.Now()
	err := setOption(l.socket, o)
	l.caller.record(start, l.id, l.flow, o.call(err))
	return err
}
