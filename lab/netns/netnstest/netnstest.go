// Package netnstest gives tests fresh network namespaces, and gates tests
// that need a privilege or a kernel feature by a real probe.
package netnstest

import (
	"os"
	"strings"
	"testing"

	"netlab/lab/netns"

	"golang.org/x/sys/unix"
)

// Require skips the test if err, the answer of a real probe for feature, is
// not nil, and fails it where the environment variable NETLAB_REQUIRE (a
// comma-separated list) names the feature: there a skip would be a lie.
func Require(tb testing.TB, feature string, err error) {
	tb.Helper()
	if err == nil {
		return
	}
	for name := range strings.SplitSeq(os.Getenv("NETLAB_REQUIRE"), ",") {
		if strings.TrimSpace(name) == feature {
			tb.Fatalf("NETLAB_REQUIRE names %q, but it is not to be had: %v", feature, err)
		}
	}
	tb.Skipf("needs %s: %v", feature, err)
}

// New makes a network namespace with its loopback up, closed with the test.
func New(tb testing.TB) *netns.NS {
	tb.Helper()
	Require(tb, "netns", netns.Supported())
	ns, err := netns.New()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := ns.Close(); err != nil {
			tb.Errorf("close network namespace: %v", err)
		}
	})
	if err := ns.Do(loopbackUp); err != nil {
		tb.Fatal(err)
	}
	return ns
}

// loopbackUp sets IFF_UP on lo by ioctl, which needs no netlink.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}
