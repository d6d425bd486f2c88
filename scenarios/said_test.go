package scenarios

import (
	"slices"
	"testing"
)

// What a step says is shown as a file might say it, without what goes without
// saying.
func TestArguments(t *testing.T) {
	s, err := Parse("a.yaml", []byte(`netlab: 1
name: small
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {web: {node: server, http: {routes: {/: hello}}}, db: {node: server, exec: {command: [db], port: 3306}}}
steps:
  - http.client: {node: client, jar: off, close: {after_peer: {delay: 60ms}}, as: browser}
  - http.request: {session: browser, to: web, method: PUT, headers: {Range: "bytes=2-4"}, size: 5kB, expect_continue: on}
  - tcp.connect: {node: client, to: web, keepalive: {idle: 1s}, nodelay: off, as: call}
  - gate.drop: {link: wire, flags: [FIN, ACK], seq: {at_least: 5}, as: fin}
  - settle: {within: 3s}
  - sleep: 20ms
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{
		{"node=client", "jar=off", "close=after_peer+60ms"},
		{"method=PUT", "size=5000", "expect_continue=on", "session=browser", "to=web", "headers=Range=bytes=2-4"},
		{"node=client", "to=web", "nodelay=off", "keepalive=idle=1s interval=1m15s"},
		{"link=wire", "flags=FIN ACK", "seq=>=5"},
		nil,
		{"for=20ms"},
	} {
		var got []string
		for _, a := range s.Steps[i].Arguments() {
			got = append(got, a.Key+"="+a.Value)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", s.Steps[i].Verb, got, want)
		}
	}
}
