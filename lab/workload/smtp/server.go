package smtp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"

	"github.com/emersion/go-sasl"
	smtplib "github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// A Spec says what a mail server is like.
type Spec struct {
	Port    int
	Domains []string          // whose mail it takes; any if empty
	Users   map[string]string // passwords by user name; with any, mail is taken only after AUTH
	MaxSize int64             // bytes of the largest mail; 0 for any
	Close   workload.Close    // of connections, after QUIT or the client's end
}

// Options are what a server needs beside its spec.
type Options struct {
	Calls  *calls.Caller // makes and records the sockets
	Log    slog.Handler  // nil: nothing is logged
	Listen string        // "host:port" in place of the spec's port at all addresses
	Name   string        // of the server, in its greeting
	// Patience is how long peers are waited for where else a bound of the
	// server's own would end that; 0 for those bounds.
	Patience time.Duration
}

// Bounds against clients without any.
const (
	maxRecipients = 100
	idleTimeout   = 5 * time.Minute // RFC 5321, section 4.5.3.2.7
	sendTimeout   = time.Minute
)

// A Server is a running mail server. Its owner stops it.
type Server struct {
	spec     Spec
	log      *slog.Logger
	listener *calls.Listener
	library  *smtplib.Server
	ctx      context.Context // ends when Stop begins
	cancel   context.CancelFunc
	served   chan struct{} // closed when the accept loop has ended

	mu       sync.Mutex
	stopping bool
	open     map[*servedConn]struct{}
}

// Start starts a server. When it returns, the server listens.
func Start(ctx context.Context, spec Spec, opts Options) (*Server, error) {
	if spec.Port < 0 || spec.Port > 65535 || spec.MaxSize < 0 {
		return nil, fmt.Errorf("smtp server: port %d or size %d is out of range", spec.Port, spec.MaxSize)
	}
	if err := spec.Close.Validate(); err != nil {
		return nil, fmt.Errorf("smtp server: %w", err)
	}
	s := &Server{spec: spec, log: slog.New(slog.DiscardHandler), served: make(chan struct{}), open: map[*servedConn]struct{}{}}
	if opts.Log != nil {
		s.log = slog.New(opts.Log)
	}
	addr := opts.Listen
	if addr == "" {
		addr = net.JoinHostPort("", strconv.Itoa(spec.Port))
	}
	var err error
	if s.listener, err = opts.Calls.Listen(ctx, "tcp", addr); err != nil {
		return nil, fmt.Errorf("smtp server: %w", err)
	}
	s.library = smtplib.NewServer(smtplib.BackendFunc(s.session))
	s.library.Domain = opts.Name
	s.library.MaxMessageBytes, s.library.MaxRecipients = spec.MaxSize, maxRecipients
	s.library.ReadTimeout, s.library.WriteTimeout = cmp.Or(opts.Patience, idleTimeout), cmp.Or(opts.Patience, sendTimeout)
	s.library.AllowInsecureAuth = true
	s.library.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(s.served)
		if err := s.library.Serve(netutil.LimitListener(listener{s}, workload.MaxConnections)); err != nil && s.ctx.Err() == nil {
			s.log.Error("smtp server ended", "err", err)
		}
	}()
	return s, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Stop closes the listener and every connection, at once whatever their close
// style, and waits for the sessions to end, or ctx.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	open := make([]*servedConn, 0, len(s.open))
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	s.cancel()
	for _, c := range open {
		_ = c.Conn.Close() // whoever uses it notices
	}
	err := s.library.Shutdown(ctx) // closes the listener and waits for the sessions
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if err := errors.Join(err, workload.Join(ctx, func() { <-s.served })); err != nil {
		return fmt.Errorf("stop smtp server: %w", err)
	}
	return nil
}

// A listener gives the library connections whose Close obeys the spec.
type listener struct{ s *Server }

// Accept returns the next connection.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.s.listener.AcceptConn()
	if err != nil {
		return nil, err
	}
	served := &servedConn{Conn: conn, s: l.s}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.stopping {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	l.s.open[served] = struct{}{}
	return served, nil
}

// Close stops listening.
func (l listener) Close() error { return l.s.listener.Close() }

// Addr returns the address listened on.
func (l listener) Addr() net.Addr { return l.s.listener.Addr() }

// A servedConn is a connection of the server.
type servedConn struct {
	*calls.Conn
	s    *Server
	once sync.Once
}

// Close closes in the style of the spec.
func (c *servedConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.s.spec.Close.Do(c.s.ctx, c.Conn, nil)
		c.s.mu.Lock()
		delete(c.s.open, c)
		c.s.mu.Unlock()
	})
	if errors.Is(err, workload.ErrCapped) {
		c.s.log.Warn("close", "remote", c.RemoteAddr(), "err", err)
		return nil // it is closed
	}
	return err
}

// A session is one client's. The library calls its methods one at a time.
type session struct {
	s    *Server
	log  *slog.Logger
	user string
	from string
	to   []string
}

var (
	_ smtplib.Session     = (*session)(nil)
	_ smtplib.AuthSession = (*session)(nil)
)

func (s *Server) session(c *smtplib.Conn) (smtplib.Session, error) {
	return &session{s: s, log: s.log.With("remote", c.Conn().RemoteAddr(), "client", c.Hostname())}, nil
}

// Reset forgets the mail that was begun.
func (x *session) Reset() { x.from, x.to = "", nil }

// Logout is the end.
func (x *session) Logout() error { return nil }

// AuthMechanisms lists what EHLO announces.
func (x *session) AuthMechanisms() []string {
	if len(x.s.spec.Users) == 0 {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth begins an authentication.
func (x *session) Auth(mechanism string) (sasl.Server, error) {
	if len(x.s.spec.Users) == 0 || mechanism != sasl.Plain {
		return nil, smtplib.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if known, ok := x.s.spec.Users[user]; !ok || known != password {
			x.log.Warn("authentication failed", "user", user)
			return smtplib.ErrAuthFailed
		}
		x.user = user
		return nil
	}), nil
}

// Mail takes the sender.
func (x *session) Mail(from string, _ *smtplib.MailOptions) error {
	if len(x.s.spec.Users) > 0 && x.user == "" {
		// RFC 4954, section 6.
		return &smtplib.SMTPError{Code: 530, EnhancedCode: smtplib.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	x.from = from
	return nil
}

// Rcpt takes a recipient.
func (x *session) Rcpt(to string, _ *smtplib.RcptOptions) error {
	domain := strings.TrimSuffix(to[strings.LastIndexByte(to, '@')+1:], ".")
	same := func(d string) bool { return strings.EqualFold(strings.TrimSuffix(d, "."), domain) }
	if len(x.s.spec.Domains) > 0 && !slices.ContainsFunc(x.s.spec.Domains, same) {
		x.log.Warn("recipient refused", "to", to)
		return &smtplib.SMTPError{Code: 550, EnhancedCode: smtplib.EnhancedCode{5, 7, 1}, Message: "No mail for " + domain + " here"}
	}
	x.to = append(x.to, to)
	return nil
}

// Data takes the mail, and drops it.
func (x *session) Data(r io.Reader) error {
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	log := x.log.With("from", x.from, "to", x.to, "user", x.user, "bytes", n)
	if err != nil {
		log.Warn("mail refused", "err", err)
		return err
	}
	log.Info("mail taken", "sha256", hex.EncodeToString(sum.Sum(nil)))
	return nil
}
