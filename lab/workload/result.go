package workload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"unicode/utf8"

	"netlab/probes"
	"netlab/probes/calls"
)

// Readable returns what came as text that can be shown and recorded: valid
// UTF-8 of at most probes.MaxContent bytes, and whether something was cut off
// for that. A run of bytes that are no UTF-8 becomes U+FFFD.
func Readable(content []byte) (text string, cut bool) {
	if len(content) > probes.MaxContent {
		content, cut = content[:probes.MaxContent], true
	}
	text = strings.ToValidUTF8(string(content), "\uFFFD")
	if len(text) <= probes.MaxContent {
		return text, cut
	}
	// U+FFFD takes three bytes, so it can have become too long again.
	text = text[:probes.MaxContent]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text, true
}

// Failed returns an error for an operation on a socket that failed, in words
// that do not change from run to run: the errno by its name and without the
// addresses that package net adds. Where ctx is what broke it off, the error
// says why that ended. It returns nil for nil.
func Failed(ctx context.Context, operation string, err error) error {
	if err == nil {
		return nil
	}
	name := calls.Errno(err)
	if ctx.Err() != nil && (name == "" || name == "EAGAIN" || name == "EBADF" || name == "EINPROGRESS") {
		return fmt.Errorf("%s: %w", operation, context.Cause(ctx))
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return fmt.Errorf("%s: %s (%w)", operation, name, errno)
	}
	if errors.Is(err, net.ErrClosed) { // its text says what EBADF means here
		return fmt.Errorf("%s: %s (%w)", operation, name, net.ErrClosed)
	}
	return fmt.Errorf("%s: %w", operation, err)
}
