package socket_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/lab/workload/socket"
)

func TestPing(t *testing.T) {
	ns := netnstest.New(t)
	for _, tt := range []struct {
		name, peer string
		size       int
		want       string // of the error; "" for none
	}{
		{"IPv4", "127.0.0.1", 56, ""},
		{"IPv6", "::1", 1000, ""},
		{"nothing in it", "127.0.0.1", 0, ""},
		{"no way there", "10.1.2.3", 56, "ENETUNREACH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errors.New("no reply"))
			defer cancel()
			var n int
			err := ns.Do(func() (err error) { n, err = socket.Ping(ctx, netip.MustParseAddr(tt.peer), tt.size); return err })
			if tt.want == "" && (err != nil || n != tt.size) {
				t.Errorf("%d bytes, %v; want %d", n, err, tt.size)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Nobody is waited for longer than allowed.
func TestPingInVain(t *testing.T) {
	ns := netnstest.New(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("no reply in time"))
	defer cancel()
	sysctl(t, ns, "ipv4/icmp_echo_ignore_all", "1")
	err := ns.Do(func() error { _, err := socket.Ping(ctx, netip.MustParseAddr("127.0.0.1"), 8); return err })
	if err == nil || !strings.Contains(err.Error(), "no reply in time") {
		t.Errorf("got %v, want that nobody replied in time", err)
	}
}
