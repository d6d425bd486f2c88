package node

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/web"
	"netlab/probes"
	"netlab/probes/calls"
	"netlab/scenarios"
)

// startHTTP starts an HTTP server, with or without TLS.
func (a *agent) startHTTP(ctx context.Context, r ServeRequest) (stopper, error) {
	var spec web.ServerSpec
	if s := r.Server.HTTPS; s != nil {
		spec = webSpec(&s.HTTPServer)
		certificate, err := r.Identity.certificate()
		if err != nil {
			return nil, err
		}
		spec.TLS = &web.ServerTLS{
			Certificate: certificate, Min: string(s.MinTLS), Max: string(s.MaxTLS), NoNotify: !bool(s.SendsNotify),
		}
	} else {
		spec = webSpec(r.Server.HTTP)
	}
	if spec.IdleTimeout == scenarios.DefaultWebIdle {
		spec.IdleTimeout = cmp.Or(r.Patience, spec.IdleTimeout)
	}
	return web.Start(context.WithoutCancel(ctx), spec, web.ServerOptions{
		Calls: a.calls.Caller(r.Server.Name), Secrets: a.secretsWriter(),
		Log: slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}), Patience: r.Patience,
	})
}

// webSpec says in the workload's words what the scenario says in its own.
func webSpec(s *scenarios.HTTPServer) web.ServerSpec {
	spec := web.ServerSpec{
		Port: s.Port, Routes: map[string]web.Route{}, NoKeepAlive: !bool(s.KeepAlive),
		IdleTimeout: s.IdleTimeout.Duration, Close: closeOf(s.Close), Signed: bool(s.Signed), BodyTimeout: s.BodyTimeout.Duration,
	}
	if x := s.Sessions; x != nil {
		spec.Sessions = &web.SessionSpec{
			Cookie: x.Cookie, Lifetime: x.Lifetime.Duration, MaxSize: int64(x.MaxSize),
			RenewLogin: bool(x.RenewLogin), AcceptAny: bool(x.AcceptAny),
		}
	}
	for _, v := range s.Versions {
		spec.Versions = append(spec.Versions, web.Version(v))
	}
	for _, r := range s.Routes {
		route := web.Route{
			Status: r.Status, Body: r.Body, Size: int64(r.Size), Headers: headersOf(r.Headers),
			Delay: r.Delay.Duration, Redirect: r.Redirect, User: r.User, Password: r.Password,
			Methods: r.Methods, MaxBody: int64(r.MaxBody), EarlyHints: headersOf(r.EarlyHints),
			ETag: r.ETag, Ranges: bool(r.Ranges), Limit: r.Limit, RetryAfter: r.RetryAfter.Duration,
			Media: web.Media(r.Media), Reads: r.Reads, Session: web.SessionAction(r.Session),
		}
		for _, c := range r.Cookies {
			route.Cookies = append(route.Cookies, cookieOf(c))
		}
		spec.Routes[r.Name] = route
	}
	return spec
}

func headersOf(list []scenarios.Header) http.Header {
	headers := http.Header{}
	for _, h := range list {
		headers.Add(h.Name, h.Value)
	}
	return headers
}

func cookieOf(c scenarios.Cookie) *http.Cookie {
	cookie := &http.Cookie{
		Name: c.Name, Value: c.Value, Path: c.Path, Domain: c.Domain,
		// Max-Age is in whole seconds (RFC 6265 section 5.2.2); 0 is none.
		MaxAge: int((c.MaxAge.Duration + time.Second - 1) / time.Second),
		Secure: bool(c.Secure), HttpOnly: bool(c.HTTPOnly),
	}
	if c.Size > 0 {
		cookie.Value = strings.Repeat("x", int(c.Size))
	}
	switch c.SameSite {
	case scenarios.SameSiteStrict:
		cookie.SameSite = http.SameSiteStrictMode
	case scenarios.SameSiteLax:
		cookie.SameSite = http.SameSiteLaxMode
	case scenarios.SameSiteNone:
		cookie.SameSite = http.SameSiteNoneMode
	}
	return cookie
}

// A webSession is an HTTP client, and who records its calls.
type webSession struct {
	web    *web.Client
	caller *calls.Caller
	close  workload.Close // unless a step says otherwise
}

