package ftp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"netlab/lab/workload"
)

// A DataMode says how data connections are opened.
type DataMode string

// The data modes.
const (
	Passive         DataMode = "passive"          // PASV: the client connects, IPv4 only
	ExtendedPassive DataMode = "extended_passive" // EPSV: the client connects
	Active          DataMode = "active"           // PORT: the server connects, IPv4 only
	ExtendedActive  DataMode = "extended_active"  // EPRT: the server connects
)

// active reports whether the server opens the data connections.
func (m DataMode) active() bool { return m == Active || m == ExtendedActive }

// A ClientKind says which program a session's client is.
type ClientKind string

// The kinds of client.
const (
	Auto    ClientKind = ""        // Raw where the data mode needs it, else Library
	Library ClientKind = "library" // jlaffaye/ftp
	Raw     ClientKind = "raw"     // this package's own
)

// DefaultTimeout is how long a client waits for one reply or for one block of
// data where nothing else is said.
const DefaultTimeout = 10 * time.Second

// Options are the choices of one session.
type Options struct {
	TLS TLSMode `json:"tls,omitempty"` // the zero value is TLSNone
	// Insecure accepts any certificate; RootsPEM names those that are trusted
	// (none: the system's); ServerName is what the certificate must be for
	// (none: the host that was dialled).
	Insecure   bool   `json:"insecure,omitempty"`
	RootsPEM   string `json:"roots_pem,omitempty"`
	ServerName string `json:"server_name,omitempty"`
	// Mode is how data connections are opened; the zero value is Passive. The
	// library goes back from ExtendedPassive to Passive when the server
	// refuses EPSV.
	Mode DataMode `json:"mode,omitempty"`
	// TrustPASV uses the address in a 227 instead of the control connection's.
	TrustPASV bool `json:"trust_pasv_address,omitempty"`
	// Timeout bounds the wait for one reply or block; 0 means DefaultTimeout.
	Timeout workload.Duration `json:"timeout,omitzero"`
	// DataClose is how this side closes data connections.
	DataClose workload.Close `json:"data_close,omitzero"`
	// Client is which client to use: a session that will need RetrieveSome,
	// Abort or Raw must be Raw from its beginning.
	Client ClientKind `json:"client,omitempty"`
	// Secrets gets the secrets of TLS, in the form of NSS; nil: nobody does.
	Secrets io.Writer `json:"-"`
}

// validate says all that is wrong with the options.
func (o Options) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]TLSMode{"", TLSNone, TLSExplicit, TLSImplicit}, o.TLS) {
		bad("tls %q is none of none, explicit, implicit", o.TLS)
	}
	if !slices.Contains([]DataMode{"", Passive, ExtendedPassive, Active, ExtendedActive}, o.Mode) {
		bad("mode %q is none of passive, extended_passive, active, extended_active", o.Mode)
	}
	if !slices.Contains([]ClientKind{Auto, Library, Raw}, o.Client) {
		bad("client %q is none of library, raw", o.Client)
	}
	if o.Client == Library && o.Mode.active() {
		bad("mode %s needs client raw: the library knows passive mode only", o.Mode)
	}
	if o.Timeout < 0 {
		bad("timeout must not be negative")
	}
	return errors.Join(append(errs, o.DataClose.Validate())...)
}

// raw resolves Auto.
func (o Options) raw() bool { return o.Client == Raw || o.Mode.active() }

// secure reports whether there is TLS.
func (o Options) secure() bool { return o.TLS == TLSExplicit || o.TLS == TLSImplicit }

// timeout resolves the default.
func (o Options) timeout() time.Duration {
	if o.Timeout == 0 {
		return DefaultTimeout
	}
	return time.Duration(o.Timeout)
}

// tlsConfig builds the client's end of TLS for a dialled address; nil without.
func (o Options) tlsConfig(addr string) (*tls.Config, error) {
	if !o.secure() {
		return nil, nil
	}
	config := &tls.Config{ServerName: o.ServerName, InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12, KeyLogWriter: o.Secrets}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		config.ServerName = host
	}
	if o.RootsPEM != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(o.RootsPEM)) {
			return nil, errors.New("roots: no certificate in the PEM text")
		}
	}
	// Servers may insist that a data connection resumes the control
	// connection's session (RFC 4217, section 10.2).
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	return config, nil
}
