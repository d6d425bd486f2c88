package ftp

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A Result is what one step of a session brought. With an error, too, it holds
// what is known.
type Result struct {
	Reply   int     `json:"reply,omitempty"`   // the reply that says how the step went; 0 if none came
	Text    string  `json:"text,omitempty"`    // its text, from the server: not to be trusted
	Bytes   int64   `json:"bytes,omitempty"`   // moved over data connections
	SHA256  string  `json:"sha256,omitempty"`  // of these, in hexadecimal
	Content string  `json:"content,omitempty"` // what was received over them, as [workload.Readable] makes it
	Cut     bool    `json:"cut,omitempty"`     // Content is only the beginning
	Replies []Reply `json:"replies,omitempty"` // all that came during the step
}

// A Session is one control connection with what belongs to it. It is not safe
// for concurrent use; its owner ends it by Quit or Close.
//
// Every method ends when its context does, and when the server lets more than
// Options.Timeout pass without a byte. The session is out of step then (a
// reply may still come) and can only be aborted, quit or closed.
//
// An error is, or wraps, a [*ReplyError] if the server answered, and else the
// network's (see [calls.Errno]), the context's, or workload.ErrCapped.
type Session struct {
	calls     *calls.Caller
	opts      Options
	tlsConfig *tls.Config
	client    client
	control   *control
	host      netip.Addr // of the server, as connected
	local     netip.Addr // of this side
	data      *data      // of the step under way, or left standing by RetrieveSome
	ctx       context.Context
	outOfStep bool
	closed    bool

	mu     sync.Mutex
	broken bool
	breaks map[breakable]struct{} // what the end of the context breaks off
}

// A breakable is something that blocks.
type breakable interface{ breakOff() }

// A client is a program that speaks for a session. Its methods run inside
// Session.do.
type client interface {
	login(user, password string) error
	transfer(t transferCommand) error
	simple(verb simpleVerb, path, to string) error
	quit() error
}

var (
	errClosed    = errors.New("the session is closed")
	errOutOfStep = errors.New("the session is out of step after a timeout: abort, quit or close it")
	// ErrNeedsRaw says that the library cannot do what was asked for.
	ErrNeedsRaw = errors.New("needs a session with client: raw")
)

// Connect opens a session with the server at addr, "host:port", and reads its
// greeting.
func Connect(ctx context.Context, caller *calls.Caller, addr string, opts Options) (*Session, Result, error) {
	if err := opts.validate(); err != nil {
		return nil, Result{}, fmt.Errorf("ftp connect: %w", err)
	}
	config, err := opts.tlsConfig(addr)
	if err != nil {
		return nil, Result{}, fmt.Errorf("ftp connect: %w", err)
	}
	s := &Session{calls: caller, opts: opts, tlsConfig: config, breaks: map[breakable]struct{}{}}
	result, err := s.do(ctx, "connect", codeReady, func() error {
		if opts.raw() {
			return s.connectRaw(addr)
		}
		return s.connectLibrary(addr)
	})
	if err != nil {
		if s.control != nil {
			_ = s.control.Conn.Close() // unless it was; the step's error is the first
		}
		return nil, result, err
	}
	return s, result, nil
}

// SetStep says which step of the scenario is under way; see [calls.Caller].
func (s *Session) SetStep(step int) { s.calls.SetStep(step) }

// do runs one operation. want is the code that the successful reply has, 0 for
// whichever came last.
func (s *Session) do(ctx context.Context, verb string, want int, fn func() error) (result Result, err error) {
	if s.closed {
		return Result{}, fmt.Errorf("ftp %s: %w", verb, errClosed)
	}
	s.ctx = ctx
	if s.control != nil {
		s.control.ctx = ctx
		s.control.replies = nil
	}
	earlier := s.data
	stop := s.watch(ctx)
	err = protect(fn)
	stop()
	result = s.result(want)
	if d := s.data; d != nil && d != earlier && (err == nil || d.bytes > 0) {
		result.Bytes, result.SHA256 = d.bytes, hex.EncodeToString(d.sum.Sum(nil))
		result.Content, result.Cut = workload.Readable(d.received)
	}
	err = s.explain(ctx, err, &result)
	if err != nil {
		err = fmt.Errorf("ftp %s: %w", verb, err)
	}
	return result, err
}

