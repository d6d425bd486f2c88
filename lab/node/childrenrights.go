package node

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// forPrograms lists the capabilities that programs keep, of those that root
// of a node has: to serve on low ports, to become another user, to see and
// change the node's own network. With the others one could touch what the
// namespaces do not cover: mounts, devices, the clock, the kernel, and by
// ptrace the agent. (capabilities(7))
//
// pure-ftpd does not start without CAP_DAC_READ_SEARCH and CAP_SYS_NICE. For
// root of the machine the first does more than to read all that is visible in
// the node: it opens files of the host by their handles, wherever they lie.
// With the second one takes the processors from everybody. refusedCalls takes
// both back.
func forPrograms() []int {
	return []int{
		unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_NICE,
		unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
		unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_SYS_CHROOT, unix.CAP_AUDIT_WRITE,
		unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_BROADCAST, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW,
	}
}

// giveUp takes from the calling thread's children, for good, what programs may
// not do. The thread itself keeps its capabilities until it ends.
func giveUp() error {
	if err := giveUpBounding(); err != nil {
		return err
	}
	if err := giveUpInherited(); err != nil {
		return err
	}
	return refuseCalls()
}

// giveUpBounding takes all but the capabilities of programs out of the calling
// thread's bounding set, which bounds what its children get by execve(2) for
// being root.
func giveUpBounding() error {
	keep := map[int]bool{}
	for _, c := range forPrograms() {
		keep[c] = true
	}
	for c := 0; ; c++ {
		if keep[c] {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if err == unix.EINVAL { // the kernel knows no more
			return nil
		}
		if err != nil {
			return fmt.Errorf("give up capability %d: %w", c, err)
		}
	}
}

// giveUpInherited empties the calling thread's ambient and inheritable sets.
// They hold what the command's caller has put there, and children get that by
// execve(2), whatever the bounding set.
func giveUpInherited() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("give up inheritable capabilities: %w", err)
	}
	return nil
}
