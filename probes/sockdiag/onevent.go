package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// An Ask names a socket that something has happened to, so that a look at it
// is wanted.
type Ask struct {
	Node   string
	Cookie uint64 // 0 if it is not known: then the addresses name it
	// Flow is that of the node's side. Without a cookie and a remote address
	// it is any listener that a connection to its local address would reach.
	Flow probes.Flow
}

// Can reports whether the kernel can find what is asked for: it looks by
// addresses, and compares the cookie.
func (a Ask) Can() bool { return a.Flow.Local.IsValid() && a.Flow.Local.Port() != 0 }

// LookAt looks at single sockets now, and emits those that changed since the
// last look at them, and those that are in no table any more. A failure is an
// event, as is one of Run. What it uses is for the caller to bound, by a Budget.
func (p *Probe) LookAt(asks []Ask) {
	p.owed.Store(tellRounds)
	buf := make([]byte, bufferLen)
	for _, a := range asks {
		for _, at := range p.places {
			if at.Node != a.Node || !a.Can() {
				continue
			}
			if err := p.lookAt(at, a, buf); err != nil && !errors.Is(err, errClosed) {
				p.send(lostOf(probes.KindSample, at.Node, "look at a socket: "+err.Error()))
			}
		}
	}
}

// lookAt looks at one socket of a place.
func (p *Probe) lookAt(at *place, a Ask, buf []byte) error {
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.conn == nil {
		return errClosed
	}
	l, err := at.conn.get(a, at.bound(a.Cookie), buf)
	if err != nil {
		return err
	}
	found := at.label(l.entries)
	if len(found) == 1 && !answers(found[0], a) {
		found = nil
	}
	for i, family := range families {
		switch t := &at.tables[i]; {
		case len(found) == 1 && l.entries[0].family == family:
			p.emitAll(func() []probes.Event { return t.found(found[0], l.begin, l.end) })
		case len(found) == 0 && a.Cookie != 0:
			p.emitAll(func() []probes.Event { return t.gone(key{cookie: a.Cookie}, l.begin, l.end) })
		}
	}
	return nil
}

// bound returns the interface that a socket is bound to as far as is known, 0
// if to none: the kernel finds it only by that.
func (at *place) bound(cookie uint64) uint32 {
	for i := range at.tables {
		if s, known := at.tables[i].last[key{cookie: cookie}]; known {
			return s.Ifindex
		}
	}
	return 0
}

// answers reports whether a socket is what was asked for. Where no connection
// has the addresses, the kernel answers with the listener that would get one.
func answers(s Socket, a Ask) bool {
	switch {
	case a.Cookie != 0:
		return s.ID.Cookie == a.Cookie
	case !a.Flow.Remote.IsValid():
		return s.State == probes.Listen
	}
	return s.Flow == a.Flow
}

// get asks for one socket (net/ipv4/inet_diag.c, inet_diag_dump_one_icsk). The
// look is empty where the kernel has none with these addresses and this
// cookie. buf is scratch space of bufferLen bytes.
func (c *conn) get(a Ask, bound uint32, buf []byte) (look, error) {
	c.seq++
	// IPv4 addresses find the sockets of family AF_INET6 that have them, too:
	// the kernel's table knows no families (inet_match).
	family, id := encodeID(a, bound)
	req := encodeRequest(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_REQUEST, c.seq, family, allStates, id)
	l := look{begin: clock.Now()}
	if err := c.kernel.send(req); err != nil {
		return l, fmt.Errorf("ask sock_diag: %w", err)
	}
	for {
		b, err := c.kernel.receive(buf)
		if err != nil {
			return l, fmt.Errorf("read sock_diag's answer: %w", err)
		}
		r, err := decode(b, c.seq, func(e entry) { l.entries = append(l.entries, e) })
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESTALE): // none, or another one by now
			l.end = clock.Now()
			return l, nil
		case err != nil:
			return l, fmt.Errorf("sock_diag's answer: %w", err)
		case r.done || len(l.entries) > 0:
			l.end = clock.Now()
			return l, nil
		}
	}
}

// encodeID makes the struct inet_diag_sockid that names a socket.
func encodeID(a Ask, bound uint32) (family uint8, id [sockidLen]byte) {
	family = unix.AF_INET
	local, remote := a.Flow.Local.Addr().Unmap(), a.Flow.Remote.Addr().Unmap()
	if local.Is6() {
		family = unix.AF_INET6
	}
	binary.BigEndian.PutUint16(id[0:], a.Flow.Local.Port())
	binary.BigEndian.PutUint16(id[2:], a.Flow.Remote.Port())
	putAddr(id[4:20], local)
	putAddr(id[20:36], remote)
	binary.NativeEndian.PutUint32(id[36:], bound)
	cookie := a.Cookie
	if cookie == 0 {
		cookie = noCookie
	}
	binary.NativeEndian.PutUint32(id[40:], uint32(cookie))
	binary.NativeEndian.PutUint32(id[44:], uint32(cookie>>32))
	return family, id
}

func putAddr(b []byte, a netip.Addr) {
	if a.IsValid() {
		copy(b, a.AsSlice())
	}
}
