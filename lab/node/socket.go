package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"strings"
	"time"

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

// A tcpSession is a connection of a plain client, or one that a tcp.accept
// step has taken. It bears several steps at once.
type tcpSession struct{ tcp *socket.TCPClient }

func (a *agent) openTCP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	c := r.Step.TCPConnect
	dial := socket.Dial{FromPort: uint16(c.FromPort), Options: optionsOf(c.SocketOptions)}
	if c.ISN != nil {
		if *c.ISN > math.MaxUint32 {
			return nil, probes.Step{}, fmt.Errorf("initial sequence number %d is greater than %d", *c.ISN, uint32(math.MaxUint32))
		}
		dial.ISN = new(uint32(*c.ISN))
	}
	target := portOf(r.Target, c.Port)
	opened, err := socket.NewTCP(a.callerOf(&r.Step), target.Addr(), dial)
	if err != nil {
		return nil, probes.Step{}, err
	}
	// It can be closed while it connects.
	session := &tcpSession{opened}
	a.remember(r.Step, session)
	connect := func() error { return opened.Connect(ctx, target) }
	if c.NonBlocking {
		connect = func() error { return opened.StartConnect(target) }
	}
	if err := connect(); err != nil {
		a.forget(r.Step)
		return nil, probes.Step{}, err
	}
	return session, probes.Step{}, nil
}

// step takes a step of the connection.
func (s *tcpSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	tcp := s.tcp.At(r.Step.Index)
	var result socket.Result
	var err error
	switch step := r.Step; {
	case step.TCPSend != nil && bool(step.TCPSend.More):
		result, err = tcp.SendMore(ctx, payload(step.TCPSend.Content, step.TCPSend.Size))
	case step.TCPSend != nil:
		result, err = tcp.Send(ctx, payload(step.TCPSend.Content, step.TCPSend.Size))
	case step.TCPReceive != nil:
		result, err = receive(ctx, tcp, step.TCPReceive)
	case step.TCPShutdown != nil:
		err = tcp.Shutdown(calls.Half(step.TCPShutdown.Half))
	case step.TCPReopen != nil:
		err = reopen(tcp, &r)
	case step.TCPOption != nil:
		err = tcp.SetOptions(optionsOf(step.TCPOption.SocketOptions))
	case step.TCPClose != nil:
		err = tcp.Close(ctx, closeOf(step.TCPClose.Close))
	default:
		err = fmt.Errorf("a TCP connection cannot do %q", step.Verb)
	}
	return socketStep(result), err
}

// reopenBacklog is the backlog of a socket that is to listen once more.
const reopenBacklog = 4096

// reopen opens a socket that is open already.
func reopen(socket interface {
	Reopen(target netip.AddrPort) error
	Relisten(backlog int) error
}, r *StepRequest,
) error {
	if r.Step.TCPReopen.Call == scenarios.CallListen {
		return socket.Relisten(reopenBacklog)
	}
	return socket.Reopen(r.Target)
}

func receive(ctx context.Context, tcp *socket.TCPClient, r *scenarios.TCPReceive) (socket.Result, error) {
	switch {
	case bool(r.ToEnd):
		return tcp.ReceiveAll(ctx)
	case bool(r.Peek):
		return tcp.Peek(ctx, max(int64(r.Bytes), 1))
	case r.Bytes > 0:
		return tcp.Receive(ctx, int64(r.Bytes))
	}
	return tcp.ReceiveLine(ctx)
}

// A listenSession is a socket that listens.
type listenSession struct{ listener *socket.TCPListener }

func (a *agent) openListener(r StepRequest) (client, probes.Step, error) {
	l := r.Step.TCPListen
	opened, err := socket.ListenTCP(a.callerOf(&r.Step), uint16(l.Port), l.Backlog, optionsOf(l.SocketOptions))
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &listenSession{opened}, probes.Step{}, nil
}

