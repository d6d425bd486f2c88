package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// tlsConfig builds the client's end of TLS.
func (s ClientSpec) tlsConfig(secrets io.Writer) (*tls.Config, error) {
	config := &tls.Config{ServerName: s.ServerName, KeyLogWriter: secrets, RootCAs: x509.NewCertPool()}
	switch s.Trust {
	case "", TrustLab:
		if len(s.Authority) > 0 && !config.RootCAs.AppendCertsFromPEM(s.Authority) {
			return nil, errors.New("authority: no certificate in the PEM text")
		}
	case TrustNobody:
	case TrustAny:
		config.InsecureSkipVerify = true
	default:
		return nil, fmt.Errorf("trust %q is none of lab, nobody, any", s.Trust)
	}
	switch s.Version {
	case HTTP11:
		config.NextProtos = []string{"http/1.1"}
	case HTTP2:
		config.NextProtos = []string{"h2"}
	}
	if s.CheckRevocation {
		list, err := s.revocations()
		if err != nil {
			return nil, err
		}
		config.VerifyConnection = func(state tls.ConnectionState) error { return refuseRevoked(list, state) }
	}
	return config, between(config, s.MinTLS, s.MaxTLS)
}

// revocations reads the revocation list, which must be the authority's own.
func (s ClientSpec) revocations() (*x509.RevocationList, error) {
	list, err := x509.ParseRevocationList(s.Revoked)
	if err != nil {
		return nil, fmt.Errorf("read revocation list: %w", err)
	}
	block, _ := pem.Decode(s.Authority)
	if block == nil {
		return nil, errors.New("revocation list without an authority")
	}
	issuer, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("revocation list: %w", err)
	}
	return list, nil
}

// A revokedError says that a certificate is on the revocation list.
type revokedError struct{ serial string }

func (e *revokedError) Error() string {
	return "x509: certificate was revoked by its authority (serial " + e.serial + ")"
}

// refuseRevoked looks a server's certificate up in the list.
func refuseRevoked(list *x509.RevocationList, state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	shown := state.PeerCertificates[0]
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(shown.SerialNumber) == 0 {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: &revokedError{shown.SerialNumber.String()}}
		}
	}
	return nil
}

// explainTLS says why a handshake failed.
func explainTLS(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("TLS handshake: %w", context.Cause(ctx))
	}
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("certificate refused: %w", refused.Err)
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && strings.HasPrefix(string(header.RecordHeader[:]), "HTTP/") {
		return errors.New("TLS handshake: the server answered in clear text: it speaks HTTP, not HTTPS")
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("TLS handshake: the server closed the connection: %w", err)
	}
	return fmt.Errorf("TLS handshake: %w", err)
}
