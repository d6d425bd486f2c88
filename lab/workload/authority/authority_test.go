package authority

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// leaf parses a certificate.
func leaf(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		t.Fatalf("not one block of PEM: %q", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newAuthority(t *testing.T) (*Authority, *x509.CertPool) {
	t.Helper()
	a, err := New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.PEM()) {
		t.Fatal("the authority's certificate cannot be trusted")
	}
	return a, roots
}

// Each kind is refused for its own reason, and only good and revoked pass a
// verification that does not look at the list.
func TestKinds(t *testing.T) {
	a, roots := newAuthority(t)
	names, addrs := []string{"server", "www.lab.test"}, []netip.Addr{netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("fd77::2")}
	for _, tt := range []struct {
		kind Kind
		want string
	}{
		{Good, "trusted"},
		{Expired, "expired"},
		{WrongName, "other name"},
		{SelfSigned, "unknown authority"},
		{Revoked, "trusted"},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			identity, err := a.Issue(tt.kind, names, addrs)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tls.X509KeyPair(identity.Certificate, identity.Key); err != nil {
				t.Errorf("key does not fit: %v", err)
			}
			for _, name := range []string{"server", "www.lab.test", "10.77.0.2", "[fd77::2]"} {
				_, err := leaf(t, identity.Certificate).Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
				if got := outcome(err); got != tt.want {
					t.Errorf("for %s: %s (%v), want %s", name, got, err, tt.want)
				}
			}
		})
	}
}

func outcome(err error) string {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "expired"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "other name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "unknown authority"
	}
	if err == nil {
		return "trusted"
	}
	return "other"
}

func TestRevocations(t *testing.T) {
	a, _ := newAuthority(t)
	var want []string
	for _, kind := range Kinds() {
		identity, err := a.Issue(kind, []string{"server"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if kind == Revoked {
			want = append(want, leaf(t, identity.Certificate).SerialNumber.String())
		}
	}
	der, err := a.Revocations()
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(leaf(t, a.PEM())); err != nil {
		t.Error(err)
	}
	var got []string
	for _, entry := range list.RevokedCertificateEntries {
		got = append(got, entry.SerialNumber.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
}

func TestFiles(t *testing.T) {
	a, _ := newAuthority(t)
	files, err := a.Files([]string{"server"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.pem", "revoked.crl", "good.pem", "good.key", "expired.pem", "wrong_name.key", "self_signed.pem", "revoked.pem"} {
		if len(files[name]) == 0 {
			t.Errorf("no %s", name)
		}
	}
	if len(files) != 2+2*len(Kinds()) {
		t.Errorf("%d files", len(files))
	}
}

func TestUnknownKind(t *testing.T) {
	a, _ := newAuthority(t)
	if _, err := a.Issue("fine", nil, nil); err == nil {
		t.Error("issued a certificate of no kind")
	}
	if _, err := a.Issue(Good, []string{"ümlaut"}, nil); err == nil {
		t.Error("issued a certificate for a name that is not ASCII")
	}
}
