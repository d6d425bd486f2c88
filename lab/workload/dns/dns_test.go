package dns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
	dnslib "github.com/miekg/dns"
)

// A record of a test's servers: what they logged, which calls they made.
type witness struct {
	mu    sync.Mutex
	log   bytes.Buffer
	calls []string
}

func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *witness) caller(name string) *calls.Caller {
	return calls.New("node", 0, func(e probes.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls = append(w.calls, e.Call.Workload+" "+e.Call.Name)
	}).Caller(name)
}

// answers returns how many questions a server has logged to have answered.
func (w *witness) answers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.log.String(), "msg=answer")
}

// serve starts a server that the test's end stops.
func serve(t *testing.T, spec Spec, now func() time.Time) (*witness, netip.AddrPort) {
	t.Helper()
	w := &witness{}
	s, err := Start(t.Context(), spec, Options{Calls: w.caller("server"), Log: slog.NewTextHandler(w, nil), Listen: "127.0.0.1:0", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return w, netip.MustParseAddrPort(s.Addr().String())
}

var hosts = map[string][]netip.Addr{
	"server": {netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("fd77::2")},
}

func labRecords() []Record {
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("10.1.0.%d", i+1))
	}
	return []Record{
		{Name: "www.lab.test", Values: []string{"server"}},
		{Name: "alias.lab.test.", Type: "CNAME", Values: []string{"www.lab.test"}},
		{Name: "away.lab.test", Type: "CNAME", Values: []string{"www.other.test"}},
		{Name: "round.lab.test", Type: "CNAME", Values: []string{"round.lab.test"}},
		{Name: "lab.test", Type: "MX", Values: []string{"10 mail.lab.test"}},
		{Name: "lab.test", Type: "TXT", Values: []string{`two  words and "quotes"`, `"a" "b"`}},
		{Name: "_smtp._tcp.lab.test", Type: "SRV", Values: []string{"0 5 25 mail.lab.test."}},
		{Name: "2.0.77.10.in-addr.arpa", Type: "PTR", Values: []string{"www.lab.test"}},
		{Name: "many.lab.test", Type: "A", Values: many},
		{Name: "mail.lab.test", Values: []string{"10.77.0.9"}},
	}
}

func TestLookup(t *testing.T) {
	_, addr := serve(t, Spec{Records: labRecords(), Hosts: hosts, TTL: time.Minute}, nil)
	tests := []struct {
		name, kind string
		want       []string
		status     string // other than NOERROR
	}{
		{"www.lab.test", "A", []string{"www.lab.test. 60 IN A 10.77.0.2"}, ""},
		{"WWW.Lab.Test.", "AAAA", []string{"www.lab.test. 60 IN AAAA fd77::2"}, ""},
		{"alias.lab.test", "A", []string{"alias.lab.test. 60 IN CNAME www.lab.test.", "www.lab.test. 60 IN A 10.77.0.2"}, ""},
		{"alias.lab.test", "CNAME", []string{"alias.lab.test. 60 IN CNAME www.lab.test."}, ""},
		{"away.lab.test", "A", []string{"away.lab.test. 60 IN CNAME www.other.test."}, "NXDOMAIN"},
		{"lab.test", "MX", []string{"lab.test. 60 IN MX 10 mail.lab.test."}, ""},
		{"lab.test", "TXT", []string{`lab.test. 60 IN TXT "two  words and \"quotes\""`, `lab.test. 60 IN TXT "a" "b"`}, ""},
		{"_smtp._tcp.lab.test", "SRV", []string{"_smtp._tcp.lab.test. 60 IN SRV 0 5 25 mail.lab.test."}, ""},
		{"2.0.77.10.in-addr.arpa", "PTR", []string{"2.0.77.10.in-addr.arpa. 60 IN PTR www.lab.test."}, ""},
		{"www.lab.test", "MX", nil, ""}, // no such data
		{"_tcp.lab.test", "A", nil, ""}, // a name with names below it exists
		{"test", "NS", nil, ""},         //
		{"nope.lab.test", "A", nil, "NXDOMAIN"},
		{"www.nope.test", "A", nil, "NXDOMAIN"},
	}
	for _, tt := range tests {
		for _, tcp := range []bool{false, true} {
			w := &witness{}
			got, err := Lookup(t.Context(), w.caller("client"), addr, tt.name, tt.kind, tcp)
			var refused *StatusError
			if errors.As(err, &refused) != (tt.status != "") || err != nil && (refused == nil || refused.Status != tt.status) {
				t.Errorf("%s %s: %v, want status %q", tt.name, tt.kind, err, tt.status)
			}
			if diff := cmp.Diff(tt.want, got.Lines); diff != "" || !got.Authoritative || got.TCP != tcp || got.Cut {
				t.Errorf("%s %s: %+v (-want +got):\n%s", tt.name, tt.kind, got, diff)
			}
			if (len(w.calls) > 0) != tcp {
				t.Errorf("%s %s: calls %q, TCP %t", tt.name, tt.kind, w.calls, tcp)
			}
		}
	}
	if got, err := Lookup(t.Context(), (&witness{}).caller("client"), addr, "round.lab.test", "A", false); err != nil || len(got.Lines) != maxChain {
		t.Errorf("a CNAME to itself: %d lines, %v", len(got.Lines), err)
	}
}

