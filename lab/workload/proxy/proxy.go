package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"netlab/lab/workload"
	"netlab/probes"
	"netlab/probes/calls"
)

// A Server is a running proxy. Its owner stops it.
type Server struct {
	patience time.Duration // see Options
	spec     Spec
	calls    *calls.Caller
	log      *slog.Logger
	acceptor *workload.Acceptor
	record   *record

	flips, cuts atomic.Int64 // that were made
}

// Start starts a proxy. When it returns, the proxy listens; whether its server
// does shows when somebody comes.
func Start(ctx context.Context, spec Spec, opts Options) (*Server, error) {
	if err := spec.validate(); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	listener, err := opts.Calls.Listen(ctx, "tcp", opts.address(spec.Port))
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	s := &Server{spec: spec, patience: opts.Patience, calls: opts.Calls, log: opts.logger()}
	if spec.Record {
		s.record = &record{log: s.log, left: maxRecord}
	}
	s.acceptor = workload.Accept(listener, s.log, s.handle)
	return s, nil
}

// Addr returns the address that the proxy listens on.
func (s *Server) Addr() net.Addr { return s.acceptor.Addr() }

// Edits says how often each change that the spec asks for was made until now.
// The names of the server are left to the caller.
func (s *Server) Edits() []probes.Edit {
	var list []probes.Edit
	if s.spec.Flip != nil {
		list = append(list, probes.Edit{Change: "flip", Made: int(s.flips.Load())})
	}
	if s.spec.Cut != nil {
		list = append(list, probes.Edit{Change: "cut", Made: int(s.cuts.Load())})
	}
	return list
}

// Stop closes the listener and every connection, at once, and waits for their
// end or that of ctx.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.acceptor.Stop(ctx); err != nil {
		return fmt.Errorf("stop proxy: %w", err)
	}
	return nil
}

// dialTimeout bounds the wait for the server, which a client waits through.
const dialTimeout = 10 * time.Second

// handle serves one client.
func (s *Server) handle(ctx context.Context, client *calls.Conn) {
	log := s.log.With("client", client.RemoteAddr())
	limit := cmp.Or(s.patience, dialTimeout)
	dialing, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	server, err := s.calls.DialContext(dialing, "tcp", s.spec.To.String(), calls.DialOptions{})
	cancel()
	if err != nil {
		log.Warn("connect", "to", s.spec.To, "err", err)
		s.close(ctx, log, client)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	p := &pair{s: s, ctx: ctx, log: log, client: client, server: server}
	p.run()
}

// close closes a connection in the proxy's style.
func (s *Server) close(ctx context.Context, log *slog.Logger, conn *calls.Conn) {
	if err := s.spec.Close.Do(ctx, conn, nil); err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
		log.Warn("close", "peer", conn.RemoteAddr(), "err", err)
	}
}

// A pair is a client's connection and the one to the server.
type pair struct {
	s              *Server
	ctx            context.Context
	log            *slog.Logger
	client, server *calls.Conn

	mu     sync.Mutex
	ended  bool        // both directions are to end
	broken *calls.Conn // the connection that is over, and is closed at once; nil if none is
	cut    bool        // the place of the cut was reached
}

// run passes on in both directions until both have ended, then closes.
func (p *pair) run() {
	var ways sync.WaitGroup
	ways.Go(func() { p.pass(Request, p.client, p.server) })
	ways.Go(func() { p.pass(Answer, p.server, p.client) })
	ways.Wait()
	var closing sync.WaitGroup
	defer closing.Wait()
	for _, conn := range []*calls.Conn{p.client, p.server} {
		closing.Go(func() {
			switch {
			case conn == p.broken:
				_ = conn.Close() // net.ErrClosed, if Stop was faster
			case p.cut:
				// FIN now; what still comes is read and dropped, for else
				// the close would be a reset.
				if err := (workload.Close{Style: workload.HalfThenDrain}).Do(p.ctx, conn, nil); err != nil {
					p.log.Warn("cut", "peer", conn.RemoteAddr(), "err", err)
				}
			default:
				p.s.close(p.ctx, p.log, conn)
			}
		})
	}
}

// end begins the end of both directions, once.
func (p *pair) end(broken *calls.Conn, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended, p.broken, p.cut = true, broken, cut
	// Whatever is read or written is broken off. Styles that read set a
	// deadline of their own.
	_ = p.client.SetDeadline(workload.Past())
	_ = p.server.SetDeadline(workload.Past())
}

// hold is how long the beginning of a text that is looked for is held back when
// no more comes: a peer may be waiting for it. It is what the scenario's author
// could take for a delay; nothing else tells that no more will come.
const hold = 100 * time.Millisecond

// bufferSize is what is passed on at once.
const bufferSize = 32 << 10

// pass passes on in one direction, to its end.
func (p *pair) pass(way Way, from, to *calls.Conn) {
	e := &editor{flip: newPlace(p.s.spec.Flip.of(way)), cut: newPlace(p.s.spec.Cut.of(way))}
	defer func() {
		if e.flip != nil && !e.flipped {
			p.log.Info("no byte was flipped: its place did not come", "of", way, "passed", e.passed)
		}
	}()
	if _, cut := e.edit(nil); cut { // after nothing
		p.s.cuts.Add(1)
		p.end(nil, true)
		return
	}
	buf := make([]byte, bufferSize)
	for {
		n, err := p.read(from, buf, len(e.held) > 0)
		out, cut := e.edit(buf[:n])
		if err != nil && !cut {
			var rest []byte
			rest, cut = e.flush()
			out = append(out, rest...)
		}
		p.s.count(e, cut) // before anybody can see it
		p.s.record.note(way, from, out)
		if failed := write(to, out); failed != nil {
			p.end(to, false)
			return
		}
		switch {
		case cut:
			p.log.Info("cut", "of", way, "after", e.passed)
			p.end(nil, true)
			return
		case err == nil, errors.Is(err, errPause):
		case errors.Is(err, io.EOF):
			p.finish(from, to)
			return
		default:
			p.end(from, false)
			return
		}
	}
}

// count notes the changes that an editor has made.
func (s *Server) count(e *editor, cut bool) {
	if e.flipped && !e.counted {
		e.counted = true
		s.flips.Add(1)
	}
	if cut {
		s.cuts.Add(1)
	}
}

// errPause says that no more came for a while.
var errPause = errors.New("no more for now")

// read reads; if something is held back, only for so long.
func (p *pair) read(from *calls.Conn, buf []byte, held bool) (int, error) {
	if !held {
		return from.Read(buf)
	}
	if !p.bound(from, time.Now().Add(hold)) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := from.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) && p.bound(from, time.Time{}) {
		return n, errPause
	}
	p.bound(from, time.Time{})
	return n, err
}

// bound sets the deadline of reading, unless the end has begun.
func (p *pair) bound(conn *calls.Conn, t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	_ = conn.SetReadDeadline(t) // fails only on a closed connection
	return true
}

// write sends what there is. Nothing would be recorded as a call, too.
func write(to *calls.Conn, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, err := to.Write(p)
	return err
}

// finish passes the end of one direction on.
func (p *pair) finish(from, to *calls.Conn) {
	if p.s.spec.Close.Style == workload.Reset {
		p.end(from, false)
		return
	}
	if err := to.CloseWrite(); err != nil {
		p.end(to, false)
	}
}
