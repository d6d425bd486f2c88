package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const byHandText = `netlab: 1
name: hand
nodes: {client: {}, server: {}}
links:
  wire: {ends: {client: {rto_min: 300ms}, server: {}}}
servers:
  ftpd: {node: server, ftp: {anonymous: true, idle_timeout: 2s, close: {after_peer: {within: 1s}}}}
steps:
  - tcp.connect: {node: client, peer: server, port: 7000, timeout: 1s, as: one}
  - tcp.connect: {node: client, peer: server, port: 7001, timeout: 2s, expect_error: on, as: two}
  - settle: {within: 3s}
`

// Nothing that waits for a person runs out of time, but what is to.
func TestByHand(t *testing.T) {
	dropping := strings.Replace(byHandText, "steps:\n", "steps:\n  - gate.drop: {link: wire, flags: [FIN], as: lost}\n", 1)
	worse := strings.Replace(byHandText, "{ends: {client: {rto_min: 300ms}, server: {}}}", "{ends: {client: {rto_min: 300ms}, server: {}}, impair: {loss: 1%}}", 1)
	for _, tt := range []struct {
		name, text string
		resend     time.Duration
		want       []time.Duration // of the client and of the server
	}{
		{"as the scenario says", byHandText, 0, []time.Duration{300 * time.Millisecond, 2 * time.Minute}},
		{"a scenario that drops", dropping, 0, []time.Duration{300 * time.Millisecond, 10 * time.Second}},
		{"a link that loses", worse, 0, []time.Duration{300 * time.Millisecond, 10 * time.Second}},
		{"as asked for", byHandText, time.Second, []time.Duration{time.Second, time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc, err := Parse("x.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := sc.ByHand(tt.resend)
			if err != nil {
				t.Fatal(err)
			}
			link := got.Links[0]
			if diff := cmp.Diff(tt.want, []time.Duration{link.Ends[0].RTOMin.Duration, link.Ends[1].RTOMin.Duration}); diff != "" {
				t.Errorf("rto_min (-want +got)\n%s", diff)
			}
			if !got.Stepped || !bool(link.Gate) || got.Observe != ObserveFree || sc.Stepped || bool(sc.Links[0].Gate) {
				t.Errorf("stepped %v, gate %v, observe %s; the original %v, %v", got.Stepped, link.Gate, got.Observe, sc.Stepped, sc.Links[0].Gate)
			}
			steps := got.Steps[len(got.Steps)-3:]
			ftp := got.Servers[0].FTP
			limits := []time.Duration{
				got.Limits.Run.Duration, got.Limits.Step.Duration, steps[0].TCPConnect.Timeout.Duration, steps[1].TCPConnect.Timeout.Duration,
				steps[2].Settle.Within.Duration, ftp.Close.Within.Duration, ftp.IdleTimeout.Duration,
			}
			// A step without a bound of its own has limits.step.
			want := []time.Duration{ByHandLimit, ByHandLimit, 0, 2 * time.Second, ByHandLimit, ByHandLimit, 2 * time.Second}
			if diff := cmp.Diff(want, limits); diff != "" {
				t.Errorf("bounds (-want +got)\n%s", diff)
			}
		})
	}
}

// The defaults that are outwaited are those of the language.
func TestIdleDefaults(t *testing.T) {
	sc, err := Parse("x.yaml", []byte(`netlab: 1
name: idle
nodes: {server: {}}
servers:
  ftpd: {node: server, ftp: {anonymous: true}}
  web: {node: server, http: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := []time.Duration{sc.Servers[0].FTP.IdleTimeout.Duration, sc.Servers[1].HTTP.IdleTimeout.Duration}
	if diff := cmp.Diff([]time.Duration{DefaultFTPIdle, DefaultWebIdle}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
