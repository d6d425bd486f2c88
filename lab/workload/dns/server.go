package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"

	dnslib "github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/singleflight"
)

// A Spec says what a name server is like.
type Spec struct {
	Port     int
	Records  []Record
	Hosts    map[string][]netip.Addr // what names stand for that records have as values without a type
	Upstream netip.AddrPort          // who is asked for all other names; zero: they do not exist
	TTL      time.Duration           // of the records, in whole seconds
}

// Options are what a server needs beside its spec.
type Options struct {
	Calls  *calls.Caller    // makes and records the sockets of TCP
	Log    slog.Handler     // nil: nothing is logged
	Listen string           // "host:port" in place of the spec's port at all addresses
	Now    func() time.Time // the cache's clock; nil for the system's
}

// maxTTL is the largest time to live (RFC 2181, section 8).
const maxTTL = (1<<31 - 1) * time.Second

// maxAsking is how many questions to the upstream are answered at a time;
// further ones get SERVFAIL.
const maxAsking = 256

// A Server is a running name server. Its owner stops it.
type Server struct {
	spec     Spec
	calls    *calls.Caller
	log      *slog.Logger
	records  *records
	cache    *cache
	asking   chan struct{}
	same     singleflight.Group // questions that are being asked of the upstream
	udp, tcp *dnslib.Server
	addr     net.Addr

	ctx    context.Context // ends when Stop begins
	cancel context.CancelFunc
	served sync.WaitGroup
}

// Start starts a server. When it returns, the server listens on UDP and TCP.
func Start(ctx context.Context, spec Spec, opts Options) (*Server, error) {
	s := &Server{spec: spec, calls: opts.Calls, log: slog.New(slog.DiscardHandler), asking: make(chan struct{}, maxAsking)}
	if opts.Log != nil {
		s.log = slog.New(opts.Log)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s.cache = newCache(opts.Now)
	if spec.TTL < 0 || spec.TTL > maxTTL || spec.Port < 0 || spec.Port > 65535 {
		return nil, fmt.Errorf("dns server: ttl %v or port %d is out of range", spec.TTL, spec.Port)
	}
	var err error
	if s.records, err = newRecords(spec.Records, spec.TTL, spec.Hosts); err != nil {
		return nil, fmt.Errorf("dns server: %w", err)
	}
	if err := s.listen(ctx, opts.Listen); err != nil {
		return nil, fmt.Errorf("dns server: %w", err)
	}
	return s, nil
}

// listen opens both sockets and waits until both are served.
func (s *Server) listen(ctx context.Context, addr string) error {
	if addr == "" {
		addr = net.JoinHostPort("", strconv.Itoa(s.spec.Port))
	}
	var config net.ListenConfig
	packets, err := config.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return err
	}
	s.addr = packets.LocalAddr() // with the port, where that was 0
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.Join(err, packets.Close())
	}
	_, port, err := net.SplitHostPort(s.addr.String())
	if err != nil {
		return errors.Join(err, packets.Close())
	}
	listener, err := s.calls.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return errors.Join(err, packets.Close())
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.udp = &dnslib.Server{PacketConn: packets, UDPSize: datagramSize, Handler: s, MsgInvalidFunc: s.rubbish}
	s.tcp = &dnslib.Server{Listener: netutil.LimitListener(listener, workload.MaxConnections), Handler: s, MsgInvalidFunc: s.rubbish}
	for _, server := range []*dnslib.Server{s.udp, s.tcp} {
		if err := s.serve(server); err != nil {
			return errors.Join(err, packets.Close(), listener.Close(), s.Stop(ctx))
		}
	}
	return nil
}

// serve starts to serve one of the sockets.
func (s *Server) serve(server *dnslib.Server) error {
	started, failed := make(chan struct{}), make(chan error, 1)
	server.NotifyStartedFunc = func() { close(started) }
	s.served.Go(func() {
		err := server.ActivateAndServe()
		failed <- err
		if err != nil && s.ctx.Err() == nil {
			s.log.Error("dns server ended", "err", err)
		}
	})
	select {
	case <-started:
		return nil
	case err := <-failed:
		return err
	}
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.addr }

// Stop closes the sockets and every connection, and waits for their end or
// that of ctx.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	var errs []error
	for _, server := range []*dnslib.Server{s.tcp, s.udp} {
		// "Not started" says that it had failed, which was logged.
		var failed *dnslib.Error
		if err := server.ShutdownContext(ctx); err != nil && !errors.As(err, &failed) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, workload.Join(ctx, s.served.Wait))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop dns server: %w", err)
	}
	return nil
}

// rubbish is told what came and is no message.
func (s *Server) rubbish(m []byte, err error) {
	s.log.Warn("no message", "bytes", len(m), "err", err)
}

