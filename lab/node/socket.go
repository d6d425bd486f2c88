package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"netlab/lab/workload"
	"netlab/lab/workload/socket"
	"netlab/probes"
	"netlab/probes/calls"
	"netlab/scenarios"
)

// maxLogRecords bounds what one server may log.
const maxLogRecords = 100_000

// logHandler is where the servers of a node log: its log file.
func logHandler(server string) slog.Handler {
	text := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug})
	return workload.LimitLog(text.WithAttrs([]slog.Attr{slog.String("server", server)}), maxLogRecords)
}

func (a *agent) socketOptions(r ServeRequest) socket.ServerOptions {
	return socket.ServerOptions{Calls: a.calls.Caller(r.Server.Name), Log: logHandler(r.Server.Name)}
}

func (a *agent) startTCP(ctx context.Context, r ServeRequest) (stopper, error) {
	s := r.Server.TCP
	return socket.ServeTCP(ctx, socket.ServerSpec{
		Port: s.Port, Does: socket.Behaviour(s.Does), Script: s.Script, Close: closeOf(s.Close),
	}, a.socketOptions(r))
}

func (a *agent) startUDP(ctx context.Context, r ServeRequest) (stopper, error) {
	s := r.Server.UDP
	return socket.ServeUDP(ctx, socket.ServerSpec{
		Port: s.Port, Does: socket.Behaviour(s.Does), Script: s.Script,
	}, a.socketOptions(r))
}

// portOf returns the target, at another port if one is given.
func portOf(target netip.AddrPort, port int) netip.AddrPort {
	if port == 0 {
		return target
	}
	return netip.AddrPortFrom(target.Addr(), uint16(port))
}

// A tcpSession is a connection of a plain client, and who records its calls.
type tcpSession struct {
	tcp    *socket.TCPClient
	caller *calls.Caller
}

func (a *agent) openTCP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	c := r.Step.TCPConnect
	caller := a.calls.Caller(c.As)
	caller.SetStep(r.Step.Index)
	opened, err := socket.DialTCP(ctx, caller, portOf(r.Target, c.Port))
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &tcpSession{opened, caller}, probes.Step{}, nil
}

// step takes a step of the connection.
func (s *tcpSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	s.caller.SetStep(r.Step.Index)
	var result socket.Result
	var err error
	switch step := r.Step; {
	case step.TCPSend != nil:
		result, err = s.tcp.Send(ctx, payload(step.TCPSend.Content, step.TCPSend.Size))
	case step.TCPReceive != nil && bool(step.TCPReceive.ToEnd):
		result, err = s.tcp.ReceiveAll(ctx)
	case step.TCPReceive != nil && step.TCPReceive.Bytes > 0:
		result, err = s.tcp.Receive(ctx, int64(step.TCPReceive.Bytes))
	case step.TCPReceive != nil:
		result, err = s.tcp.ReceiveLine(ctx)
	case step.TCPClose != nil:
		err = s.tcp.Close(ctx, closeOf(step.TCPClose.Close))
	default:
		err = fmt.Errorf("a TCP connection cannot do %q", step.Verb)
	}
	return socketStep(result), err
}

// A udpSession is a socket of a plain client.
type udpSession struct{ udp *socket.UDPClient }

func (a *agent) openUDP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	opened, err := socket.DialUDP(ctx, portOf(r.Target, r.Step.UDPOpen.Port))
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &udpSession{opened}, probes.Step{}, nil
}

// step takes a step of the socket.
func (s *udpSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	var result socket.Result
	var err error
	switch step := r.Step; {
	case step.UDPSend != nil:
		result, err = s.udp.Send(ctx, payload(step.UDPSend.Content, step.UDPSend.Size))
	case step.UDPReceive != nil:
		result, err = s.udp.Receive(ctx)
	case step.UDPClose != nil:
		err = s.udp.Close()
	default:
		err = fmt.Errorf("a UDP socket cannot do %q", step.Verb)
	}
	return socketStep(result), err
}

// payload returns what a step sends.
func payload(content string, size scenarios.Size) io.Reader {
	if size > 0 {
		return workload.Generated(int64(size))
	}
	return strings.NewReader(content)
}

// socketStep is a result as the record has it.
func socketStep(r socket.Result) probes.Step {
	return probes.Step{Bytes: r.Bytes, SHA256: r.SHA256, Content: r.Content, Cut: r.Cut}
}
