package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"

	"netlab/lab/workload"
)

// An oldTransport sends requests of HTTP/1.0 (RFC 1945), each over a
// connection of its own, which ends with the response.
type oldTransport struct {
	dial   func(ctx context.Context, addr string) (*conn, error)
	secure func(ctx context.Context, plain *conn, addr string) error
}

// RoundTrip sends a request and reads the response's head.
func (t *oldTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	ctx := request.Context()
	addr := request.URL.Host
	if request.URL.Port() == "" {
		addr = net.JoinHostPort(request.URL.Hostname(), map[string]string{"http": "80", "https": "443"}[request.URL.Scheme])
	}
	c, err := t.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if request.URL.Scheme == "https" {
		if err := t.secure(ctx, c, addr); err != nil {
			return nil, err
		}
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c})
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(workload.Past()) })
	response, err := exchange(c, request)
	if err != nil {
		stop()
		return nil, errors.Join(err, c.Close())
	}
	response.Close = true
	response.Body = &lastBody{ReadCloser: response.Body, conn: c, stop: stop}
	return response, nil
}

// exchange writes the request and reads the response's head.
func exchange(c *conn, request *http.Request) (*http.Response, error) {
	w := bufio.NewWriter(c)
	host := request.Host
	if host == "" {
		host = request.URL.Host
	}
	// Host came with 1.1; programs sent it long before.
	fmt.Fprintf(w, "%s %s HTTP/1.0\r\nHost: %s\r\n", request.Method, request.URL.RequestURI(), host)
	if request.Body != nil {
		fmt.Fprintf(w, "Content-Length: %d\r\n", request.ContentLength)
	}
	if err := request.Header.Write(w); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, "\r\n"); err != nil {
		return nil, err
	}
	if request.Body != nil {
		if _, err := io.Copy(w, request.Body); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	// A head that never ends would otherwise fill the memory.
	limited := &io.LimitedReader{R: c, N: maxHeader}
	response, err := http.ReadResponse(bufio.NewReader(limited), request)
	if err == nil {
		limited.N = 1 << 62
	}
	return response, err
}

// A lastBody is a body with whose end the connection is closed.
type lastBody struct {
	io.ReadCloser
	conn *conn
	stop func() bool
}

// Close closes the connection in its style.
func (b *lastBody) Close() error {
	defer b.stop()
	err := errors.Join(b.ReadCloser.Close(), b.conn.Close())
	if errors.Is(err, io.ErrUnexpectedEOF) { // read again by the body's Close; told before
		return nil
	}
	return err
}
