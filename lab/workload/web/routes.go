package web

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"netlab/lab/workload"
)

// route finds the response to a path: its own, or that of the longest path
// ending in / above it.
func (s ServerSpec) route(path string) (Route, bool) {
	if r, ok := s.Routes[path]; ok {
		return r, true
	}
	for end := len(path); end > 0; {
		end = strings.LastIndexByte(path[:end], '/')
		if end < 0 {
			break
		}
		if r, ok := s.Routes[path[:end+1]]; ok {
			return r, true
		}
	}
	return Route{}, false
}

// answer answers a request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	log := s.log.With("remote", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "protocol", r.Proto)
	if s.spec.old() {
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 // net/http answers in the version of its request
	}
	received, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		log.Warn("request's body", "received", received, "err", err)
		http.Error(w, "body: "+err.Error(), http.StatusBadRequest)
		return
	}
	status, sent, err := s.respond(w, r)
	log = log.With("status", status, "received", received, "sent", sent)
	if err != nil {
		log.Warn("response", "err", err)
		return
	}
	log.Info("response")
}

// respond writes the response; sent is the size of its body.
func (s *Server) respond(w http.ResponseWriter, r *http.Request) (status int, sent int64, err error) {
	route, found := s.spec.route(r.URL.Path)
	switch {
	case r.ProtoMajor == 1 && r.ProtoMinor == 0 && !s.spec.speaks(HTTP10):
		http.Error(w, "HTTP/1.0 is not spoken here", http.StatusHTTPVersionNotSupported)
		return http.StatusHTTPVersionNotSupported, 0, nil
	case !found:
		http.NotFound(w, r)
		return http.StatusNotFound, 0, nil
	case !route.allows(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="netlab", charset="UTF-8"`)
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return http.StatusUnauthorized, 0, nil
	}
	if err := s.wait(r, route.Delay); err != nil {
		return 0, 0, err
	}
	return route.write(w, r)
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
	for _, c := range t.Cookies {
		http.SetCookie(w, c)
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
