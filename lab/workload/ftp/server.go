package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"

	ftpserver "github.com/fclairamb/ftpserverlib"
)

// ServerOptions are what a server needs beside its spec.
type ServerOptions struct {
	Calls       *calls.Caller    // makes and records the sockets
	Log         slog.Handler     // nil: nothing is logged
	Listen      string           // "host:port" in place of the spec's port at all addresses
	Certificate *tls.Certificate // needed with TLS
	Secrets     io.Writer        // gets the secrets of TLS, in the form of NSS; nil: nobody does
	// Patience is how long peers are waited for where else a bound of the
	// server's own would end that; 0 for those bounds.
	Patience time.Duration
}

// A Server is a running FTP server. Its owner stops it.
type Server struct {
	spec     ServerSpec
	patience time.Duration // see ServerOptions
	calls    *calls.Caller
	log      *slog.Logger
	files    *files
	listener *calls.Listener
	tls      *tls.Config // nil without TLS

	ctx    context.Context // ends when Stop begins: nothing is waited for any more
	cancel context.CancelFunc
	served chan struct{} // closed when the accept loop has ended
	err    error         // of the accept loop; read after served

	mu       sync.Mutex
	stopping bool
	open     map[closer]struct{} // connections and passive listeners
	sessions sync.WaitGroup      // the library's session goroutines
	moving   sync.WaitGroup      // transfers that hold a file
}

// A closer is something that Stop closes.
type closer interface{ hangUp() }

// Start starts a server. When it returns, the server listens.
func Start(ctx context.Context, spec ServerSpec, opts ServerOptions) (*Server, error) {
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("ftp server: %w", err)
	}
	if opts.Log == nil {
		opts.Log = slog.DiscardHandler
	}
	s := &Server{
		spec: spec, patience: opts.Patience, calls: opts.Calls, log: slog.New(opts.Log),
		served: make(chan struct{}), open: map[closer]struct{}{},
	}
	if err := s.prepareTLS(opts); err != nil {
		return nil, fmt.Errorf("ftp server: %w", err)
	}
	var err error
	if s.files, err = newFiles(spec); err != nil {
		return nil, fmt.Errorf("ftp server: %w", err)
	}
	addr := opts.Listen
	if addr == "" {
		addr = net.JoinHostPort("", strconv.Itoa(spec.port()))
	}
	if s.listener, err = s.calls.Listen(ctx, "tcp", addr); err != nil {
		return nil, fmt.Errorf("ftp server: %w", errors.Join(err, s.files.close()))
	}
	library := ftpserver.NewFtpServer(&driver{s})
	library.Logger = s.log
	if err := library.Listen(); err != nil {
		return nil, fmt.Errorf("ftp server: %w", errors.Join(err, s.listener.Close(), s.files.close()))
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(s.served)
		s.err = library.Serve()
	}()
	return s, nil
}

// prepareTLS sets up the server's end of TLS.
func (s *Server) prepareTLS(opts ServerOptions) error {
	if s.spec.TLS != TLSExplicit && s.spec.TLS != TLSImplicit {
		return nil
	}
	if opts.Certificate == nil {
		return errors.New("TLS needs a certificate")
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{*opts.Certificate},
		KeyLogWriter: opts.Secrets,
		// The library makes its TLS itself; this is where it can be seen.
		GetConfigForClient: s.noteHandshake,
		MinVersion:         tls.VersionTLS12,
		// A client that only sends would leave the tickets unread, and its
		// close would then be a reset that takes the end of its data along.
		SessionTicketsDisabled: true,
	}
	return nil
}

// noteHandshake sees to it that the version that is agreed on is recorded.
func (s *Server) noteHandshake(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	served, ok := hello.Conn.(*servedConn)
	if !ok { // active mode's connections are adopted later
		return nil, nil
	}
	config := s.tls.Clone()
	config.GetConfigForClient = nil
	config.VerifyConnection = func(state tls.ConnectionState) error {
		served.Conn.NoteHandshake(calls.TLSVersion(state.Version))
		return nil
	}
	return config, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Done is closed when the server accepts no more: after Stop, or because its
// listener failed.
func (s *Server) Done() <-chan struct{} { return s.served }

// Stop closes the listener and every connection, at once whatever their close
// styles, and waits until the sessions have ended or ctx does. Transfers that
// are under way end early; to their clients that looks like the end of the
// file, with no 426 (the library's own way to stop would leave them running).
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	open := make([]closer, 0, len(s.open))
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()

	s.cancel()
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) { // the accept loop had failed
		err = nil
	}
	// Control connections first: over them the sessions would tell of the
	// transfers that end.
	slices.SortStableFunc(open, func(a, b closer) int { return rank(a) - rank(b) })
	for _, c := range open {
		c.hangUp()
	}
	if err := workload.Join(ctx, func() {
		<-s.served
		s.sessions.Wait()
		s.moving.Wait()
	}); err != nil {
		return fmt.Errorf("stop ftp server: sessions have not ended: %w", err)
	}
	if s.err != nil {
		err = errors.Join(err, s.err)
	}
	if err = errors.Join(err, s.files.close()); err != nil {
		return fmt.Errorf("stop ftp server: %w", err)
	}
	return nil
}

