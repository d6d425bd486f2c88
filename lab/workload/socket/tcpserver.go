package socket

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// copySize is what is moved at once: large enough for few events, small enough
// to be seen moving.
const copySize = 64 << 10

// maxLine bounds a line that a script expects, in bytes.
const maxLine = 64 << 10

// A TCPServer is a running server. Its owner stops it.
type TCPServer struct {
	spec     ServerSpec
	script   []scriptLine
	log      *slog.Logger
	acceptor *workload.Acceptor
}

// ServeTCP starts a server. When it returns, the server listens.
func ServeTCP(ctx context.Context, spec ServerSpec, opts ServerOptions) (*TCPServer, error) {
	script, err := spec.script()
	if err != nil {
		return nil, fmt.Errorf("tcp server: %w", err)
	}
	listener, err := opts.Calls.Listen(ctx, "tcp", opts.address(spec.Port))
	if err != nil {
		return nil, fmt.Errorf("tcp server: %w", err)
	}
	s := &TCPServer{spec: spec, script: script, log: opts.logger()}
	s.acceptor = workload.Accept(listener, s.log, s.handle)
	return s, nil
}

// Addr returns the address that the server listens on.
func (s *TCPServer) Addr() net.Addr { return s.acceptor.Addr() }

// Stop closes the listener and every connection, at once, and waits for their
// end or that of ctx.
func (s *TCPServer) Stop(ctx context.Context) error {
	if err := s.acceptor.Stop(ctx); err != nil {
		return fmt.Errorf("stop tcp server: %w", err)
	}
	return nil
}

// handle serves one connection.
func (s *TCPServer) handle(ctx context.Context, conn *calls.Conn) {
	var err error
	switch s.spec.Does {
	case Silent:
		<-ctx.Done()
		return
	case Scripted:
		err = s.follow(ctx, conn)
	case Sink:
		err = receiveAll(conn, func([]byte) error { return nil })
	default:
		err = receiveAll(conn, func(p []byte) error {
			_, err := conn.Write(p)
			return err
		})
	}
	log := s.log.With("remote", conn.RemoteAddr())
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("connection ended", "err", err)
		}
		_ = conn.Close() // there is no more to wait for
		return
	}
	if err := s.spec.Close.Do(ctx, conn, nil); err != nil && ctx.Err() == nil {
		log.Warn("close", "err", err)
	}
}

// receiveAll reads to the peer's FIN.
func receiveAll(conn *calls.Conn, take func([]byte) error) error {
	buf := make([]byte, copySize)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if err := take(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// follow goes through the script.
func (s *TCPServer) follow(ctx context.Context, conn *calls.Conn) error {
	lines := bufio.NewReaderSize(conn, maxLine)
	for i, line := range s.script {
		var err error
		switch line.verb {
		case verbSend:
			_, err = io.WriteString(conn, line.text)
		case verbExpect:
			err = expectLine(lines, line.text)
		case verbWait:
			wait(ctx, line.wait)
		case verbClose:
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d of the script: %w", i+1, err)
		}
	}
	return nil
}

// expectLine reads lines until one contains the text.
func expectLine(lines *bufio.Reader, text string) error {
	for {
		line, err := lines.ReadSlice('\n')
		if err == nil || errors.Is(err, io.EOF) {
			if bytes.Contains(line, []byte(text)) {
				return nil
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("expected %q, got a line of more than %d bytes", text, maxLine)
		case errors.Is(err, io.EOF):
			return fmt.Errorf("expected %q, got the end", text)
		case err != nil:
			return fmt.Errorf("expected %q: %w", text, err)
		}
	}
}

// wait waits: the script asks for this much time, there is nothing else that
// could be awaited.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