// What does not fit into a datagram is fetched over TCP.
func TestTruncation(t *testing.T) {
	_, addr := serve(t, Spec{Records: labRecords(), Hosts: hosts}, nil)
	w := &witness{}
	got, err := Lookup(t.Context(), w.caller("client"), addr, "many.lab.test", "A", false)
	if err != nil || len(got.Lines) != 100 || !got.Cut || !got.TCP {
		t.Errorf("%d lines, cut %t, TCP %t, %v", len(got.Lines), got.Cut, got.TCP, err)
	}
	if diff := cmp.Diff([]string{"client connect", "client send"}, w.calls[:2]); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		name  string
		edns  uint16
		bytes int
		cut   bool
	}{{"no EDNS", 0, 512, true}, {"too small", 100, 512, true}, {"small", 1000, 1000, true}, {"large", 4096, 4096, false}} {
		m := new(dnslib.Msg).SetQuestion("many.lab.test.", dnslib.TypeA)
		if tt.edns > 0 {
			m.SetEdns0(tt.edns, false)
		}
		reply, _, err := (&dnslib.Client{UDPSize: 65535}).Exchange(m, addr.String())
		if err != nil {
			t.Fatal(err)
		}
		reply.Compress = true // as it was
		if reply.Truncated != tt.cut || reply.Len() > tt.bytes || (reply.IsEdns0() != nil) != (tt.edns > 0) {
			t.Errorf("%s: %d bytes, TC %t, want at most %d, %t", tt.name, reply.Len(), reply.Truncated, tt.bytes, tt.cut)
		}
	}
}

// A clock that a test sets.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestResolver(t *testing.T) {
	upstream, up := serve(t, Spec{Records: labRecords(), Hosts: hosts, TTL: time.Minute}, nil)
	clock := &testClock{t: time.Unix(1e9, 0)}
	_, addr := serve(t, Spec{
		Upstream: up, TTL: 5 * time.Minute,
		Records: []Record{
			{Name: "own.test", Type: "A", Values: []string{"10.0.0.1"}},
			{Name: "there.test", Type: "CNAME", Values: []string{"www.lab.test"}},
		},
	}, clock.now)
	look := func(name, kind string, ttl string, asked int) {
		t.Helper()
		got, err := Lookup(t.Context(), (&witness{}).caller("client"), addr, name, kind, false)
		var refused *StatusError
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		last := got.Status
		if len(got.Lines) > 0 {
			last = strings.Fields(got.Lines[len(got.Lines)-1])[1]
		}
		if n := upstream.answers(); last != ttl || n != asked {
			t.Errorf("%s %s: %s, %d questions to the upstream; want %s, %d", name, kind, last, n, ttl, asked)
		}
	}
	look("own.test", "A", "300", 0)
	look("own.test", "MX", "NOERROR", 0) // it has the name: nobody else is asked
	look("www.lab.test", "A", "60", 1)
	clock.forward(45 * time.Second)
	look("www.lab.test", "A", "15", 1)
	look("WWW.lab.test", "A", "15", 1)
	look("there.test", "A", "15", 1)
	look("nope.test", "A", "NXDOMAIN", 2)
	look("nope.test", "A", "NXDOMAIN", 2)
	look("www.lab.test", "TXT", "NOERROR", 3)
	look("www.lab.test", "TXT", "NOERROR", 3)
	clock.forward(15 * time.Second)
	look("www.lab.test", "A", "60", 4)
	clock.forward(time.Minute)
	look("nope.test", "A", "NXDOMAIN", 5)
	look("many.lab.test", "A", "60", 7) // cut short over UDP, then TCP
}

