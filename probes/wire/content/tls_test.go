package content

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// A tap notes what one side of a pipe wrote, write by write.
type tap struct {
	net.Conn
	mu    *sync.Mutex
	order *[]seg
	make  func(data string) seg
}

func (c *tap) Write(b []byte) (int, error) {
	c.mu.Lock()
	*c.order = append(*c.order, c.make(string(b)))
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// session plays a TLS session of crypto/tls and returns its segments, each of
// at most size bytes.
func session(t testing.TB, client, server *tls.Config, size int) []byte {
	t.Helper()
	near, far := loopback(t)
	var mu sync.Mutex
	var order []seg
	left := &tap{near, &mu, &order, func(s string) seg { return fromClient(0, 0, s) }}
	right := &tap{far, &mu, &order, func(s string) seg { return fromServer(0, 0, s) }}
	server.Certificates, server.SessionTicketsDisabled = []tls.Certificate{certificate(t)}, true
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		c := tls.Server(right, server)
		b := make([]byte, 5)
		if _, err := io.ReadFull(c, b); err == nil {
			io.WriteString(c, "answer")
			c.CloseWrite()
		}
		io.Copy(io.Discard, c)
	}()
	c := tls.Client(left, client)
	if err := c.Handshake(); err == nil {
		io.WriteString(c, "hello")
		io.ReadAll(c)
		c.CloseWrite()
	}
	near.Close()
	<-done
	tp := newTape(t)
	next := map[string]uint32{"wire@client": 1, "wire@server": 1}
	tp.write(seg{tap: "wire@client", src: clientAt, dst: serverAt, flags: probes.SYN},
		seg{tap: "wire@server", src: serverAt, dst: clientAt, flags: probes.SYN | probes.ACK})
	for _, s := range order {
		for data := s.data; data != ""; {
			n := min(size, len(data))
			s.seq, s.data, data = next[s.tap], data[:n], data[n:]
			next[s.tap] += uint32(n)
			tp.write(s)
		}
	}
	return tp.bytes()
}

// loopback returns two ends of a connection that has room for what is written.
func loopback(t testing.TB) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"server.test", "www.server.test"},
		IPAddresses: []net.IP{net.IPv4(10, 77, 0, 2)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// told writes TLS events in short.
func told(events []probes.Event) []string {
	var out []string
	for _, e := range events {
		r := e.TLS
		if r == nil {
			continue
		}
		parts := []string{e.Node, r.Record, r.Version, r.Message, r.Alert}
		if r.Fatal {
			parts = append(parts, "fatal")
		}
		if r.Sealed {
			parts = append(parts, "sealed")
		}
		parts = append(parts, strings.Join(r.Names, ","), strings.Join(r.ALPN, ","), r.Cipher)
		out = append(out, strings.Join(strings.Fields(strings.Join(parts, " ")), " "))
	}
	return out
}

func TestTLS(t *testing.T) {
	trusting := func(min, max uint16) *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, ServerName: "server.test", MinVersion: min, MaxVersion: max, NextProtos: []string{"h2", "http/1.1"},
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, CurvePreferences: []tls.CurveID{tls.X25519}}
	}
	sealed := func(node string, n int) []string {
		var out []string
		for range n {
			out = append(out, node+" application_data 1.2 sealed")
		}
		return out
	}
	list := func(parts ...[]string) []string {
		var out []string
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	hello := "client handshake 1.0 client_hello server.test h2,http/1.1"
	for _, tt := range []struct {
		name           string
		client, server *tls.Config
		want           map[string][]string // by node
	}{
		{"1.3", trusting(0, tls.VersionTLS13), &tls.Config{NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true}, map[string][]string{
			"client": list([]string{hello, "client change_cipher_spec 1.2"}, sealed("client", 3)), // finished, data, close_notify
			"server": list([]string{"server handshake 1.3 server_hello TLS_AES_128_GCM_SHA256", "server change_cipher_spec 1.2"}, sealed("server", 6)),
		}},
		{"1.2", trusting(0, tls.VersionTLS12), &tls.Config{NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true}, map[string][]string{
			"client": {hello, "client handshake 1.2 client_key_exchange", "client change_cipher_spec 1.2", "client handshake 1.2 sealed",
				"client application_data 1.2 sealed", "client alert 1.2 sealed"},
			"server": {"server handshake 1.2 server_hello http/1.1 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
				"server handshake 1.2 certificate server.test,www.server.test,10.77.0.2", "server handshake 1.2 server_key_exchange",
				"server handshake 1.2 server_hello_done", "server change_cipher_spec 1.2", "server handshake 1.2 sealed",
				"server application_data 1.2 sealed", "server alert 1.2 sealed"},
		}},
		{"1.2, not trusted", &tls.Config{ServerName: "server.test", MaxVersion: tls.VersionTLS12}, &tls.Config{}, map[string][]string{
			"client": {"client handshake 1.0 client_hello server.test", "client alert 1.2 bad_certificate fatal"},
			"server": nil,
		}},
		{"no common version", trusting(tls.VersionTLS13, tls.VersionTLS13), &tls.Config{MaxVersion: tls.VersionTLS12}, map[string][]string{
			"client": {"client handshake 1.0 client_hello server.test h2,http/1.1"},
			"server": {"server alert 1.0 protocol_version fatal"},
		}},
		{"retried", trusting(tls.VersionTLS13, 0), &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}}, map[string][]string{"client": nil, "server": nil}},
	} {
		if tt.name == "retried" {
			tt.client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
			tt.server.CurvePreferences = []tls.CurveID{tls.CurveP256}
		}
		for _, size := range []int{1, 2, 5, 6, 7, 1448, 1 << 16} {
			t.Run(fmt.Sprint(tt.name, " ", size), func(t *testing.T) {
				got := map[string][]string{}
				events := readAll(t, session(t, tt.client.Clone(), tt.server.Clone(), size))
				for _, e := range events {
					got[e.Node] = append(got[e.Node], told([]probes.Event{e})...)
				}
				if tt.name == "retried" {
					if got["server"][0] != "server handshake 1.3 hello_retry_request TLS_AES_128_GCM_SHA256" || !strings.Contains(got["client"][2], "client_hello") {
						t.Errorf("%q", got)
					}
					// The server's own change_cipher_spec hides nothing either.
					if got["server"][2] != "server handshake 1.3 server_hello TLS_AES_128_GCM_SHA256" {
						t.Errorf("after the retry: %q", got["server"])
					}
					return
				}
				for node, want := range tt.want {
					if want == nil {
						continue
					}
					if diff := cmp.Diff(want, got[node]); diff != "" {
						t.Errorf("%s (-want +got)\n%s", node, diff)
					}
				}
			})
		}
	}
}

