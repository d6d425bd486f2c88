package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A Trust says which certificates a client accepts.
type Trust string

// The kinds of trust.
const (
	TrustLab    Trust = "lab"    // those of the authority that it is given
	TrustNobody Trust = "nobody" // none
	TrustAny    Trust = "any"    // whatever is shown
)

// A ClientSpec says how a client behaves. The zero value of a field is the
// usual behaviour of net/http, but for redirects, cookies and trust.
type ClientSpec struct {
	Network     string  // tcp4 or tcp6; "" for either
	Version     Version // "" means 1.1; 2 without TLS is by prior knowledge
	NoKeepAlive bool    // ask with Connection: close
	Jar         bool    // keep cookies
	Follow      bool    // go where redirects lead
	Close       workload.Close

	Trust           Trust  // "" means TrustLab
	Authority       []byte // PEM
	Revoked         []byte // DER, the authority's revocation list
	CheckRevocation bool   // refuse what is on it
	ServerName      string // to ask for and to find in the certificate; "" means the URL's host
	MinTLS, MaxTLS  string // as 1.2; "" for those of crypto/tls
	NoNotify        bool   // close without close_notify
}

// A Client is an HTTP client with its cookies and connections. Its owner
// closes it. It is not safe for concurrent use.
type Client struct {
	spec  ClientSpec
	calls *calls.Caller
	tls   *tls.Config
	jar   http.CookieJar
	ctx   context.Context // for as long as the client lives
	end   context.CancelFunc

	until atomic.Int64 // the deadline of the step under way, see conn

	transports map[destination]*transport
	mu         sync.Mutex
	open       []*conn // in the order of dialling
	ended      bool
}

// A destination is an authority (host:port) and where it is dialled.
type destination struct {
	authority string
	target    netip.AddrPort // zero: as the resolver says
}

// NewClient makes a client. It opens no connection. secrets gets the secrets
// of TLS, in the form of NSS, unless it is nil.
func NewClient(caller *calls.Caller, spec ClientSpec, secrets io.Writer) (*Client, error) {
	if spec.Version == "" {
		spec.Version = HTTP11
	}
	if !slices.Contains([]Version{HTTP10, HTTP11, HTTP2}, spec.Version) {
		return nil, fmt.Errorf("http client: version %q is none of 1.0, 1.1, 2", spec.Version)
	}
	if spec.Network == "" {
		spec.Network = "tcp"
	}
	if err := spec.Close.Validate(); err != nil {
		return nil, fmt.Errorf("http client: %w", err)
	}
	config, err := spec.tlsConfig(secrets)
	if err != nil {
		return nil, fmt.Errorf("http client: %w", err)
	}
	c := &Client{spec: spec, calls: caller, tls: config, transports: map[destination]*transport{}}
	if spec.Jar {
		if c.jar, err = cookiejar.New(nil); err != nil {
			return nil, fmt.Errorf("http client: make cookie jar: %w", err)
		}
	}
	c.ctx, c.end = context.WithCancel(context.Background())
	return c, nil
}

// SetStep says which step of the scenario is under way; see [calls.Caller].
func (c *Client) SetStep(step int) { c.calls.SetStep(step) }

// A transport sends the requests for one destination.
type transport struct {
	http.RoundTripper
	idle func() // lets go of connections that are closed
}

// transport returns that of a destination.
func (c *Client) transport(d destination) *transport {
	if t := c.transports[d]; t != nil {
		return t
	}
	dial := func(ctx context.Context, addr string) (*conn, error) { return c.dial(ctx, d, addr) }
	t := &transport{}
	if c.spec.Version == HTTP10 {
		t.RoundTripper, t.idle = &oldTransport{dial: dial, secure: c.secure}, func() {}
	} else {
		own := c.modern(dial)
		t.RoundTripper, t.idle = own, own.CloseIdleConnections
	}
	c.transports[d] = t
	return t
}

// continueTimeout is how long a client waits for 100 before it sends the body
// all the same: RFC 9110, section 10.1.1.
const continueTimeout = time.Second

