package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// confined is a program: the command where the machine gives little.
//
//	netlab-confined limit BYTES ARGUMENTS...       no file may be larger
//	netlab-confined disk BYTES:DIR ARGUMENTS...    DIR is a file system of that size
//	netlab-confined user UID ARGUMENTS...          that user, who may make no user namespaces
//
// The second is to be started in a mount namespace of its own, the third in a
// user namespace.
func confined() {
	how, argument := os.Args[1], os.Args[2]
	os.Args = append([]string{"netlab"}, os.Args[3:]...)
	if err := confine(how, argument); err != nil {
		fmt.Fprintln(os.Stderr, "netlab-confined:", err)
		os.Exit(100)
	}
	main()
}

func confine(how, argument string) error {
	switch how {
	case "limit":
		most, err := strconv.ParseUint(argument, 10, 64)
		if err != nil {
			return err
		}
		return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: most})
	case "user":
		uid, err := strconv.Atoi(argument)
		if err != nil {
			return err
		}
		if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0o644); err != nil {
			return err
		}
		return syscall.Setresuid(uid, uid, uid)
	}
	var size int
	var dir string
	if _, err := fmt.Sscanf(argument, "%d:%s", &size, &dir); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("small", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
}
