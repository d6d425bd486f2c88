package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// Bounds on what clients can do.
const (
	maxHeader      = 64 << 10         // bytes of a request's head
	maxRequest     = 1 << 30          // bytes of a request's body
	headTimeout    = 60 * time.Second // for a request's head
	handshakeLimit = 10 * time.Second // for TLS
)

// ServerOptions are what a server needs beside its spec.
type ServerOptions struct {
	Calls   *calls.Caller // makes and records the sockets
	Log     slog.Handler  // nil: nothing is logged
	Listen  string        // "host:port" in place of the spec's port at all addresses
	Secrets io.Writer     // gets the secrets of TLS, in the form of NSS; nil: nobody does
	// Patience is how long peers are waited for where else a bound of the
	// server's own would end that; 0 for those bounds.
	Patience time.Duration
}

// A Server is a running HTTP server. Its owner stops it.
type Server struct {
	spec     ServerSpec
	patience time.Duration // see ServerOptions
	log      *slog.Logger
	tls      *tls.Config // nil without TLS
	acceptor *workload.Acceptor
	plain    *speaker // of HTTP/1, and of HTTP/2 without TLS
	second   *speaker // of HTTP/2 that ALPN agreed on

	ctx    context.Context // ends when Stop begins
	cancel context.CancelFunc
	mu     sync.Mutex
	open   map[*conn]struct{}

	sessions *sessions      // nil without
	key      []byte         // signs cookies
	answered map[string]int // requests by route, for those with a limit; guarded by mu
}

// Start starts a server. When it returns, the server listens.
func Start(ctx context.Context, spec ServerSpec, opts ServerOptions) (*Server, error) {
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("http server: %w", err)
	}
	if opts.Log == nil {
		opts.Log = slog.DiscardHandler
	}
	s := &Server{spec: spec, patience: opts.Patience, log: slog.New(opts.Log), open: map[*conn]struct{}{}, answered: map[string]int{}}
	s.key = make([]byte, sha256.Size)
	_, _ = rand.Read(s.key) // cannot fail: crypto/rand
	if spec.Sessions != nil {
		s.sessions = newSessions(*spec.Sessions)
	}
	if err := s.prepareTLS(opts.Secrets); err != nil {
		return nil, fmt.Errorf("http server: %w", err)
	}
	addr := opts.Listen
	if addr == "" {
		addr = net.JoinHostPort("", strconv.Itoa(spec.port()))
	}
	listener, err := opts.Calls.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("http server: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var plain, second http.Protocols
	plain.SetHTTP1(spec.speaks(HTTP10) || spec.speaks(HTTP11))
	plain.SetUnencryptedHTTP2(spec.speaks(HTTP2) && spec.TLS == nil)
	second.SetUnencryptedHTTP2(true)
	s.plain, s.second = s.newSpeaker(&plain), s.newSpeaker(&second)
	s.acceptor = workload.Accept(listener, s.log, s.handle)
	return s, nil
}

// prepareTLS sets up the server's end of TLS.
func (s *Server) prepareTLS(secrets io.Writer) error {
	if s.spec.TLS == nil {
		return nil
	}
	if len(s.spec.TLS.Certificate.Certificate) == 0 {
		return errors.New("TLS needs a certificate")
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{s.spec.TLS.Certificate},
		KeyLogWriter: secrets, SessionTicketsDisabled: true,
	}
	// A server of 1.0 alone is of a time before ALPN.
	if s.spec.speaks(HTTP2) {
		s.tls.NextProtos = append(s.tls.NextProtos, "h2")
	}
	if s.spec.speaks(HTTP11) {
		s.tls.NextProtos = append(s.tls.NextProtos, "http/1.1")
	}
	return between(s.tls, s.spec.TLS.Min, s.spec.TLS.Max)
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.acceptor.Addr() }

// Stop closes the listener and every connection, at once whatever their close
// styles, and waits until all is handled or ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	s.mu.Lock()
	var open []*conn
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		_ = c.socket.SetWriteDeadline(workload.Past()) // whoever sends to a client that does not read
		// One that another style has begun to close ends as it can by now.
		_ = c.closeIn(workload.Close{Style: workload.AtOnce})
	}
	err := s.acceptor.Stop(ctx)
	err = errors.Join(err, s.plain.stop(ctx), s.second.stop(ctx))
	if err != nil {
		return fmt.Errorf("stop http server: %w", err)
	}
	return nil
}

