package calls

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Errno returns the name of the errno in err, as Call.Errno holds it; see the
// package's comment for those that Go hides. It returns "" for nil and for
// errors that no socket call returns.
func Errno(err error) string {
	var no syscall.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &no):
		return unix.ErrnoName(no)
	case errors.Is(err, io.EOF):
		return "EOF"
	case errors.Is(err, net.ErrClosed):
		return "EBADF"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "EAGAIN"
	}
	return ""
}

// connectErrno is Errno for connect(2), where a deadline or a cancelled
// context leaves the attempt in progress.
func connectErrno(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "EINPROGRESS"
	}
	var timeout net.Error
	name := Errno(err)
	if name == "" && errors.As(err, &timeout) && timeout.Timeout() {
		return "EINPROGRESS"
	}
	return name
}
