package web

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"netlab/lab/workload"
)

// route finds the response to a path: its own, or that of the longest path
// ending in / above it.
func (s ServerSpec) route(path string) (name string, route Route, found bool) {
	if r, ok := s.Routes[path]; ok {
		return path, r, true
	}
	for end := len(path); end > 0; {
		end = strings.LastIndexByte(path[:end], '/')
		if end < 0 {
			break
		}
		if r, ok := s.Routes[path[:end+1]]; ok {
			return path[:end+1], r, true
		}
	}
	return "", Route{}, false
}

// answer answers a request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	log := s.log.With("remote", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "protocol", r.Proto)
	if s.spec.old() {
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 // net/http answers in the version of its request
	}
	path, route, found := s.spec.route(r.URL.Path)
	if refusal := s.refuse(w, r, path, route, found); refusal != 0 {
		log.Info("response", "status", refusal)
		return
	}
	kept, received, err := s.takeBody(w, r, route)
	if err != nil {
		log.Warn("request's body", "received", received, "err", err)
		return
	}
	status, sent, err := s.respond(w, r, route, kept)
	log = log.With("status", status, "received", received, "sent", sent)
	if err != nil {
		log.Warn("response", "err", err)
		return
	}
	log.Info("response")
}

// refuse answers a request that the route does not want, before its body is
// read; it returns the status, 0 if the request is wanted.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, path string, route Route, found bool) int {
	switch {
	case r.ProtoMajor == 1 && r.ProtoMinor == 0 && !s.spec.speaks(HTTP10):
		return refuseWith(w, http.StatusHTTPVersionNotSupported, "HTTP/1.0 is not spoken here")
	case !found:
		http.NotFound(w, r)
		return http.StatusNotFound
	case !route.allows(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="netlab", charset="UTF-8"`)
		return refuseWith(w, http.StatusUnauthorized, "unauthorized")
	case len(route.Methods) > 0 && !slices.Contains(route.Methods, r.Method):
		w.Header().Set("Allow", strings.Join(route.Methods, ", "))
		return refuseWith(w, http.StatusMethodNotAllowed, "method not allowed")
	case route.Limit > 0 && s.count(path) > route.Limit:
		route.sayWhen(w)
		return refuseWith(w, http.StatusTooManyRequests, "too many requests")
	case r.ContentLength > route.mostBody():
		w.Header().Set("Connection", "close") // the body is not read
		return refuseWith(w, http.StatusRequestEntityTooLarge, "content too large")
	}
	return 0
}

func refuseWith(w http.ResponseWriter, status int, text string) int {
	http.Error(w, text, status)
	return status
}

// count counts a request for a route, and returns how many there were.
func (s *Server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[path]++
	return s.answered[path]
}

func (t Route) mostBody() int64 {
	if t.MaxBody > 0 {
		return t.MaxBody
	}
	return maxRequest
}

// sayWhen says when it is worth to ask again.
func (t Route) sayWhen(w http.ResponseWriter) {
	if t.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((t.RetryAfter+time.Second-1)/time.Second)))
	}
}

// takeBody reads the body of a request, and keeps it if the route wants it. A
// body that is too large, is too late, or breaks off, is answered.
func (s *Server) takeBody(w http.ResponseWriter, r *http.Request, route Route) (kept []byte, received int64, err error) {
	if s.spec.BodyTimeout > 0 {
		control := http.NewResponseController(w)
		if err := control.SetReadDeadline(time.Now().Add(s.spec.BodyTimeout)); err != nil {
			return nil, 0, err
		}
		defer func() {
			// Past, it stays, for net/http would wait for the rest of the body.
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				_ = control.SetReadDeadline(time.Time{}) // if that fails, so will the next request
			}
		}()
	}
	body := http.MaxBytesReader(w, r.Body, route.mostBody())
	if route.Session == SessionStore {
		kept, err = io.ReadAll(io.LimitReader(body, maxKept))
		received = int64(len(kept))
	}
	if err == nil {
		var more int64
		more, err = io.Copy(io.Discard, body)
		received += more
	}
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		http.Error(w, "content too large", http.StatusRequestEntityTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close") // what may still come would not be a request
		http.Error(w, "request timeout", http.StatusRequestTimeout)
	case err != nil:
		http.Error(w, "body: "+err.Error(), http.StatusBadRequest)
	}
	return kept, received, err
}

// maxKept bounds what a session can be given at once, in bytes.
const maxKept = 64 << 20

// respond writes the response to a request whose body has been read; sent is
// the size of its own.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, route Route, kept []byte) (status int, sent int64, err error) {
	if len(route.EarlyHints) > 0 {
		early(w, route.EarlyHints)
	}
	if err := s.wait(r, route.Delay); err != nil {
		return 0, 0, err
	}
	for _, c := range route.Cookies {
		http.SetCookie(w, s.signed(c))
	}
	switch {
	case route.Session != "" && s.sessions != nil:
		route.Status, route.Body = s.sessions.act(w, r, route.Session, kept)
	case route.Reads != "":
		route.Status, route.Body = s.read(r, route)
	}
	return route.write(w, r)
}

// early sends header fields before the response: RFC 8297.
func early(w http.ResponseWriter, hints http.Header) {
	for name, values := range hints {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(http.StatusEarlyHints)
	for name := range hints {
		w.Header().Del(name)
	}
}

// allows reports whether the request comes from the route's user.
func (t Route) allows(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	return t.User == "" || given && user == t.User && password == t.Password
}

// wait lets the time pass that a scenario asks for; there is nothing else that
// could be awaited.
func (s *Server) wait(r *http.Request, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.Context().Done(): // the client has gone, or the server stops
		return r.Context().Err()
	}
}

// write writes what the route says.
func (t Route) write(w http.ResponseWriter, r *http.Request) (status int, sent int64, err error) {
	status = t.Status
	if status == 0 {
		status = http.StatusOK
		if t.Redirect != "" {
			status = http.StatusFound
		}
	}
	header := w.Header()
	if t.Redirect != "" {
		header.Set("Location", t.Redirect)
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, values := range t.Headers {
		header[http.CanonicalHeaderKey(name)] = values
	}
	if status >= http.StatusInternalServerError {
		t.sayWhen(w)
	}
	if t.ETag != "" || t.Ranges {
		return t.serveContent(w, r)
	}
	if t.Media != "" {
		t.Body = t.Media.sample()
		header.Set("Content-Type", t.Media.kind())
	}
	if status == http.StatusNoContent || status == http.StatusNotModified { // bear no body
		header.Del("Content-Type")
		w.WriteHeader(status)
		return status, 0, nil
	}
	body, size := io.Reader(strings.NewReader(t.Body)), int64(len(t.Body))
	if t.Size > 0 {
		body, size = workload.Generated(t.Size), t.Size
	}
	header.Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return status, 0, nil
	}
	sent, err = io.Copy(w, struct{ io.Reader }{body})
	return status, sent, err
}

// serveContent leaves it to net/http which part of the body is sent, or
// whether the client has it already: RFC 9110, sections 13 and 14.
func (t Route) serveContent(w http.ResponseWriter, r *http.Request) (status int, sent int64, err error) {
	if t.ETag != "" {
		w.Header().Set("ETag", `"`+t.ETag+`"`)
	}
	if !t.Ranges {
		r.Header.Del("Range") // what is not supported may be ignored: RFC 9110, section 14.2
	}
	counted := &counting{ResponseWriter: w, status: http.StatusOK}
	http.ServeContent(counted, r, "", time.Time{}, strings.NewReader(t.Body))
	return counted.status, counted.sent, nil
}

// counting notes what is written.
type counting struct {
	http.ResponseWriter
	status int
	sent   int64
}

// WriteHeader writes the header.
func (c *counting) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.sent += int64(n)
	return n, err
}