// step takes a step of the listener.
func (s *listenSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	listener := s.listener.At(r.Step.Index)
	switch step := r.Step; {
	case step.TCPShutdown != nil:
		return probes.Step{}, listener.Shutdown(calls.Half(step.TCPShutdown.Half))
	case step.TCPReopen != nil:
		return probes.Step{}, reopen(listener, &r)
	case step.TCPOption != nil:
		return probes.Step{}, listener.SetOptions(optionsOf(step.TCPOption.SocketOptions))
	case step.TCPClose != nil:
		return probes.Step{}, listener.Close(ctx, closeOf(step.TCPClose.Close))
	}
	return probes.Step{}, fmt.Errorf("a socket that listens cannot do %q", r.Step.Verb)
}

// acceptTCP takes a connection of a listener.
func (a *agent) acceptTCP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	accept := r.Step.TCPAccept
	session, err := a.session(accept.Listener)
	if err != nil {
		return nil, probes.Step{}, err
	}
	l, ok := session.(*listenSession)
	if !ok {
		return nil, probes.Step{}, fmt.Errorf("session %q is no socket that listens", accept.Listener)
	}
	taken, err := l.listener.At(r.Step.Index).Accept(ctx, a.callerOf(&r.Step), optionsOf(accept.SocketOptions))
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &tcpSession{taken}, probes.Step{}, nil
}

// optionsOf says in the workload's words what the scenario says in its own.
func optionsOf(o scenarios.SocketOptions) socket.Options {
	options := socket.Options{
		NoDelay: (*bool)(o.NoDelay), Cork: (*bool)(o.Cork), QuickAck: (*bool)(o.QuickAck), FastOpen: (*bool)(o.FastOpen),
		UserTimeout: durationOf(o.UserTimeout), Linger: durationOf(o.Linger),
		OrphanTimeout: durationOf(o.OrphanTimeout), DeferAccept: durationOf(o.DeferAccept),
		ReceiveBuffer: sizeOf(o.ReceiveBuffer), SendBuffer: sizeOf(o.SendBuffer), MaxSegment: o.MaxSegment,
	}
	if k := o.KeepAlive; k != nil {
		options.KeepAlive = &socket.KeepAlive{Idle: k.Idle.Duration, Interval: k.Interval.Duration, Probes: k.Probes}
	}
	return options
}

func durationOf(d *scenarios.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	return &d.Duration
}

// sizeOf is a size as the kernel takes it, 2 GiB at most.
func sizeOf(s *scenarios.Size) *int {
	if s == nil {
		return nil
	}
	return new(int(min(*s, math.MaxInt32)))
}

// A udpSession is a UDP socket.
type udpSession struct{ udp *socket.UDPClient }

func (a *agent) openUDP(r StepRequest) (client, probes.Step, error) {
	u := r.Step.UDPOpen
	opened, err := socket.DialUDP(a.callerOf(&r.Step), uint16(u.FromPort), portOf(r.Target, u.Port))
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &udpSession{opened}, probes.Step{}, nil
}

func (a *agent) bindUDP(r StepRequest) (client, probes.Step, error) {
	b := r.Step.UDPBind
	opened, err := socket.BindUDP(a.callerOf(&r.Step), uint16(b.Port))
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &udpSession{opened}, probes.Step{}, nil
}

// step takes a step of the socket.
func (s *udpSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	udp := s.udp.At(r.Step.Index)
	var result socket.Result
	var err error
	switch step := r.Step; {
	case step.UDPSend != nil:
		result, err = sendDatagrams(ctx, udp, step.UDPSend)
	case step.UDPReceive != nil:
		result, err = udp.Receive(ctx)
	case step.UDPClose != nil:
		err = udp.Close()
	default:
		err = fmt.Errorf("a UDP socket cannot do %q", step.Verb)
	}
	return socketStep(result), err
}

// sendDatagrams sends a datagram as often as the step says. The result is that
// of the last, with the bytes of all.
func sendDatagrams(ctx context.Context, udp *socket.UDPClient, x *scenarios.UDPSend) (socket.Result, error) {
	var all int64
	for i := 1; ; i++ {
		result, err := udp.Send(ctx, payload(x.Content, x.Size))
		all += result.Bytes
		result.Bytes = all
		if err != nil || i >= x.Times {
			return result, err
		}
	}
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