// protect turns a panic of the library, which some replies can bring about
// (a 227 with its parentheses reversed), into an error.
func protect(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("client library: %v", r)
		}
	}()
	return fn()
}

// explain makes one error of what the client and the context say.
func (s *Session) explain(ctx context.Context, err error, result *Result) error {
	if err == nil {
		return nil
	}
	if refused := replyError(err); refused != nil {
		result.Reply, result.Text = refused.Code, refused.Text
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		s.outOfStep = true
	}
	return err
}

// result gathers the replies of an operation.
func (s *Session) result(want int) Result {
	var result Result
	if s.control != nil {
		result.Replies = s.control.replies
	}
	for _, r := range result.Replies {
		if want == 0 || r.Code == want || result.Reply != want {
			result.Reply, result.Text = r.Code, r.Text
		}
	}
	return result
}

// watch breaks off what blocks when ctx ends, until the returned function is
// called.
func (s *Session) watch(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(done)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.broken = true
		for b := range s.breaks {
			b.breakOff()
		}
	})
	return func() {
		if !unwatch() {
			<-done
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.broken = false
		for b := range s.breaks {
			if g, ok := b.(*guard); ok {
				g.mend()
			}
		}
	}
}

// breaksOff adds b to what the end of the context breaks off.
func (s *Session) breaksOff(b breakable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breaks[b] = struct{}{}
	if s.broken {
		b.breakOff()
	}
}

// lets removes b again.
func (s *Session) lets(b breakable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.breaks, b)
}

// dial connects, guarded.
func (s *Session) dial(addr string) (*guard, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.timeout())
	defer cancel()
	conn, err := s.calls.DialContext(ctx, "tcp", addr, calls.DialOptions{})
	if err != nil {
		return nil, err
	}
	return s.guard(conn), nil
}

// guard puts the session's limits on a connection.
func (s *Session) guard(conn *calls.Conn) *guard {
	g := &guard{Conn: conn, limit: s.opts.timeout()}
	s.breaksOff(g)
	return g
}

// dialControl connects the control channel, and starts TLS where that comes
// first.
func (s *Session) dialControl(addr string) error {
	g, err := s.dial(addr)
	if err != nil {
		return err
	}
	s.control = &control{channel: channel{guard: g}, ctx: s.ctx}
	s.host, s.local = g.Flow().Remote.Addr(), g.Flow().Local.Addr()
	if s.opts.TLS == TLSImplicit {
		return s.control.upgrade(s.ctx, s.tlsConfig)
	}
	return nil
}

// greet reads the greeting and starts TLS where that is asked for by AUTH.
func (s *Session) greet() (greeting Reply, err error) {
	for {
		greeting, err = s.control.readReply()
		if err != nil {
			return greeting, err
		}
		if !greeting.preliminary() { // 120: ready in n minutes
			break
		}
	}
	if greeting.Code != codeReady {
		return greeting, &ReplyError{greeting.Code, greeting.Text}
	}
	if s.opts.TLS != TLSExplicit {
		return greeting, nil
	}
	if _, err := s.control.expect(codeAuthTLS, "AUTH TLS"); err != nil {
		return greeting, err
	}
	return greeting, s.control.upgrade(s.ctx, s.tlsConfig)
}

// dataStyle is how this side closes data connections.
func (s *Session) dataStyle() workload.Close { return s.opts.DataClose }

// openData makes the data channel on a connection.
func (s *Session) openData(g *guard) *data {
	s.dropData()
	s.data = newData(s.ctx, g, s.tlsConfig, s.dataStyle())
	return s.data
}

// dropData forgets the data channel of an earlier step, closing it if that was
// not done.
func (s *Session) dropData() {
	if s.data == nil {
		return
	}
	if !s.data.closed {
		// Left standing by a step that failed. Its error was reported.
		_ = s.data.guard.Conn.Close()
	}
	s.lets(s.data.guard)
	s.data = nil
}

// replyError finds the server's answer in an error.
func replyError(err error) *ReplyError {
	var refused *ReplyError
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}