// Two resolvers that ask one another give up, and do not do so for ever.
func TestLoop(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	second := netip.MustParseAddrPort(l.LocalAddr().String())
	w, first := serve(t, Spec{Upstream: second}, nil)
	l.Close()
	s, err := Start(t.Context(), Spec{Upstream: first}, Options{Calls: w.caller("second"), Log: slog.NewTextHandler(w, nil), Listen: second.String()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop(t.Context())
	_, err = Lookup(t.Context(), w.caller("client"), first, "nope.test", "A", false)
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Status != "SERVFAIL" {
		t.Errorf("%v, want SERVFAIL", err)
	}
	if n := w.answers(); n > 20 {
		t.Errorf("%d answers for one question", n)
	}
}

func TestUpstreamIsNotThere(t *testing.T) {
	_, addr := serve(t, Spec{Upstream: netip.MustParseAddrPort("127.0.0.1:1")}, nil)
	_, err := Lookup(t.Context(), (&witness{}).caller("client"), addr, "x.test", "A", false)
	if err == nil || err.Error() != "x.test. A: SERVFAIL" {
		t.Errorf("%v, want SERVFAIL", err)
	}
	_, err = Lookup(t.Context(), (&witness{}).caller("client"), netip.MustParseAddrPort("127.0.0.1:1"), "x.test", "A", false)
	if err == nil || err.Error() != "look up x.test A: receive: ECONNREFUSED (connection refused)" {
		t.Errorf("%v, want ECONNREFUSED", err)
	}
}

// Rubbish neither ends the server nor is answered with an answer.
func TestRubbish(t *testing.T) {
	_, addr := serve(t, Spec{Records: labRecords(), Hosts: hosts}, nil)
	udp, err := net.Dial("udp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	header := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	for _, m := range []string{"", "x", header, header + "\x05ab", header + strings.Repeat("\xc0\x0c", 40),
		header + "\x3f" + strings.Repeat("a", 63) + "\x00\x00\xff\x00\xff", strings.Repeat("\xff", 4000)} {
		if _, err := udp.Write([]byte(m)); err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(tcp, "%c%c%s", len(m)>>8, len(m)&0xff, m)
		tcp.Close()
	}
	for _, tt := range []struct {
		name string
		ask  func(*dnslib.Msg)
		want int
	}{
		{"another class", func(m *dnslib.Msg) { m.Question[0].Qclass = dnslib.ClassCHAOS }, dnslib.RcodeRefused},
		{"a zone", func(m *dnslib.Msg) { m.Question[0].Qtype = dnslib.TypeAXFR }, dnslib.RcodeRefused},
		{"a notice", func(m *dnslib.Msg) { m.Opcode = dnslib.OpcodeNotify }, dnslib.RcodeNotImplemented},
		{"an update", func(m *dnslib.Msg) { m.Opcode = dnslib.OpcodeUpdate }, dnslib.RcodeNotImplemented},
		{"two questions", func(m *dnslib.Msg) { m.Question = append(m.Question, m.Question[0]) }, dnslib.RcodeFormatError},
		{"EDNS of the future", func(m *dnslib.Msg) { m.SetEdns0(1232, false).IsEdns0().SetVersion(9) }, dnslib.RcodeBadVers},
		{"a sound question", func(*dnslib.Msg) {}, dnslib.RcodeSuccess},
	} {
		m := new(dnslib.Msg).SetQuestion("www.lab.test.", dnslib.TypeA)
		tt.ask(m)
		reply, _, err := new(dnslib.Client).Exchange(m, addr.String())
		if err != nil || reply.Rcode != tt.want {
			t.Errorf("%s: %v, %v; want rcode %d", tt.name, reply, err, tt.want)
		}
	}
}

// A server that answers nonsense is waited out; its nonsense is not believed.
func TestHostileServer(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	defer served.Wait()
	defer l.Close()
	served.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := l.ReadFrom(buf)
			if err != nil {
				return
			}
			ask := new(dnslib.Msg)
			if ask.Unpack(buf[:n]) != nil {
				continue
			}
			for _, spoil := range []func(*dnslib.Msg){
				func(m *dnslib.Msg) { m.Id++ }, func(m *dnslib.Msg) { m.Response = false },
				func(m *dnslib.Msg) { m.Question[0].Name = "evil.test." }, func(m *dnslib.Msg) { m.Question = nil },
			} {
				reply := new(dnslib.Msg).SetReply(ask)
				spoil(reply)
				if p, err := reply.Pack(); err == nil {
					l.WriteTo(p, from)
				}
			}
			l.WriteTo([]byte("rubbish"), from)
			l.WriteTo([]byte("\x00\x00 more rubbish than a header"), from)
		}
	})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("no answer within 50ms"))
	defer cancel()
	got, err := Lookup(ctx, (&witness{}).caller("client"), netip.MustParseAddrPort(l.LocalAddr().String()), "www.lab.test", "A", false)
	if err == nil || err.Error() != "look up www.lab.test A: receive: no answer within 50ms" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	clock := &testClock{t: time.Unix(1e9, 0)}
	c := newCache(clock.now)
	reply := func(ttl uint32) *dnslib.Msg {
		rr, _ := dnslib.NewRR(fmt.Sprintf("x. %d IN A 10.0.0.1", ttl))
		return &dnslib.Msg{Answer: []dnslib.RR{rr}}
	}
	c.put(question{"short.", 1}, reply(1))
	for i := range maxEntries * 2 {
		c.put(question{fmt.Sprintf("n%d.", i), 1}, reply(uint32(100+i)))
	}
	if len(c.entries) != maxEntries || c.get(question{"short.", 1}) != nil || c.get(question{"n1999.", 1}) == nil {
		t.Errorf("%d entries", len(c.entries))
	}
	c.put(question{"never.", 1}, reply(0))
	c.put(question{"failed.", 1}, &dnslib.Msg{MsgHdr: dnslib.MsgHdr{Rcode: dnslib.RcodeServerFailure}})
	c.put(question{"empty.", 1}, &dnslib.Msg{})
	for _, name := range []string{"never.", "failed.", "empty."} {
		if c.get(question{name, 1}) != nil {
			t.Errorf("%s is kept", name)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	tests := []struct {
		name   string
		record Record
		want   string
	}{
		{"name", Record{Name: "a..b", Type: "A", Values: []string{"10.0.0.1"}}, "no domain name"},
		{"no name", Record{Values: []string{"10.0.0.1"}}, "no domain name"},
		{"type", Record{Name: "a", Type: "SOA", Values: []string{"x"}}, `type "SOA" is none of`},
		{"address", Record{Name: "a", Type: "A", Values: []string{"fd77::1"}}, "A \"fd77::1\""},
		{"host", Record{Name: "a", Values: []string{"nowhere"}}, "neither an address nor a host"},
		{"two lines", Record{Name: "a", Type: "A", Values: []string{"10.0.0.1\n$INCLUDE /etc/passwd"}}, "control character"},
		{"another's record", Record{Name: "a", Type: "MX", Values: []string{"mail"}}, "MX \"mail\""},
		{"nothing", Record{Name: "a", Type: "A", Values: []string{""}}, "A \"\""},
		{"comment", Record{Name: "a", Type: "A", Values: []string{"; no"}}, "A \"; no\""},
	}
	for _, tt := range tests {
		_, err := Start(t.Context(), Spec{Records: []Record{tt.record}}, Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	both := []Record{{Name: "a", Type: "CNAME", Values: []string{"b"}}, {Name: "A.", Type: "A", Values: []string{"10.0.0.1"}}}
	if _, err := Start(t.Context(), Spec{Records: both}, Options{}); err == nil || !strings.Contains(err.Error(), "nothing else") {
		t.Errorf("a CNAME with company: %v", err)
	}
}

// Values of records come from whoever wrote the scenario.
func FuzzParseRR(f *testing.F) {
	for _, kind := range types() {
		f.Add(kind, "10 a.b.test")
	}
	f.Add("TXT", `"a" \`)
	f.Add("A", "(")
	f.Fuzz(func(t *testing.T, kind, value string) {
		rr, err := parseRR("x.", 1, kind, value)
		if (rr == nil) == (err == nil) {
			t.Errorf("%s %q: %v, %v", kind, value, rr, err)
		}
	})
}
