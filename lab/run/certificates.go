package run

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"netlab/lab/node"
	"netlab/lab/workload/authority"
	"netlab/scenarios"
)

// Names of what a lab with TLS leaves in the run directory. Keys of
// certificates are never among them.
const (
	AuthorityFile = "ca.pem"
	SecretsFile   = "tls-secrets.txt" // of sessions, to read the capture with
)

// certify makes the lab's authority, what programs find of it, and where
// secrets are kept the file for them, if the scenario has TLS anywhere.
func (r *runner) certify(ctx context.Context) error {
	if !r.Scenario.Certificates() {
		return nil
	}
	var err error
	if r.authority, err = authority.New(time.Now()); err != nil {
		return fmt.Errorf("make the lab's certificate authority: %w", err)
	}
	if err := r.dir.Write(AuthorityFile, r.authority.PEM()); err != nil {
		return err
	}
	if err := r.furnish(ctx); err != nil {
		return err
	}
	if r.NoSecrets {
		return nil
	}
	file, err := r.dir.File(SecretsFile)
	if err != nil {
		return err
	}
	defer file.Close() // the agents have their own by then
	return r.lab.GiveSecrets(ctx, file)
}

// identity issues the certificate that a server shows; the zero Identity for
// one that shows none.
func (r *runner) identity(s scenarios.Server) (node.Identity, error) {
	kind, names, addrs := authority.Good, r.namesOf(s.Node), r.result.Plan.AddressesOf(s.Node)
	switch {
	case s.HTTPS != nil:
		if s.HTTPS.Certificate != "" {
			kind = authority.Kind(s.HTTPS.Certificate)
		}
		if len(s.HTTPS.Names) > 0 {
			names, addrs = namesAndAddrs(s.HTTPS.Names)
		}
	case s.FTP != nil && s.FTP.TLS != "" && s.FTP.TLS != scenarios.NoTLS:
	default:
		return node.Identity{}, nil
	}
	issued, err := r.authority.Issue(kind, names, addrs)
	if err != nil {
		return node.Identity{}, fmt.Errorf("server %q: %w", s.Name, err)
	}
	return node.Identity{Certificate: issued.Certificate, Key: issued.Key}, nil
}

// namesAndAddrs tells host names and addresses apart.
func namesAndAddrs(list []string) (names []string, addrs []netip.Addr) {
	for _, s := range list {
		if addr, err := netip.ParseAddr(s); err == nil {
			addrs = append(addrs, addr)
		} else {
			names = append(names, s)
		}
	}
	return names, addrs
}

// namesOf returns the host names of a node.
func (r *runner) namesOf(name string) []string {
	for _, n := range r.Scenario.Nodes {
		if n.Name == name {
			return append([]string{name}, n.Names...)
		}
	}
	return []string{name}
}

// trust returns what a client of the lab needs to verify certificates.
func (r *runner) trust() (node.Trust, error) {
	if r.authority == nil {
		return node.Trust{}, nil
	}
	revoked, err := r.authority.Revocations()
	if err != nil {
		return node.Trust{}, err
	}
	return node.Trust{Authority: r.authority.PEM(), Revoked: revoked}, nil
}

// furnish gives the nodes with programs certificates with their keys.
func (r *runner) furnish(ctx context.Context) error {
	for _, n := range r.result.Plan.Nodes {
		if n.Programs == 0 {
			continue
		}
		files, err := r.authority.Files(r.namesOf(n.Name), r.result.Plan.AddressesOf(n.Name))
		if err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
		if err := r.lab.Furnish(ctx, n.Name, files); err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
	}
	return nil
}
