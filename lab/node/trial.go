package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"netlab/lab/filter"
	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/conntrack"
	"netlab/scenarios"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Try finds out whether the kernel allows what a scenario needs, by trying it
// in a process with namespaces of its own, of which nothing stays. It takes
// some ten milliseconds. The error says what was refused.
func Try(ctx context.Context, f scenarios.Feature) error {
	if f == scenarios.FeatureRoot {
		if Privileged() {
			return nil
		}
		return errors.New("an ordinary user's labs have one user, root: programs cannot become another")
	}
	var said bounded
	err := runTrial(trial(ctx, string(f)), &said)
	if _, ok := errors.AsType[*exec.ExitError](err); ok && said.text.Len() > 0 {
		return errors.New(strings.TrimPrefix(lastLineOf([]byte(said.text.String())), trialName+": "))
	}
	return err
}

// netemTrial stands in the place of a feature: no scenario needs netem, as a
// gate does the same.
const netemTrial = "netem"

// TryNetem finds out whether the kernel has netem, as Try does.
func TryNetem(ctx context.Context) error { return Try(ctx, netemTrial) }

// trial prepares a process that tries something, in a network of its own.
func trial(ctx context.Context, what string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{trialName, what}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWIPC}
	if !Privileged() || what == string(scenarios.FeatureUserNS) {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

// runTrial runs a process that tries something. Its standard input ends with
// the caller, however that ends, and so does it.
func runTrial(cmd *exec.Cmd, said *bounded) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer write.Close()
	defer read.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read, said, said
	return cmd.Run()
}

// endWithCaller ends this process when the caller has ended.
func endWithCaller() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

// try is the main of the process that tries.
func try(context.Context) error {
	go endWithCaller()
	if len(os.Args) != 2 {
		return errors.New("started without a feature to try")
	}
	here, err := netns.Here()
	if err != nil {
		return err
	}
	defer here.Close()
	switch f := scenarios.Feature(os.Args[1]); f {
	case scenarios.FeatureUserNS:
		return nil // that it runs says all
	case scenarios.FeatureOverlay:
		return ownEtc(nil, plan.Node{}.Resolver)
	case scenarios.FeatureIPv6:
		return tryIPv6()
	case scenarios.FeatureNftables:
		return filter.Apply(here, &plan.Node{Name: "trial"})
	case scenarios.FeatureNAT:
		return tryNAT(here, false)
	case scenarios.FeatureFTPHelper:
		return tryNAT(here, true)
	case scenarios.FeatureConntrack:
		p, err := conntrack.New(conntrack.Config{Places: []probes.Place{{Node: "trial", NS: here}}})
		if err != nil {
			return err
		}
		return p.Close()
	case netemTrial:
		if !link.HasNetem(here) {
			return errors.New("the kernel has no netem")
		}
		return nil
	default:
		return fmt.Errorf("nobody knows how to try %q", f)
	}
}

// tryIPv6 listens on the loopback's address.
func tryIPv6() error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("set loopback up: %w", err)
	}
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return err
	}
	return l.Close()
}

// tryNAT makes the rules of a router that translates addresses.
func tryNAT(here *netns.NS, helper bool) error {
	return filter.Apply(here, &plan.Node{Name: "trial", NAT: &plan.NAT{Interface: "lo", FTPHelper: helper}})
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ text strings.Builder }

// Write implements io.Writer; it takes everything.
func (b *bounded) Write(p []byte) (int, error) {
	b.text.Write(p[:min(len(p), maxTail-b.text.Len())])
	return len(p), nil
}
