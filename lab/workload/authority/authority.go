package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A Kind is a kind of certificate.
type Kind string

// The kinds. Clients of the lab must refuse all but Good, each for a reason of
// its own; Revoked only if they look at the revocation list.
const (
	Good       Kind = "good"
	Expired    Kind = "expired"     // was valid until yesterday
	WrongName  Kind = "wrong_name"  // for another host
	SelfSigned Kind = "self_signed" // vouches for itself: not of this authority
	Revoked    Kind = "revoked"     // good, but on the revocation list
)

// Kinds lists the kinds, in the order of their documentation.
func Kinds() []Kind { return []Kind{Good, Expired, WrongName, SelfSigned, Revoked} }

// Elsewhere is the host that certificates of kind WrongName are for. It is in
// the domain that RFC 2606 keeps free.
const Elsewhere = "elsewhere.invalid"

// day is how long before and after its making a certificate is valid. Nodes of
// one lab share a wall clock; programs may be strict about the first second.
const day = 24 * time.Hour

// An Authority issues certificates. It is safe for concurrent use.
type Authority struct {
	now  time.Time
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu      sync.Mutex
	revoked []x509.RevocationListEntry
}

// An Identity is a certificate with its key. The key is a secret.
type Identity struct {
	Certificate []byte // PEM
	Key         []byte // PEM, PKCS #8
}

// New makes an authority whose certificates are about the time now.
func New(now time.Time) (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := template("netlab lab authority", now)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.NotBefore = now.Add(-30 * day) // older than an expired certificate
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign authority's own certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read authority's own certificate: %w", err)
	}
	return &Authority{now: now, cert: cert, key: key}, nil
}

// PEM returns the authority's certificate, for clients to trust.
func (a *Authority) PEM() []byte { return certificatePEM(a.cert.Raw) }

// Issue makes a certificate of a kind for host names and addresses.
func (a *Authority) Issue(kind Kind, names []string, addrs []netip.Addr) (Identity, error) {
	if !slices.Contains(Kinds(), kind) {
		return Identity{}, fmt.Errorf("issue certificate: kind %q is none of %v", kind, Kinds())
	}
	if kind == WrongName {
		names, addrs = []string{Elsewhere}, nil
	}
	identity, err := a.issue(kind, names, addrs)
	if err != nil {
		return Identity{}, fmt.Errorf("issue %s certificate for %v: %w", kind, names, err)
	}
	return identity, nil
}

func (a *Authority) issue(kind Kind, names []string, addrs []netip.Addr) (Identity, error) {
	key, err := newKey()
	if err != nil {
		return Identity{}, err
	}
	subject := "netlab" // where all names are addresses
	if len(names) > 0 {
		subject = names[0]
	}
	t, err := template(subject, a.now)
	if err != nil {
		return Identity{}, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.BasicConstraintsValid = true
	t.DNSNames = names
	for _, addr := range addrs {
		t.IPAddresses = append(t.IPAddresses, net.IP(addr.Unmap().AsSlice()))
	}
	parent, signer := a.cert, a.key
	switch kind {
	case Expired:
		t.NotBefore, t.NotAfter = a.now.Add(-8*day), a.now.Add(-day)
	case SelfSigned:
		parent, signer = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return Identity{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Identity{}, err
	}
	if kind == Revoked {
		a.revoke(t.SerialNumber)
	}
	return Identity{
		Certificate: certificatePEM(der),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}

func (a *Authority) revoke(serial *big.Int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = append(a.revoked, x509.RevocationListEntry{
		SerialNumber: serial, RevocationTime: a.now.Add(-time.Hour), ReasonCode: 1, // keyCompromise
	})
}

// Revocations returns the list of the certificates that have been revoked by
// now (RFC 5280 section 5), in DER.
func (a *Authority) Revocations() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(int64(len(a.revoked)) + 1), RevokedCertificateEntries: a.revoked,
		ThisUpdate: a.now.Add(-time.Minute), NextUpdate: a.now.Add(day),
	}, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign revocation list: %w", err)
	}
	return list, nil
}

// Files returns what programs of a node find: the authority's certificate
// (ca.pem), its revocation list (revoked.crl), and a certificate of each kind
// for the node with its key (good.pem, good.key, expired.pem and so on).
func (a *Authority) Files(names []string, addrs []netip.Addr) (map[string][]byte, error) {
	files := map[string][]byte{"ca.pem": a.PEM()}
	for _, kind := range Kinds() {
		identity, err := a.Issue(kind, names, addrs)
		if err != nil {
			return nil, err
		}
		files[string(kind)+".pem"], files[string(kind)+".key"] = identity.Certificate, identity.Key
	}
	list, err := a.Revocations()
	if err != nil {
		return nil, err
	}
	files["revoked.crl"] = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list})
	return files, nil
}

// template is what all certificates have in common.
func template(subject string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), // positive, RFC 5280 section 4.1.2.2
		Subject:      pkix.Name{CommonName: subject},
		NotBefore:    now.Add(-day), NotAfter: now.Add(day),
	}, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
