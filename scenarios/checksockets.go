package scenarios

import (
	"reflect"
	"time"

	"netlab/scenarios/words"
)

// This file checks single calls on sockets.

func (c *checker) checkSocketStep(s *Step) {
	switch {
	case s.TCPListen != nil:
		x := s.TCPListen
		c.checkBound(s, socket{x.Node, TCP, x.Port}, &x.Port)
		c.checkOptions(&x.SocketOptions, onListener)
	case s.TCPAccept != nil:
		c.checkOptions(&s.TCPAccept.SocketOptions, onConnection)
	case s.TCPConnect != nil:
		x := s.TCPConnect
		c.checkFamily(x.Family, &x.Family, x)
		c.checkPeer(&x.To, &x.Peer, &x.Port, x, onTCP()...)
		c.checkBound(s, socket{x.Node, TCP, x.FromPort}, &x.FromPort)
		c.checkOptions(&x.SocketOptions, onConnecting)
		c.exclude("nonblocking", "background", &x.NonBlocking, &x.Background.Background)
	case s.TCPReopen != nil:
		c.checkReopen(s.TCPReopen)
	case s.TCPSend != nil:
		c.checkSent(&s.TCPSend.Content, &s.TCPSend.Size, s.TCPSend)
	case s.TCPReceive != nil:
		c.exclude("bytes", "to_end", &s.TCPReceive.Bytes, &s.TCPReceive.ToEnd)
		c.only("bytes", &s.TCPReceive.Peek, &s.TCPReceive.Bytes)
	case s.TCPShutdown != nil:
		if x := s.TCPShutdown; x.Half == HalfWrite && c.listens(x.Session) {
			c.wrong(bad(words.ListenerHalf, quote(x.Session)), &x.Half, x)
		}
	case s.TCPOption != nil:
		c.checkOptionStep(s.TCPOption)
	case s.TCPClose != nil:
		if x := s.TCPClose; x.Close.Style != CloseAtOnce && c.listens(x.Session) {
			c.wrong(bad(words.ListenerClose, quote(x.Session)).instead([]string{string(CloseAtOnce)}, ""), &x.Close)
		}
	default:
		c.checkUDPStep(s)
	}
}

// checkReopen sees to it that a connect has somewhere to lead, and a listen has
// not.
func (c *checker) checkReopen(x *TCPReopen) {
	for _, key := range []struct {
		name string
		ptr  any
	}{{"peer", &x.Peer}, {"port", &x.Port}} {
		switch given := c.given(key.ptr); {
		case x.Call == CallConnect && !given:
			c.wrong(bad(words.ValueMissingKey, quote(key.name)), x)
		case x.Call == CallListen && given:
			c.wrong(bad(words.OnlyWith, "call: connect"), key.ptr)
		}
	}
}

func (c *checker) checkUDPStep(s *Step) {
	switch {
	case s.UDPOpen != nil:
		x := s.UDPOpen
		c.checkFamily(x.Family, &x.Family, x)
		c.checkPeer(&x.To, &x.Peer, &x.Port, x, "udp", "dns", "exec")
		c.checkBound(s, socket{x.Node, UDP, x.FromPort}, &x.FromPort)
	case s.UDPBind != nil:
		c.checkBound(s, socket{s.UDPBind.Node, UDP, s.UDPBind.Port}, &s.UDPBind.Port)
	case s.UDPReceive != nil:
		c.heard[s.UDPReceive.Session] = true
	case s.UDPSend != nil:
		x := s.UDPSend
		c.checkDatagram(x)
		i, ok := c.sessions.index[x.Session]
		if ok && c.s.Steps[i].UDPBind != nil && !c.heard[x.Session] && !x.ExpectError {
			c.wrong(bad(words.NobodyToAnswer, quote(x.Session)), &x.Session)
		}
	}
}

// checkPeer sees to it that a step says where it leads: to a server, or to a
// port of a node.
func (c *checker) checkPeer(to, peer *string, port *int, whole any, kinds ...string) {
	c.exclude("to", "peer", to, peer)
	switch {
	case c.given(to):
		c.mayConnect(*to, to, port, kinds...)
	case !c.given(peer):
		c.wrong(bad(words.OneOfKeys, "to", "peer"), whole)
	case !c.given(port):
		c.wrong(bad(words.ValueMissingKey, quote("port")), whole)
	}
}

// mayConnect is mayAsk for steps that may name a port of their own.
func (c *checker) mayConnect(name string, to any, port *int, kinds ...string) {
	if i, ok := c.servers.index[name]; ok && c.given(port) && isWord(c.s.Servers[i].Kind(), kinds) {
		return
	}
	c.mayAsk(name, to, kinds...)
}