// handle serves one connection to its end.
func (s *Server) handle(ctx context.Context, socket *calls.Conn) {
	c := newConn(s.ctx, socket, nil, s.spec.Close)
	speaker := s.plain
	if s.tls != nil {
		c.secure = socket.SecureServer(socket, s.tls)
		if s.spec.TLS.NoNotify {
			c.secure.Silent()
		}
	}
	s.mu.Lock()
	s.open[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	if s.tls != nil {
		if err := s.shake(ctx, c); err != nil {
			s.log.Warn("TLS handshake", "remote", c.RemoteAddr().String(), "err", err)
			s.closed(c, c.Close())
			return
		}
		if c.secure.State().NegotiatedProtocol == "h2" {
			speaker = s.second
		}
	}
	if !speaker.give(ctx, c) {
		_ = c.closeIn(workload.Close{Style: workload.AtOnce})
		return
	}
	<-c.released // after Stop it is closed under net/http, which then lets go
	s.closed(c, c.err)
}

// closed logs a close that did not come about as asked.
func (s *Server) closed(c *conn, err error) {
	if err != nil && s.ctx.Err() == nil {
		s.log.Warn("close", "remote", c.RemoteAddr().String(), "err", err)
	}
}

// shake shakes hands. A client that speaks HTTP without TLS is told so.
func (s *Server) shake(ctx context.Context, c *conn) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.patience, handshakeLimit))
	defer cancel()
	err := c.secure.Handshake(ctx)
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && looksLikeHTTP(header.RecordHeader) {
		_, wrote := io.WriteString(c.socket, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		return errors.Join(errors.New("client sent an HTTP request to an HTTPS server"), wrote)
	}
	return err
}

// looksLikeHTTP reports whether what should have been the header of a record
// begins a request.
func looksLikeHTTP(header [5]byte) bool {
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PRI *"} {
		if strings.HasPrefix(string(header[:]), method) {
			return true
		}
	}
	return false
}

// A speaker is an http.Server that is given connections one by one.
type speaker struct {
	server *http.Server
	feed   *feed
	served chan struct{}  // closed when its loop has ended
	busy   sync.WaitGroup // requests being answered
}

func (s *Server) newSpeaker(protocols *http.Protocols) *speaker {
	p := &speaker{feed: &feed{conns: make(chan *conn), done: make(chan struct{}), addr: &net.TCPAddr{}}, served: make(chan struct{})}
	p.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.busy.Add(1)
			defer p.busy.Done()
			s.answer(w, r)
		}),
		Protocols: protocols, ReadHeaderTimeout: cmp.Or(s.patience, headTimeout), IdleTimeout: s.spec.idle(),
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return s.ctx },
	}
	p.server.SetKeepAlivesEnabled(!s.spec.NoKeepAlive && !s.spec.old())
	go func() {
		defer close(p.served)
		_ = p.server.Serve(p.feed) // ErrServerClosed: feed itself cannot fail
	}()
	return p
}

// give hands a connection over. It returns false if the server has stopped.
func (p *speaker) give(ctx context.Context, c *conn) bool {
	select {
	case p.feed.conns <- c:
		return true
	case <-p.feed.done:
	case <-ctx.Done():
	}
	return false
}

// stop ends the loop. Its connections have been closed before.
func (p *speaker) stop(ctx context.Context) error {
	err := p.server.Close()
	if waited := workload.Join(ctx, func() { <-p.served; p.busy.Wait() }); waited != nil {
		return fmt.Errorf("requests have not ended: %w", waited)
	}
	return err
}

// A feed is a listener of connections that were accepted elsewhere.
type feed struct {
	conns chan *conn
	done  chan struct{}
	once  sync.Once
	addr  net.Addr
}

// Accept returns the next connection.
func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close ends the feed.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

// Addr is asked for by net/http, which does nothing with it here.
func (f *feed) Addr() net.Addr { return f.addr }