// records makes a stream of records.
func record(kind byte, body ...byte) string {
	b := append([]byte{kind, 3, 3}, binary.BigEndian.AppendUint16(nil, uint16(len(body)))...)
	return string(append(b, body...))
}

func message(kind byte, size int) []byte {
	return append([]byte{kind, byte(size >> 16), byte(size >> 8), byte(size)}, make([]byte, size)...)
}

func TestRecords(t *testing.T) {
	hello := record(22, message(1, 40)...)
	data := record(23, make([]byte, 30)...)
	for _, tt := range []struct {
		name string
		segs []string
		want []string
	}{
		{"after plain words", []string{"AUTH TLS\r\n", hello, data}, []string{"client handshake 1.2 client_hello", "client application_data 1.2 sealed"}},
		{"after plain words, in short segments", []string{"AUTH TLS\r\n", hello[:3], hello[3:6], hello[6:], data}, []string{"client handshake 1.2 client_hello", "client application_data 1.2 sealed"}},
		{"after what only seemed to begin", []string{"\x16", "\x16\x03", hello, data}, []string{"client handshake 1.2 client_hello", "client application_data 1.2 sealed"}},
		{"short segments of something else", []string{"\x16", "\x03\x03", "\x00\x05", "x", "y"}, nil},
		{"an alert alone, in two segments", []string{record(21, 2, 70)[:6], record(21, 2, 70)[6:]}, []string{"client alert 1.2 protocol_version fatal"}},
		{"an alert alone", []string{record(21, 2, 70)}, []string{"client alert 1.2 protocol_version fatal"}},
		{"a warning", []string{hello, record(21, 1, 0)}, []string{"client handshake 1.2 client_hello", "client alert 1.2 close_notify"}},
		{"an unknown alert", []string{hello, record(21, 2, 200)}, []string{"client handshake 1.2 client_hello", "client alert 1.2 200 fatal"}},
		{"no TLS", []string{"GET / HTTP/1.1\r\n\r\n"}, nil},
		{"TLS no more", []string{hello, "plain again", hello}, []string{"client handshake 1.2 client_hello"}},
		{"two in one record", []string{record(22, append(message(1, 4), message(14, 0)...)...)}, []string{"client handshake 1.2 client_hello", "client handshake 1.2 server_hello_done"}},
		{"one in two records", []string{record(22, message(1, 40)[:20]...), record(22, message(1, 40)[20:]...)}, []string{"client handshake 1.2 client_hello"}},
		{"too large", append([]string{record(22, append([]byte{1, 2, 0, 0}, make([]byte, 10000)...)...)}, record(22, make([]byte, 16000)...)),
			[]string{"client handshake 1.2 client_hello"}},
		{"many sealed", func() []string {
			segs := []string{hello}
			for range 100 {
				segs = append(segs, data)
			}
			return append(segs, record(23, make([]byte, 19)...))
		}(), func() []string {
			out := []string{"client handshake 1.2 client_hello"}
			for range maxTold + 1 {
				out = append(out, "client application_data 1.2 sealed")
			}
			return out
		}()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := newTape(t)
			next := uint32(1)
			for _, s := range tt.segs {
				tp.write(fromClient(next, 0, s))
				next += uint32(len(s))
			}
			events := readAll(t, tp.bytes())
			if diff := cmp.Diff(tt.want, told(events)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if tt.name == "many sealed" && events[len(events)-2].TLS.Len != 19 { // before the Found
				t.Errorf("the last is %+v", events[len(events)-2].TLS)
			}
		})
	}
}