// rank is 0 for control connections, 1 for all else.
func rank(c closer) int {
	if served, ok := c.(*servedConn); ok && !served.data {
		return 0
	}
	return 1
}

// track remembers what Stop must close. It returns false if Stop has begun.
func (s *Server) track(c closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.open[c] = struct{}{}
	return true
}

// startTransfer counts a transfer, unless Stop has begun.
func (s *Server) startTransfer() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.moving.Add(1)
	return true
}

func (s *Server) untrack(c closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// idle returns the time after which a silent client is sent away, and the same
// in the library's unit, whole seconds, not less.
func (s *Server) idle() (exact time.Duration, seconds int) {
	exact = time.Duration(s.spec.IdleTimeout)
	if exact == 0 {
		exact = 900 * time.Second
	}
	return exact, int((exact + time.Second - 1) / time.Second)
}

// A driver answers the library's questions.
type driver struct{ s *Server }

var (
	_ ftpserver.MainDriver                         = (*driver)(nil)
	_ ftpserver.MainDriverExtensionPassiveWrapper  = (*driver)(nil)
	_ ftpserver.MainDriverExtensionPostAuthMessage = (*driver)(nil)
)

// GetSettings translates the spec.
func (d *driver) GetSettings() (*ftpserver.Settings, error) {
	spec := d.s.spec
	_, idleSeconds := d.s.idle()
	settings := &ftpserver.Settings{
		Listener:                controlListener{d.s},
		Banner:                  d.banner(),
		IdleTimeout:             idleSeconds,
		ActiveTransferPortNon20: spec.Active == ActiveAny,
		DisableActiveMode:       spec.Active == ActiveOff,
		DefaultTransferType:     ftpserver.TransferTypeBinary,
	}
	if d.s.patience > 0 {
		settings.ConnectionTimeout = int(d.s.patience / time.Second) // of data connections; else 30 s
	}
	if spec.TLS == TLSImplicit {
		settings.TLSRequired = ftpserver.ImplicitEncryption
	}
	if !spec.PassivePorts.IsZero() {
		settings.PassiveTransferPortRange = &portCycle{ports: spec.PassivePorts}
	}
	if !spec.peerCheck() {
		settings.ActiveConnectionsCheck = ftpserver.IPMatchDisabled
		settings.PasvConnectionsCheck = ftpserver.IPMatchDisabled
	}
	return settings, nil
}

func (d *driver) banner() string {
	if d.s.spec.Banner == "" {
		return "netlab FTP server ready"
	}
	return d.s.spec.Banner
}

// ClientConnected gives the text of the 220.
func (d *driver) ClientConnected(ftpserver.ClientContext) (string, error) { return d.banner(), nil }

// ClientDisconnected is the last that a session's goroutine does, but for
// closing its connection.
func (d *driver) ClientDisconnected(ftpserver.ClientContext) { d.s.sessions.Done() }

var errLogin = errors.New("login incorrect")

// AuthUser checks a password.
func (d *driver) AuthUser(_ ftpserver.ClientContext, user, password string) (ftpserver.ClientDriver, error) {
	known, ok := d.s.spec.Users[user]
	anonymous := d.s.spec.Anonymous && (user == "anonymous" || user == "ftp")
	if !anonymous && (!ok || known != password) {
		return nil, errLogin
	}
	return &clientDriver{d.s.files, d.s}, nil
}

// PostAuthMessage gives the text of the 230 and the 530.
func (d *driver) PostAuthMessage(_ ftpserver.ClientContext, _ string, err error) string {
	if err != nil {
		return "Login incorrect."
	}
	if d.s.spec.Welcome == "" {
		return "Login successful."
	}
	return d.s.spec.Welcome
}

var errNoTLS = errors.New("TLS is not configured")

// GetTLSConfig is asked by AUTH, and for data connections.
func (d *driver) GetTLSConfig() (*tls.Config, error) {
	if d.s.tls == nil {
		return nil, errNoTLS
	}
	return d.s.tls, nil
}

// WrapPassiveListener puts the recording around a listener that the library
// has just made.
func (d *driver) WrapPassiveListener(l net.Listener) (net.Listener, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("passive listener is a %T, not of TCP", l), l.Close())
	}
	passive := &passiveListener{Listener: d.s.calls.AdoptListener(tcp), s: d.s}
	if !d.s.track(passive) {
		return nil, errors.Join(net.ErrClosed, passive.Listener.Close())
	}
	return passive, nil
}

// A portCycle hands out a range's ports one after the other, beginning one
// further with each time round. The library asks for as many as there are for
// every PASV and takes the first that is free, so that each PASV begins with
// the next port; in place of the library's random choice, which would make runs
// differ.
type portCycle struct {
	ports PortRange
	mu    sync.Mutex
	asked int
}

// FetchNext returns the next port, exposed and listened on.
func (p *portCycle) FetchNext() (int, int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.NumberAttempts()
	port := int(p.ports.Low) + (p.asked/n+p.asked%n)%n
	p.asked++
	return port, port, true
}

// NumberAttempts returns how many ports there are.
func (p *portCycle) NumberAttempts() int { return int(p.ports.High) - int(p.ports.Low) + 1 }

// closeStyle is what a served connection is closed with.
func (s *Server) closeStyle(data bool) workload.Close {
	if data {
		return s.spec.DataClose
	}
	return s.spec.Close
}
