package sockdiag

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"netlab/probes"
)

// Bounds of the pause between two looks for a listener. The kernel announces
// listeners nowhere, so they must be looked for; a look takes about 20 µs.
const (
	firstPause = 100 * time.Microsecond
	lastPause  = 5 * time.Millisecond
)

// Listening returns the TCP sockets in LISTEN of a namespace, both families.
// Node and the namespace's cookie are not set.
func Listening(ns probes.Namespace) (_ []Socket, err error) {
	c, err := dial(ns)
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return c.listeners(make([]byte, bufferLen))
}

func (c *conn) listeners(buf []byte) ([]Socket, error) {
	var list []Socket
	for _, family := range families {
		l, err := c.dump(family, listenStates, buf)
		if err != nil {
			return nil, unavailable(fmt.Errorf("list listeners: %w", err))
		}
		for _, e := range l.entries {
			list = append(list, e.Socket)
		}
	}
	return list, nil
}

// WaitListen returns once a socket of the place listens that a connection to
// addr would reach. It makes no connection. The unspecified (or zero) address
// asks for the port only. It gives up when ctx ends.
func WaitListen(ctx context.Context, at probes.Place, addr netip.AddrPort) (err error) {
	c, err := dial(at.NS)
	if err != nil {
		return unavailable(err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	buf := make([]byte, bufferLen)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a listener on %s of %s: %w", addr, at.Node, context.Cause(ctx))
		case <-timer.C:
		}
		list, err := c.listeners(buf)
		if err != nil {
			return err
		}
		for _, s := range list {
			if reaches(addr, s) {
				return nil
			}
		}
		timer.Reset(pause)
	}
}

// reaches reports whether a connection to addr would reach the listener s.
func reaches(addr netip.AddrPort, s Socket) bool {
	local := s.Flow.Local
	if local.Port() != addr.Port() {
		return false
	}
	want := addr.Addr().Unmap()
	switch {
	case !want.IsValid() || want.IsUnspecified():
		return true
	case local.Addr().IsUnspecified():
		return local.Addr().Is4() == want.Is4() || local.Addr().Is6() && !s.V6Only
	}
	return local.Addr() == want.WithZone("")
}
