// Package netns makes anonymous network namespaces and runs short functions
// inside them. It is the only package that calls setns and unshare and that
// locks threads.
//
// A namespace belongs to an OS thread, not to a goroutine. A goroutine that a
// function given to Do starts runs outside the namespace; programs that start
// goroutines must run as processes of the node instead (package node).
package netns

import (
	"fmt"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// An NS is a handle to a network namespace. The namespace itself lives until
// its last handle, process and socket are gone. An NS is safe for concurrent
// use; its owner closes it.
type NS struct {
	handle netns.NsHandle
	cookie uint64
	here   bool // it is that of the process: to be in it takes no privilege
}

// New makes a namespace that nothing else refers to.
func New() (*NS, error) {
	var ns *NS
	err := onLostThread(func() (err error) {
		// netns.New unshares the thread and opens the result.
		handle, err := netns.New()
		if err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		ns, err = adopt(handle)
		return err
	})
	return ns, err
}

// Here opens the namespace of the calling process.
func Here() (*NS, error) {
	handle, err := netns.GetFromPath(own)
	if err != nil {
		return nil, fmt.Errorf("open own network namespace: %w", err)
	}
	var ns *NS
	err = onLostThread(func() (err error) {
		if ns, err = adopt(handle); err == nil {
			ns.here = true
		}
		return err
	})
	return ns, err
}

// own stands for the namespace of the process.
const own = "/proc/self/ns/net"

// Open opens the namespace that a file stands for: /run/netns/NAME,
// /proc/PID/ns/net. Another than that of the process takes CAP_SYS_ADMIN over
// both.
func Open(path string) (*NS, error) {
	if same(path, own) {
		return Here()
	}
	handle, err := netns.GetFromPath(path)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	var ns *NS
	err = onLostThread(func() (err error) {
		if err := netns.Set(handle); err != nil {
			handle.Close()
			return fmt.Errorf("enter network namespace %s: %w", path, err)
		}
		ns, err = adopt(handle)
		return err
	})
	return ns, err
}

// same reports whether two files stand for the same namespace.
func same(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// Inode returns the namespace's number in the file system, for display: it is
// given to another as soon as the namespace is gone.
func (ns *NS) Inode() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(ns.handle), &st); err != nil {
		return 0, fmt.Errorf("look at network namespace: %w", err)
	}
	return st.Ino, nil
}

// adopt takes over handle, of the namespace that the calling thread is in.
func adopt(handle netns.NsHandle) (*NS, error) {
	cookie, err := cookieHere()
	if err != nil {
		handle.Close()
		return nil, err
	}
	return &NS{handle: handle, cookie: cookie}, nil
}

// cookieHere asks a socket of the calling thread's namespace for the
// namespace's cookie (SO_NETNS_COOKIE, Linux 5.14).
func cookieHere() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0, fmt.Errorf("read network namespace cookie (Linux 5.14 or later): %w", err)
	}
	return cookie, nil
}

// Cookie returns the kernel's number of the namespace, which is never reused
// while the machine runs. Inode numbers are.
func (ns *NS) Cookie() uint64 { return ns.cookie }

// FD returns the descriptor, which stays the property of ns.
func (ns *NS) FD() int { return int(ns.handle) }

// Close gives up the handle.
func (ns *NS) Close() error { return ns.handle.Close() }

// Do calls fn inside ns. Sockets that fn makes stay in ns. fn must not start
// goroutines, call testing.T.Fatal or start processes with Pdeathsig: its
// thread ends when it returns.
func (ns *NS) Do(fn func() error) error {
	return onLostThread(func() error {
		if ns.here {
			return fn()
		}
		if err := netns.Set(ns.handle); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return fn()
	})
}

// onLostThread calls fn on a thread that is never used again: a goroutine
// that ends while locked takes its thread with it (golang/go#20395), so no
// step back can fail. The main thread is the exception, it would be parked
// for ever and pin the namespace; a process that uses this package locks its
// main goroutine to it at start (see LockMain).
func onLostThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- fn()
	}()
	return <-done
}

// LockMain keeps the calling goroutine on its thread. It is called first
// thing by main of every process that makes or enters namespaces, so that no
// other goroutine is ever given the main thread. Death signals ask for the
// same: they are sent when the thread ends that started the child.
func LockMain() { runtime.LockOSThread() }

// Supported tries to make a namespace, and says why it cannot be done.
func Supported() error {
	ns, err := New()
	if err != nil {
		return err
	}
	return ns.Close()
}