// openHTTP starts a client, which opens no connection.
func (a *agent) openHTTP(_ context.Context, r StepRequest) (client, probes.Step, error) {
	c := r.Step.HTTPClient
	caller := a.calls.Caller(c.As)
	caller.SetStep(r.Step.Index)
	network := "tcp4"
	if c.Family == scenarios.IPv6 {
		network = "tcp6"
	}
	made, err := web.NewClient(caller, web.ClientSpec{
		Network: network, Version: web.Version(c.Version), NoKeepAlive: !bool(c.KeepAlive),
		Jar: bool(c.Jar), Follow: bool(c.Follow), Close: closeOf(c.Close),
		Trust: web.Trust(c.Trust), Authority: r.Trust.Authority, Revoked: r.Trust.Revoked,
		CheckRevocation: bool(c.Revocation) && len(r.Trust.Revoked) > 0,
		ServerName:      c.ServerName, MinTLS: string(c.MinTLS), MaxTLS: string(c.MaxTLS), NoNotify: !bool(c.SendsNotify),
	}, a.secretsWriter())
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &webSession{web: made, caller: caller, close: closeOf(c.Close)}, probes.Step{}, nil
}

// step takes a step of the session.
func (s *webSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	s.caller.SetStep(r.Step.Index)
	switch {
	case r.Step.HTTPGet != nil:
		return s.request(ctx, r, web.Request{Method: http.MethodGet}, r.Step.HTTPGet)
	case r.Step.HTTPHead != nil:
		return s.request(ctx, r, web.Request{Method: http.MethodHead}, r.Step.HTTPHead)
	case r.Step.HTTPPost != nil:
		return s.post(ctx, r, http.MethodPost, r.Step.HTTPPost)
	case r.Step.HTTPSend != nil:
		return s.post(ctx, r, r.Step.HTTPSend.Method, &r.Step.HTTPSend.HTTPPost)
	case r.Step.HTTPCloseIdle != nil:
		return probes.Step{}, s.web.CloseIdle(ctx, s.styleOf(r.Step.HTTPCloseIdle))
	case r.Step.HTTPClose != nil:
		return probes.Step{}, s.web.Close(ctx, s.styleOf(r.Step.HTTPClose))
	}
	return probes.Step{}, errors.New("an HTTP client cannot do " + r.Step.Verb)
}

func (s *webSession) styleOf(c *scenarios.HTTPClose) workload.Close {
	if c.Close == nil {
		return s.close
	}
	return closeOf(*c.Close)
}

// post sends a request that may have a body.
func (s *webSession) post(ctx context.Context, r StepRequest, method string, p *scenarios.HTTPPost) (probes.Step, error) {
	request := web.Request{Method: method, Body: p.Body, Size: int64(p.Size), Continue: bool(p.Continue)}
	if p.Body != "" || p.Size > 0 || method == http.MethodPost {
		request.Type = p.Type
	}
	return s.request(ctx, r, request, &p.HTTPRequest)
}

// request sends a request that is filled in from the step.
func (s *webSession) request(ctx context.Context, r StepRequest, request web.Request, h *scenarios.HTTPRequest) (probes.Step, error) {
	request.URL, request.Headers = h.URL, headersOf(h.Headers)
	request.User, request.Password = h.User, h.Password
	if h.URL == "" {
		request.URL, request.Target = addressOf(h, r.Peer, r.Behind, r.Target), r.Target
	}
	result, err := s.web.Do(ctx, request)
	return probes.Step{
		Status: result.Status, Text: result.Text, Bytes: result.Bytes, SHA256: result.SHA256,
		Content: result.Content, Cut: result.Cut, Headers: result.Headers, Sent: result.Sent,
		Protocol: result.Protocol, Secure: result.Secure, Reused: result.Reused,
		Interim: result.Interim, Requests: result.Requests,
	}, err
}

// addressOf makes the URL of a request that names a server, which may be a
// proxy: then it is spoken to as the server behind it.
func addressOf(h *scenarios.HTTPRequest, peer, behind scenarios.Server, target netip.AddrPort) string {
	scheme, host := string(h.Scheme), h.Host
	if scheme == "" {
		scheme = string(scenarios.HTTP)
		if behind.HTTPS != nil {
			scheme = string(scenarios.HTTPS)
		}
	}
	if host == "" {
		host = peer.Node
	}
	usual := map[string]uint16{"http": 80, "https": 443}[scheme]
	if port := target.Port(); port != usual && !hasPort(host) {
		host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	u, err := url.ParseRequestURI(h.Path)
	if err != nil { // taken as it is; the request says what is wrong with it
		return scheme + "://" + host + h.Path
	}
	u.Scheme, u.Host = scheme, host
	return u.String()
}

func hasPort(host string) bool {
	_, _, err := net.SplitHostPort(host)
	return err == nil
}