// TLS that cannot be followed to its end is no evidence of what was not sent.
func TestUnread(t *testing.T) {
	hello := record(22, message(1, 40)...)
	for _, tt := range []struct {
		name string
		segs []string
		want bool
	}{
		{"followed", []string{hello, record(23, make([]byte, 30)...)}, false},
		{"no TLS", []string{"GET / HTTP/1.1\r\n\r\n"}, false},
		{"a spoiled head", []string{hello, "\x17\x07\x03\x00\x01x", record(21, 2, 70)}, true},
	} {
		tp := newTape(t).write(seg{tap: "wire@client", src: clientAt, dst: serverAt, flags: probes.SYN})
		next := uint32(1)
		for _, s := range tt.segs {
			tp.write(fromClient(next, 0, s))
			next += uint32(len(s))
		}
		events := readAll(t, tp.bytes(), "x")
		for _, e := range events {
			if f := e.Found; f != nil && f.Holes != (tt.want && f.Text == "") {
				t.Errorf("%s: %+v", tt.name, f)
			}
		}
	}
}

func FuzzTLS(f *testing.F) {
	f.Add([]byte(record(22, message(1, 40)...)+record(20, 1)+record(22, make([]byte, 40)...)+record(21, make([]byte, 26)...)), uint8(7))
	f.Add([]byte(record(21, 2, 70)), uint8(1))
	for _, kind := range []byte{1, 2, 11} {
		f.Add([]byte(record(22, message(kind, 200)...)), uint8(200))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		r := &tlsReader{emit: func(e probes.TLS, _ moment) {
			if e.Len < 0 || e.Len > maxRecord || len(e.Names) > maxNames || len(e.ALPN) > maxNames {
				t.Errorf("%+v", e)
			}
			for _, n := range append(e.Names, e.ALPN...) {
				if len(n) > 3*maxName || strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("name %q", n)
				}
			}
		}}
		for len(b) > 0 {
			n := min(int(size)+1, len(b))
			r.add(b[:n], moment{})
			if len(r.body) > maxRecord || len(r.message) > maxMessage+messageHead {
				t.Errorf("keeps %d and %d bytes", len(r.body), len(r.message))
			}
			b = b[n:]
		}
		r.finish()
	})
}

// Whatever a capture holds: no panic, no contradiction.
func FuzzRead(f *testing.F) {
	f.Add(newTape(f).write(fromClient(1, 0, "sec"), fromClient(4, 0, "ret"), fromServer(9, probes.FIN, "x")).bytes())
	f.Add(session(f, &tls.Config{InsecureSkipVerify: true}, &tls.Config{}, 1448))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Read(strings.NewReader(string(b)), Search{Texts: []string{"secret", "e"}, Owners: owners(), Time: stamp}, func(e probes.Event) {
			if f := e.Found; f != nil && (f.Count < 0 || f.Offset < 0 || len(f.Capture) > maxFrames || f.Count > 0 && len(f.Capture) == 0) {
				t.Errorf("%+v", f)
			}
			if e.TLS == nil && e.Found == nil || e.Source != probes.Wire || e.Grade != probes.Recorded {
				t.Errorf("%+v", e)
			}
		})
		_ = err // what is no capture is said to be none
	})
}
