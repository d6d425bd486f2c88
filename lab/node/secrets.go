package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
)

// secretsWriter returns where the secrets of TLS go that this node's programs
// of ours agree on; nil for nowhere. Each line is one write to a file opened
// for appending, so lines of several nodes do not mix.
func (a *agent) secretsWriter() io.Writer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.secrets == nil {
		return nil
	}
	return a.secrets
}

// keepSecrets takes the file for the secrets of TLS.
func (a *agent) keepSecrets(files []*os.File) error {
	if len(files) != 1 {
		return errors.New("the file for secrets did not come along")
	}
	fd, err := keepOpen(files[0])
	if err != nil {
		return fmt.Errorf("keep the file for secrets: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = os.NewFile(uintptr(fd), "tls-secrets")
	return nil
}

// certificate reads an identity.
func (i Identity) certificate() (tls.Certificate, error) {
	if len(i.Certificate) == 0 {
		return tls.Certificate{}, errors.New("no certificate came along")
	}
	c, err := tls.X509KeyPair(i.Certificate, i.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read certificate: %w", err)
	}
	return c, nil
}

// GiveSecrets hands over the file to which an agent appends the secrets of
// TLS; it remains the caller's.
func GiveSecrets(ctx context.Context, c *Client, file *os.File) error {
	_, err := c.Call(ctx, doSecrets, nil, nil, file)
	return err
}
