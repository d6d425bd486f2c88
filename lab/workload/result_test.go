package workload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"netlab/lab/workload"
	"netlab/probes"
)

func TestReadable(t *testing.T) {
	const most = probes.MaxContent
	tests := []struct {
		name string
		in   string
		want string
		cut  bool
	}{
		{"text", "hello\n", "hello\n", false},
		{"nothing", "", "", false},
		{"Chinese", "四次挥手", "四次挥手", false},
		{"rubbish", "a\xff\xfeb", "a\uFFFDb", false},
		{"as much as may be", strings.Repeat("x", most), strings.Repeat("x", most), false},
		{"too much", strings.Repeat("x", most+1), strings.Repeat("x", most), true},
		{"cut inside a character", strings.Repeat("x", most-1) + "手", strings.Repeat("x", most-1), true},
		{"rubbish that grows", strings.Repeat("\xffx", most/2), strings.Repeat("\uFFFDx", most/4), true},
	}
	for _, tt := range tests {
		got, cut := workload.Readable([]byte(tt.in))
		if got != tt.want || cut != tt.cut {
			t.Errorf("%s: %d bytes %.20q cut %t; want %d bytes %.20q cut %t", tt.name, len(got), got, cut, len(tt.want), tt.want, tt.cut)
		}
	}
}

func TestFailed(t *testing.T) {
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no answer within 1s"))
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"nothing", t.Context(), nil, "<nil>"},
		{"errno", t.Context(), reset, "receive: ECONNRESET (connection reset by peer)"},
		{"errno after the end", over, reset, "receive: ECONNRESET (connection reset by peer)"},
		{"broken off", over, os.ErrDeadlineExceeded, "receive: no answer within 1s"},
		{"closed", t.Context(), &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}, "receive: EBADF (use of closed network connection)"},
		{"closed under it", over, net.ErrClosed, "receive: no answer within 1s"},
		{"no errno", t.Context(), io.ErrUnexpectedEOF, "receive: unexpected EOF"},
	}
	for _, tt := range tests {
		if got := fmt.Sprint(workload.Failed(tt.ctx, "receive", tt.err)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
