package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A Way is a direction through a proxy.
type Way string

// The directions. The zero value is read as Answer.
const (
	Request Way = "request" // what the client sends
	Answer  Way = "answer"  // what the server sends
)

// A Place is a position in what passes in one direction of each connection.
type Place struct {
	Of    Way
	After int64  // bytes before the place
	Text  string // if given, After counts from the beginning of its first occurrence
}

// A Spec says what a proxy is like.
type Spec struct {
	Port   int
	To     netip.AddrPort // where it passes on to
	Flip   *Place         // the byte whose lowest bit is inverted
	Cut    *Place         // where both connections are closed in an orderly way
	Record bool           // what passes is logged
	Close  workload.Close // of both connections, at their end
}

func (s Spec) validate() error {
	if s.Port < 0 || s.Port > 65535 {
		return fmt.Errorf("port %d is out of range", s.Port)
	}
	if !s.To.IsValid() || s.To.Port() == 0 {
		return errors.New("no server to pass on to")
	}
	for _, p := range []*Place{s.Flip, s.Cut} {
		if p != nil && (p.After < 0 || p.Of != "" && p.Of != Request && p.Of != Answer) {
			return fmt.Errorf("place %d bytes into %q is none", p.After, p.Of)
		}
	}
	return s.Close.Validate()
}

// of returns the place if it lies in the direction.
func (p *Place) of(way Way) *Place {
	if p == nil || p.Of == way || p.Of == "" && way == Answer {
		return p
	}
	return nil
}

// Options are what a proxy needs beside its spec.
type Options struct {
	Calls  *calls.Caller // makes and records the sockets, of both sides
	Log    slog.Handler  // nil: nothing is logged
	Listen string        // "host:port" in place of the spec's port at all addresses
	// Patience is how long peers are waited for where else a bound of the
	// server's own would end that; 0 for those bounds.
	Patience time.Duration
}

func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(o.Log)
}

func (o Options) address(port int) string {
	if o.Listen != "" {
		return o.Listen
	}
	return net.JoinHostPort("", strconv.Itoa(port))
}