// modern is net/http's own transport. TLS is done below it.
func (c *Client) modern(dial func(context.Context, string) (*conn, error)) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(c.spec.Version == HTTP11)
	protocols.SetUnencryptedHTTP2(c.spec.Version == HTTP2)
	return &http.Transport{
		Protocols: &protocols, DisableKeepAlives: c.spec.NoKeepAlive, DisableCompression: true,
		MaxResponseHeaderBytes: maxHeader, ExpectContinueTimeout: continueTimeout,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			plain, err := dial(ctx, addr)
			if err != nil {
				return nil, err // not plain: a nil *conn is not a nil net.Conn
			}
			return plain, nil
		},
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			plain, err := dial(ctx, addr)
			if err != nil {
				return nil, err
			}
			if err := c.secure(ctx, plain, addr); err != nil {
				return nil, err
			}
			return plain, nil
		},
	}
}

// dial connects. Redirects may lead elsewhere than to the destination.
func (c *Client) dial(ctx context.Context, d destination, addr string) (*conn, error) {
	where := addr
	if d.target.IsValid() && addr == d.authority {
		where = d.target.String()
	}
	socket, err := c.calls.DialContext(ctx, c.spec.Network, where, calls.DialOptions{})
	if err != nil {
		return nil, workload.Failed(ctx, "connect to "+where, err)
	}
	made := newConn(c.ctx, socket, nil, c.spec.Close)
	made.until = &c.until
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil, errors.Join(errClosed, socket.Close())
	}
	c.open = append(slices.DeleteFunc(c.open, func(o *conn) bool { return isClosed(o.closed) }), made)
	return made, nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// secure shakes hands on a connection to addr. If that fails the connection
// is closed in the client's style.
func (c *Client) secure(ctx context.Context, plain *conn, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.Join(err, plain.Close())
	}
	config := c.tls.Clone()
	if config.ServerName == "" {
		config.ServerName = host
	}
	plain.secure = plain.socket.SecureClient(plain.socket, config)
	if c.spec.NoNotify {
		plain.secure.Silent()
	}
	err = plain.secure.Handshake(ctx)
	if err == nil && c.spec.Version == HTTP2 && plain.secure.State().NegotiatedProtocol != "h2" {
		err = errors.New("the server did not agree on HTTP/2")
	}
	if err != nil {
		_ = plain.Close() // the handshake's error is the reason
		return explainTLS(ctx, err)
	}
	return nil
}

var errClosed = errors.New("the client is closed")

// CloseIdle closes the client's connections, all of which are idle between
// requests, in the order of their opening. It returns when they are closed.
func (c *Client) CloseIdle(ctx context.Context, style workload.Close) error {
	if err := style.Validate(); err != nil {
		return fmt.Errorf("http close: %w", err)
	}
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	defer c.within(ctx)()
	var errs []error
	for _, o := range open {
		if isClosed(o.closed) { // in the background: its style was the client's
			continue
		}
		errs = append(errs, o.closeIn(style))
	}
	for _, t := range c.transports {
		t.idle()
	}
	for _, o := range open {
		select {
		case <-o.released:
		case <-ctx.Done():
			errs = append(errs, context.Cause(ctx))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("http close: %w", err)
	}
	return nil
}

// within has closes wait no longer than ctx lets them, until the function is
// called that it returns. A close that goes on in the background then has the
// style's own cap.
func (c *Client) within(ctx context.Context) (end func()) {
	if deadline, ok := ctx.Deadline(); ok {
		c.until.Store(deadline.UnixNano())
	}
	return func() { c.until.Store(0) }
}

// Close closes the client's connections, and the client.
func (c *Client) Close(ctx context.Context, style workload.Close) error {
	c.mu.Lock()
	again := c.ended
	c.ended = true
	c.mu.Unlock()
	if again {
		return fmt.Errorf("http close: %w", errClosed)
	}
	defer c.end()
	return c.CloseIdle(ctx, style)
}
