package node

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

// A Refused error says that the machine does not allow what every lab needs.
type Refused struct {
	What string // "mount /proc"
	Err  error
}

// Error returns what was refused and why.
func (r *Refused) Error() string { return r.What + ": " + r.Err.Error() }

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Err }

// privateMounts keeps every later mount of this process to itself and shows
// the processes of its pid namespace in /proc.
func privateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return &Refused{"make mounts private", err}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return &Refused{"mount /proc", err}
	}
	return nil
}

// ownEtc lays a node's own hosts and resolv.conf over /etc. What it needs for
// that lies in a tmpfs that is seen by nobody and vanishes with the process.
// The files are there before the overlay is mounted: in a user namespace,
// files of unmapped owners could not be changed through it.
func ownEtc(hosts []byte, resolver netip.Addr) error {
	const stage = "/tmp"
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return &Refused{"make mounts private", err}
	}
	if err := unix.Mount("netlab", stage, "tmpfs", 0, "mode=755,size=16m"); err != nil {
		return &Refused{"mount tmpfs", err}
	}
	err := func() error {
		for _, dir := range []string{"/upper", "/work"} {
			if err := os.Mkdir(stage+dir, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(stage+"/upper/hosts", hosts, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(stage+"/upper/resolv.conf", resolvText(resolver), 0o644); err != nil {
			return err
		}
		options := "lowerdir=/etc,upperdir=" + stage + "/upper,workdir=" + stage + "/work"
		if err := unix.Mount("netlab", "/etc", "overlay", 0, options); err != nil {
			return &Refused{"mount overlay on /etc", err}
		}
		return nil
	}()
	// The overlay holds on to its parts; the host's /tmp comes back.
	return errors.Join(err, unix.Unmount(stage, unix.MNT_DETACH))
}

// resolvText writes /etc/resolv.conf. Names of the lab are in /etc/hosts in
// any case.
func resolvText(resolver netip.Addr) []byte {
	if !resolver.IsValid() {
		return []byte("# no name server in this lab\n")
	}
	return fmt.Appendf(nil, "nameserver %s\n", resolver)
}

// hostsText writes /etc/hosts for a plan.
func hostsText(hosts []plan.Host) []byte {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s %s\n", h.Address, strings.Join(h.Names, " "))
	}
	return []byte(b.String())
}

// memoryFile returns a file that exists only as a descriptor.
func memoryFile(name string, content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make memory file %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(content); err != nil {
		f.Close()
		return nil, fmt.Errorf("write memory file %s: %w", name, err)
	}
	return f, nil
}
