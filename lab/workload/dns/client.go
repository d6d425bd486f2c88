package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"

	dnslib "github.com/miekg/dns"
)

// patience is how long a resolver waits for its upstream, try for one try of a
// question over UDP.
const (
	patience = 3 * time.Second
	try      = time.Second
)

// datagramSize is what a datagram to us may have (RFC 9715 advises not more).
const datagramSize = 1232

var errNoAnswer = errors.New("no answer")

// An Answer is what a name server said.
type Answer struct {
	Code          int      // RCODE; 3 is NXDOMAIN
	Status        string   // its name
	Lines         []string // the answers, as in a zone file
	Authoritative bool
	TCP           bool  // it came over TCP
	Cut           bool  // over UDP it was cut short
	Bytes         int64 // of the message
}

// A StatusError says that a name server refused to answer, or that there is no
// such name.
type StatusError struct {
	Status, Name string
}

// Error returns the status and what was asked for.
func (e *StatusError) Error() string { return e.Name + ": " + e.Status }

// Lookup asks a server once (over UDP again, if nothing comes) for records of a
// type, over TCP if that is asked for or the answer is cut short. An RCODE
// beside NOERROR is a *StatusError, with the Answer.
func Lookup(ctx context.Context, caller *calls.Caller, server netip.AddrPort, name, kind string, tcp bool) (Answer, error) {
	number, err := typeOf(kind)
	if err != nil {
		return Answer{}, fmt.Errorf("look up %q: %w", name, err)
	}
	if _, ok := dnslib.IsDomainName(name); !ok || name == "" {
		return Answer{}, fmt.Errorf("look up %q: that is no domain name", name)
	}
	reply, way, err := exchange(ctx, caller, server, question{dnslib.Fqdn(name), number}, tcp)
	if err != nil {
		return Answer{}, fmt.Errorf("look up %s %s: %w", name, kind, err)
	}
	answer := Answer{
		Code: reply.Rcode, Status: dnslib.RcodeToString[reply.Rcode], Authoritative: reply.Authoritative,
		TCP: way.tcp, Cut: way.cut, Bytes: int64(way.bytes),
	}
	if answer.Status == "" {
		answer.Status = fmt.Sprintf("RCODE%d", reply.Rcode)
	}
	for _, rr := range reply.Answer {
		answer.Lines = append(answer.Lines, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	if reply.Rcode != dnslib.RcodeSuccess {
		return answer, &StatusError{answer.Status, dnslib.Fqdn(name) + " " + kind}
	}
	return answer, nil
}

// A way is how an answer came.
type way struct {
	tcp, cut bool
	bytes    int
}

// exchange asks a server.
func exchange(ctx context.Context, caller *calls.Caller, server netip.AddrPort, q question, tcp bool) (*dnslib.Msg, way, error) {
	ask := new(dnslib.Msg).SetQuestion(q.name, q.kind)
	ask.SetEdns0(datagramSize, false)
	var w way
	if !tcp {
		reply, bytes, err := overUDP(ctx, server, ask)
		if err != nil || !reply.Truncated {
			return reply, way{bytes: bytes}, err
		}
		w.cut = true
	}
	conn, err := caller.DialContext(ctx, "tcp", server.String(), calls.DialOptions{})
	if err != nil {
		return nil, w, workload.Failed(ctx, "connect to "+server.String(), err)
	}
	defer conn.Close()
	reply, bytes, err := once(ctx, conn, ask)
	w.tcp, w.bytes = true, bytes
	return reply, w, err
}

// overUDP asks until an answer comes or ctx ends.
func overUDP(ctx context.Context, server netip.AddrPort, ask *dnslib.Msg) (*dnslib.Msg, int, error) {
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "udp", server.String())
		if err != nil {
			return nil, 0, workload.Failed(ctx, "open a socket for "+server.String(), err)
		}
		limited, cancel := context.WithTimeout(ctx, try)
		reply, bytes, err := once(limited, conn, ask)
		cancel()
		conn.Close() // nothing can be lost by it
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return reply, bytes, err
		}
	}
}

// once asks on a connection and waits for the answer. What does not answer the
// question is not taken for its answer (RFC 5452, section 9.1).
func once(ctx context.Context, conn net.Conn, ask *dnslib.Msg) (*dnslib.Msg, int, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(workload.Past()) })
	defer stop()
	c := &dnslib.Conn{Conn: conn, UDPSize: datagramSize}
	if err := c.WriteMsg(ask); err != nil {
		return nil, 0, workload.Failed(ctx, "send", err)
	}
	_, datagrams := conn.(net.PacketConn)
	for {
		p, err := c.ReadMsgHeader(nil)
		if err != nil && !(datagrams && errors.Is(err, dnslib.ErrShortRead)) {
			return nil, 0, workload.Failed(ctx, "receive", err)
		}
		reply := new(dnslib.Msg)
		if err == nil {
			err = reply.Unpack(p)
		}
		if err == nil && answers(reply, ask) {
			return reply, len(p), nil
		}
		if !datagrams {
			return nil, 0, errors.Join(errors.New("receive: what came is no answer"), err)
		}
	}
}

// answers reports whether a message is the reply to another.
func answers(reply, ask *dnslib.Msg) bool {
	if !reply.Response || reply.Id != ask.Id {
		return false
	}
	if len(reply.Question) == 0 { // as some do with errors
		return reply.Rcode != dnslib.RcodeSuccess
	}
	return len(reply.Question) == 1 && reply.Question[0].Qtype == ask.Question[0].Qtype &&
		dnslib.CanonicalName(reply.Question[0].Name) == dnslib.CanonicalName(ask.Question[0].Name)
}
