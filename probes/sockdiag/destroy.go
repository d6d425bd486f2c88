package sockdiag

import (
	"errors"
	"fmt"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// Destroy ends the TCP sockets of a place at once, as "ss -K" does
// (SOCK_DESTROY, net/ipv4/tcp.c tcp_abort): peers get a reset, owners
// ECONNABORTED. Where only is not nil, sockets that it refuses are spared.
// Mini-sockets always are: they do not keep a namespace alive. It returns how
// many sockets were ended.
//
// It needs CAP_NET_ADMIN over the namespace and a kernel with
// CONFIG_INET_DIAG_DESTROY; the error is a [probes.Unavailable] otherwise.
func Destroy(at probes.Place, only func(Socket) bool) (ended int, err error) {
	c, err := dial(at.NS)
	if err != nil {
		return 0, unavailable(err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	buf := make([]byte, bufferLen)
	for _, family := range families {
		l, err := c.dump(family, allStates, buf)
		if err != nil {
			return ended, fmt.Errorf("list TCP sockets of %s: %w", at.Node, err)
		}
		for _, e := range l.entries {
			e.Node, e.ID.NetNS = at.Node, at.Cookie
			if e.Sample.Object == probes.MiniObject || only != nil && !only(e.Socket) {
				continue
			}
			switch err := c.destroy(e, buf); {
			case err == nil:
				ended++
			case errors.Is(err, unix.ENOENT): // ended by itself meanwhile
			case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
				return ended, cannotDestroy(err)
			default:
				return ended, fmt.Errorf("destroy %s socket %v of %s: %w", e.State, e.Flow, at.Node, err)
			}
		}
	}
	return ended, nil
}

// destroy ends one socket, named by its addresses and cookie.
func (c *conn) destroy(e entry, buf []byte) error {
	c.seq++
	req := encodeRequest(unix.SOCK_DESTROY, unix.NLM_F_REQUEST|unix.NLM_F_ACK, c.seq, e.family, allStates, e.id)
	return c.exchange(req, buf, func(entry) {})
}

func cannotDestroy(err error) error {
	u := &probes.Unavailable{
		Source: probes.SockDiag,
		Reason: "ending sockets from outside was refused: EOPNOTSUPP",
		Remedy: "use a kernel with CONFIG_INET_DIAG_DESTROY",
	}
	if errors.Is(err, unix.EPERM) {
		u.Reason = "ending sockets from outside was refused: EPERM"
		u.Remedy = "run with CAP_NET_ADMIN over the namespace"
	}
	return u
}