// ServeDNS answers one question.
func (s *Server) ServeDNS(w dnslib.ResponseWriter, asked *dnslib.Msg) {
	reply := s.answer(asked)
	size := dnslib.MaxMsgSize
	_, datagram := w.LocalAddr().(*net.UDPAddr)
	if opt := asked.IsEdns0(); opt != nil {
		if opt.Version() != 0 { // RFC 6891, section 6.1.3
			reply = new(dnslib.Msg).SetRcode(asked, dnslib.RcodeBadVers)
		}
		reply.SetEdns0(datagramSize, false)
		if datagram {
			size = max(int(opt.UDPSize()), dnslib.MinMsgSize)
		}
	} else if datagram {
		size = dnslib.MinMsgSize
	}
	reply.Truncate(size)
	s.log.Info("answer", "to", w.RemoteAddr(), "question", questionText(asked), "rcode", dnslib.RcodeToString[reply.Rcode],
		"answers", len(reply.Answer), "authoritative", reply.Authoritative, "truncated", reply.Truncated)
	if err := w.WriteMsg(reply); err != nil && s.ctx.Err() == nil {
		s.log.Warn("answer", "to", w.RemoteAddr(), "err", err)
	}
}

func questionText(m *dnslib.Msg) string {
	if len(m.Question) == 0 {
		return ""
	}
	return m.Question[0].Name + " " + dnslib.TypeToString[m.Question[0].Qtype]
}

// answer returns the reply to a message.
func (s *Server) answer(asked *dnslib.Msg) *dnslib.Msg {
	reply := new(dnslib.Msg)
	if len(asked.Question) != 1 {
		return reply.SetRcode(asked, dnslib.RcodeFormatError)
	}
	reply.SetReply(asked)
	reply.RecursionAvailable = s.spec.Upstream.IsValid()
	if asked.Opcode != dnslib.OpcodeQuery {
		reply.Rcode = dnslib.RcodeNotImplemented
		return reply
	}
	q := asked.Question[0]
	if q.Qclass != dnslib.ClassINET || q.Qtype == dnslib.TypeAXFR || q.Qtype == dnslib.TypeIXFR {
		reply.Rcode = dnslib.RcodeRefused
		return reply
	}
	name := dnslib.CanonicalName(q.Name)
	answer, next, known := s.records.find(name, q.Qtype)
	reply.Answer, reply.Authoritative = answer, known
	switch {
	case next == "":
	case !s.spec.Upstream.IsValid():
		reply.Rcode, reply.Authoritative = dnslib.RcodeNameError, true
	case !asked.RecursionDesired:
		if !known {
			reply.Rcode = dnslib.RcodeRefused
		}
		return reply
	default:
		s.recurse(reply, question{next, q.Qtype})
		return reply
	}
	if len(reply.Answer) == 0 || reply.Rcode == dnslib.RcodeNameError {
		reply.Ns = []dnslib.RR{s.authority()}
	}
	return reply
}

// authority is the SOA that says how long it may be kept that there is
// nothing. A server of records has no zones: what it knows it knows of all
// names.
func (s *Server) authority() dnslib.RR {
	ttl := uint32(s.spec.TTL / time.Second)
	return &dnslib.SOA{
		Hdr: dnslib.RR_Header{Name: ".", Rrtype: dnslib.TypeSOA, Class: dnslib.ClassINET, Ttl: ttl},
		Ns:  "localhost.", Mbox: "nobody.localhost.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: ttl,
	}
}

// recurse adds what the upstream, or the memory of it, says.
func (s *Server) recurse(reply *dnslib.Msg, q question) {
	found := s.cache.get(q)
	if found == nil {
		var err error
		if found, err = s.askUpstream(q); err != nil {
			s.log.Warn("ask upstream", "name", q.name, "type", dnslib.TypeToString[q.kind], "err", err)
			reply.Rcode, reply.Answer = dnslib.RcodeServerFailure, nil
			return
		}
	}
	reply.Rcode, reply.Authoritative = found.Rcode, false
	reply.Answer = append(reply.Answer, found.Answer...)
	reply.Ns = found.Ns
}

var errBusy = errors.New("too many questions at a time")

// askUpstream asks the upstream and keeps the answer. Who asks what is being
// asked already waits for the same answer: so two servers that ask one another
// do not do so for ever.
func (s *Server) askUpstream(q question) (*dnslib.Msg, error) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		return nil, errBusy
	}
	found, err, _ := s.same.Do(q.name+" "+strconv.Itoa(int(q.kind)), func() (any, error) {
		// Between two tries of whoever asks: at the same time as one, it would
		// be taken for a new question.
		ctx, cancel := context.WithTimeoutCause(s.ctx, patience-try/2, errNoAnswer)
		defer cancel()
		reply, _, err := exchange(ctx, s.calls, s.spec.Upstream, q, false)
		if err == nil {
			s.cache.put(q, reply)
		}
		return reply, err
	})
	if err != nil {
		return nil, err
	}
	return found.(*dnslib.Msg).Copy(), nil
}
