package sql

import (
	"context"
	"database/sql"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/workload/workloadtest"
)

func TestLines(t *testing.T) {
	text := func(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }
	for _, tt := range []struct {
		name   string
		fields []sql.NullString
		want   string
	}{
		{"one", []sql.NullString{text("1")}, "1\n"},
		{"several", []sql.NullString{text("1"), {}, text("")}, "1\tNULL\t\n"},
		{"none", nil, "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := lineOf(tt.fields); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A server that speaks something else, or nothing at all, is an error, in time.
func TestStrangeServers(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		ends       bool
		want       string
	}{
		{"another protocol", "220 mail.lab.test ready\r\n", true, "connect to 127.0.0.1:"},
		{"ends at once", "", true, "connect to 127.0.0.1:"},
		{"a length without end", "\xff\xff\xff\x00", false, "connect to 127.0.0.1:"},
		{"silent", "", false, "no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c, err := listener.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = io.WriteString(c, tt.says)
				if !tt.ends {
					_, _ = io.Copy(io.Discard, c)
				}
			}()
			var witness workloadtest.Witness
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errNoAnswer{})
			defer cancel()
			client, err := Connect(ctx, witness.Caller("client"), Spec{Target: netip.MustParseAddrPort(listener.Addr().String()), User: "root"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want an error with %q", client, err, tt.want)
			}
			listener.Close()
			<-done
		})
	}
}

type errNoAnswer struct{}

func (errNoAnswer) Error() string { return "no answer" }
