package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// confined is a program: the command where the disk is soon full.
//
//	netlab-confined limit BYTES ARGUMENTS...       no file may be larger
//	netlab-confined disk BYTES:DIR ARGUMENTS...    DIR is a file system of that size
//
// The latter needs to be started in a mount namespace of its own.
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
	if how == "limit" {
		most, err := strconv.ParseUint(argument, 10, 64)
		if err != nil {
			return err
		}
		return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: most})
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
