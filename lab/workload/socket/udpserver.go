package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"netlab/lab/workload"

	"golang.org/x/sys/unix"
)

// maxDatagram is the largest payload of UDP in IPv6; in IPv4 it is 65507.
const maxDatagram = 65527

// A UDPServer is a running server. Its owner stops it. No calls of UDP are
// recorded: the record is about connections.
type UDPServer struct {
	spec   ServerSpec
	script []scriptLine
	log    *slog.Logger
	conn   *net.UDPConn
	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
}

// ServeUDP starts a server. When it returns, the server listens.
func ServeUDP(ctx context.Context, spec ServerSpec, opts ServerOptions) (*UDPServer, error) {
	script, err := spec.script()
	if err != nil {
		return nil, fmt.Errorf("udp server: %w", err)
	}
	var config net.ListenConfig
	packets, err := config.ListenPacket(ctx, "udp", opts.address(spec.Port))
	if err != nil {
		return nil, fmt.Errorf("udp server: %w", err)
	}
	s := &UDPServer{spec: spec, script: script, log: opts.logger(), conn: packets.(*net.UDPConn)}
	if err := tellDestination(s.conn); err != nil {
		return nil, fmt.Errorf("udp server: %w", errors.Join(err, packets.Close()))
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.served.Go(s.serve)
	return s, nil
}

// Addr returns the address that the server listens on.
func (s *UDPServer) Addr() net.Addr { return s.conn.LocalAddr() }

// Stop closes the socket and waits for the server's end or that of ctx.
func (s *UDPServer) Stop(ctx context.Context) error {
	s.cancel()
	err := s.conn.Close()
	if errors.Is(err, net.ErrClosed) { // it had failed
		err = nil
	}
	if err := errors.Join(err, workload.Join(ctx, s.served.Wait)); err != nil {
		return fmt.Errorf("stop udp server: %w", err)
	}
	return nil
}

// serve does what the spec says until the socket is closed.
func (s *UDPServer) serve() {
	var err error
	switch s.spec.Does {
	case Silent:
		<-s.ctx.Done()
		return
	case Scripted:
		if err = s.follow(); err == nil || s.ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
			if err != nil {
				s.log.Warn("script", "err", err)
			}
			err = s.swallow()
		}
	case Sink:
		err = s.swallow()
	default:
		err = s.echo()
	}
	if err != nil && s.ctx.Err() == nil {
		s.log.Error("udp server ended", "err", err)
	}
}

// swallow reads and drops.
func (s *UDPServer) swallow() error {
	for {
		if _, err := s.receive(); err != nil {
			return err
		}
	}
}

func (s *UDPServer) echo() error {
	for {
		d, err := s.receive()
		if err != nil {
			return err
		}
		if err := s.answer(d, d.payload); err != nil {
			return err
		}
	}
}

// follow goes through the script.
func (s *UDPServer) follow() error {
	var last *datagram
	for i, line := range s.script {
		var err error
		switch line.verb {
		case verbSend:
			if last == nil {
				err = errors.New("nobody to send to yet")
				break
			}
			err = s.answer(last, []byte(line.text))
		case verbExpect:
			if last, err = s.receive(); err == nil && !strings.Contains(string(last.payload), line.text) {
				err = fmt.Errorf("expected %q, got %.100q from %s", line.text, last.payload, last.from)
			}
		case verbWait:
			wait(s.ctx, line.wait)
		case verbClose:
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d of the script: %w", i+1, err)
		}
	}
	return nil
}

// A datagram is what came, from whom, and at which of our addresses.
type datagram struct {
	payload []byte
	from    *net.UDPAddr
	source  []byte // control message that makes an answer come from there
}

// receive waits for a datagram. What earlier answers brought (ICMP errors) is
// no concern of the server's.
func (s *UDPServer) receive() (*datagram, error) {
	buf, oob := make([]byte, maxDatagram), make([]byte, 128)
	for {
		n, oobn, _, from, err := s.conn.ReadMsgUDP(buf, oob)
		if err == nil {
			return &datagram{payload: buf[:n], from: from, source: sourceOf(oob[:oobn])}, nil
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			return nil, err
		}
	}
}

// answer sends a datagram back. That it cannot be sent is logged: as with any
// datagram that is lost, nobody else learns of it.
func (s *UDPServer) answer(d *datagram, payload []byte) error {
	_, _, err := s.conn.WriteMsgUDP(payload, d.source, d.from)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("answer", "to", d.from, "bytes", len(payload), "err", err)
		return nil
	}
	return err
}