// checkBound sees to it that a port is free when a step binds a socket to it:
// no server listens there, and no socket of an earlier step that listens, or
// is of UDP. (Connections may share a port.) Where that is just what is to be
// shown, the step is meant to fail.
func (c *checker) checkBound(s *Step, at socket, ptr any) {
	if at.port == 0 || !c.nodes.has(at.node) || s.Common().ExpectError {
		return
	}
	this := s.Index - 1
	if name, ok := c.serving[at]; ok {
		if i, stopped := c.stopped[name]; !stopped || i >= this {
			c.wrong(bad(words.PortTaken, at.port, quote(at.node), quote(name)), ptr)
			return
		}
	}
	if first, ok := c.bound[at]; ok && !c.endsBefore(&c.s.Steps[first], this) {
		c.wrong(bad(words.PortListened, at.port, quote(at.node), first), ptr)
		return
	}
	if s.TCPConnect == nil {
		c.bound[at] = this
	}
}

// endsBefore reports whether the session that a step opens ends before
// another step.
func (c *checker) endsBefore(opener *Step, step int) bool {
	name := opener.Common().As
	i, ok := c.ended[name]
	return ok && name != "" && i < step
}

// listens reports whether a session is a socket that listens.
func (c *checker) listens(session string) bool {
	i, ok := c.sessions.index[session]
	return ok && c.s.Steps[i].TCPListen != nil
}

// What a socket is when its options are set.
type optionsOn uint8

const (
	onListener optionsOn = iota
	onConnecting
	onConnection
)

// checkOptions looks at options of a socket, and whether they are of use on
// such a one. What a connection inherits from the socket that listens is of
// use there: nodelay, keepalive, linger, buffers...
func (c *checker) checkOptions(o *SocketOptions, on optionsOn) {
	if on == onListener {
		for _, flag := range []*YesNo{o.Cork, o.QuickAck} {
			if flag != nil {
				c.wrong(bad(words.OptionConnection), flag)
			}
		}
	} else if o.DeferAccept != nil {
		c.wrong(bad(words.OptionListener), o.DeferAccept)
	}
	if on == onConnection && o.FastOpen != nil {
		c.wrong(bad(words.OptionBefore), o.FastOpen)
	}
	for _, d := range []*Duration{o.Linger, o.OrphanTimeout, o.DeferAccept} {
		c.inWhole(d, time.Second, words.ValueWholeSecs)
	}
	if k := o.KeepAlive; k != nil {
		c.inWhole(&k.Idle, time.Second, words.ValueWholeSecs)
		c.inWhole(&k.Interval, time.Second, words.ValueWholeSecs)
	}
	c.inWhole(o.UserTimeout, time.Millisecond, words.ValueWholeMillis)
}

// inWhole sees to it that a duration is given in whole units, if it is.
func (c *checker) inWhole(d *Duration, unit time.Duration, id words.ID) {
	if d != nil && d.Duration%unit != 0 {
		c.wrong(bad(id, quote(d.String())), d)
	}
}

func (c *checker) checkOptionStep(x *TCPOption) {
	if x.SocketOptions == (SocketOptions{}) && c.saysOnly(x, "session", "as", "timeout", "expect_error") {
		options := c.shapes.of(reflect.TypeFor[SocketOptions]()).keys()
		c.wrong(bad(words.NoOption).instead(options, ""), x)
	}
	on := onConnection
	if c.listens(x.Session) {
		on = onListener
	}
	c.checkOptions(&x.SocketOptions, on)
}

// saysOnly reports whether a mapping was written with no other keys than
// these, so that what it lacks is not the trace of another error.
func (c *checker) saysOnly(ptr any, keys ...string) bool {
	at, ok := c.places[ptr]
	if !ok || at.node.kind != mapping {
		return false
	}
	for _, e := range at.node.pairs {
		if !isWord(e.key.text, keys) {
			return false
		}
	}
	return true
}

// checkSent sees to it that there is something to send.
func (c *checker) checkSent(content *string, size *Size, whole any) {
	c.exclude("content", "size", content, size)
	if !c.given(content) && !c.given(size) {
		c.wrong(bad(words.OneOfKeys, "content", "size"), whole)
	}
}

// maxDatagram is the most that UDP over IPv4 carries, in bytes: RFC 768.
const maxDatagram = 65507

func (c *checker) checkDatagram(x *UDPSend) {
	c.exclude("content", "size", &x.Content, &x.Size)
	if x.Size > maxDatagram {
		c.wrong(bad(words.DatagramTooBig, int(x.Size), maxDatagram), &x.Size)
	}
	if len(x.Content) > maxDatagram {
		c.wrong(bad(words.DatagramTooBig, len(x.Content), maxDatagram), &x.Content)
	}
}
