package calls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
)

// securePair connects over loopback and returns both ends with TLS on them.
func securePair(t *testing.T, events *log, client, server *tls.Config) (c, s *calls.Secure) {
	t.Helper()
	recorder := calls.New("node", 7, events.emit)
	l := listen(t, recorder.Caller("web"), "127.0.0.1:0")
	conn, err := recorder.Caller("client").DialContext(t.Context(), "tcp", l.Addr().String(), calls.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.AcceptConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); accepted.Close() })
	for _, x := range []*calls.Conn{conn, accepted} {
		if err := x.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return conn.SecureClient(conn, client), accepted.SecureServer(accepted, server)
}

// ofTLS returns what was recorded of TLS, as "handshake 1.3".
func (l *log) ofTLS(workload string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, e := range l.events {
		if e.Call.Workload == workload && slices.Contains([]string{"handshake", "close_notify", "alert"}, e.Call.Name) {
			args, _, _ := strings.Cut(e.Call.Args, ": ")
			text := e.Call.Name + " " + args
			if e.Grade == probes.Inferred {
				text += " (inferred)"
			}
			found = append(found, text)
		}
	}
	return found
}

func TestSecureIsRecorded(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		name := calls.TLSVersion(version)
		for _, tt := range []struct {
			name           string
			do             func(t *testing.T, c, s *calls.Secure)
			trusted        bool
			client, server []string
		}{
			{
				name: "close_notify and FIN", trusted: true,
				do: func(t *testing.T, c, s *calls.Secure) {
					if err := errors.Join(c.CloseNotify(), c.CloseWrite()); err != nil {
						t.Error(err)
					}
					end(t, s, true)
					if err := errors.Join(s.CloseNotify(), s.Close()); err != nil {
						t.Error(err)
					}
					end(t, c, true)
				},
				client: []string{"handshake " + name, "close_notify sent", "close_notify received"},
				server: []string{"handshake " + name, "close_notify received", "close_notify sent"},
			},
			{
				name: "FIN alone", trusted: true,
				do: func(t *testing.T, c, s *calls.Secure) {
					c.Silent()
					if err := errors.Join(c.CloseNotify(), c.CloseWrite()); err != nil {
						t.Error(err)
					}
					end(t, s, false)
				},
				client: []string{"handshake " + name}, server: []string{"handshake " + name},
			},
			{
				name:   "certificate refused",
				do:     func(*testing.T, *calls.Secure, *calls.Secure) {},
				client: []string{"handshake failed", "alert sent bad_certificate"},
				server: []string{"handshake failed", "alert received bad_certificate"},
			},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				var events log
				certificate, roots := selfMade(t)
				config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1", MaxVersion: version}
				if tt.trusted {
					config.RootCAs = roots
				}
				c, s := securePair(t, &events, config, &tls.Config{Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true})
				served := make(chan error, 1)
				go func() { served <- s.Handshake(t.Context()) }()
				err := c.Handshake(t.Context())
				if other := <-served; (err == nil) != tt.trusted || (other == nil) != tt.trusted {
					t.Fatalf("handshakes: %v, %v", err, other)
				}
				tt.do(t, c, s)
				want := slices.Clone(tt.client)
				if !tt.trusted && version == tls.VersionTLS13 { // encrypted
					want[1] += " (inferred)"
				} else if !tt.trusted { // seen as it passed, before the handshake returned
					slices.Reverse(want)
					tt.server = slices.Clone(tt.server)
					slices.Reverse(tt.server)
				}
				if diff := cmp.Diff(want, events.ofTLS("client")); diff != "" {
					t.Errorf("client (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.server, events.ofTLS("web")); diff != "" {
					t.Errorf("server (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// end reads to the end of the stream.
func end(t *testing.T, s *calls.Secure, heard bool) {
	t.Helper()
	if _, err := io.ReadAll(s); err != nil {
		t.Error(err)
	}
	if s.Heard() != heard {
		t.Errorf("heard close_notify: %v, want %v", s.Heard(), heard)
	}
	if n, err := s.ReadBelow(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("below TLS: %d, %v; want the end", n, err)
	}
}

// selfMade makes a certificate for 127.0.0.1 that vouches for itself.
func selfMade(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
