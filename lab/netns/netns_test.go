package netns_test

import (
	"testing"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"

	"golang.org/x/sys/unix"
)

func TestSocketsBelongToTheNamespace(t *testing.T) {
	ns := netnstest.New(t)
	var got uint64
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		got, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got != ns.Cookie() {
		t.Errorf("socket made in namespace %d says %d", ns.Cookie(), got)
	}
}

func TestDoLeavesTheCallerWhereItWas(t *testing.T) {
	ns := netnstest.New(t)
	before, err := netns.Here()
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	for range 50 {
		if err := ns.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	after, err := netns.Here()
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if before.Cookie() != after.Cookie() {
		t.Errorf("own namespace was %d, is %d", before.Cookie(), after.Cookie())
	}
	if ns.Cookie() == before.Cookie() {
		t.Error("a new namespace has the cookie of the host's")
	}
}
