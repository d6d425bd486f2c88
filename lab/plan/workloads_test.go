package plan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const workloads = `
nodes: {client: {}, router: {forwards: on, firewall: [{drop: {ports: 9}}]}, server: {}, idle: {}}
links: {lan: [client, router], wan: [router, server], off: [router, idle]}
servers:
  plain: {node: server, http: {port: 81}}
  web: {node: server, http: {keep_alive: off, idle_timeout: 500ms, versions: [1.0], close: after_peer}}
  sec: {node: server, https: {certificate: expired, min_tls: 1.0, max_tls: 1.1, close_notify: off}}
  echo: {node: server, tcp: {port: 7, close: {reset: {delay: 5ms}}}}
  talk: {node: server, udp: {port: 7}}
  names: {node: server, dns: {}}
  mail: {node: server, smtp: {close: half_then_drain}}
  px: {node: server, proxy: {port: 8080, to: web, flip: {after: 10B}, cut: {of: request, text: abc, after: 2}, close: reset}}
  prog: {node: server, exec: {command: [/usr/sbin/vsftpd, /tmp/x], port: 2121}}
  quiet: {node: server, exec: {command: [sleep, 9], ready: {file: /tmp/x}}}
steps:
  - http.client: {node: client, as: plainly}
  - http.client: {node: client, as: one, version: 2, keep_alive: off, follow: on, trust: any, revocation: on, server_name: a.test, min_tls: 1.3, close_notify: off, close: after_peer}
  - http.client: {node: client, as: two, version: 1.0, trust: any}
  - http.close: {session: one, close: reset}
  - http.close: {session: two}
  - tcp.connect: {node: client, to: echo, as: three}
  - tcp.close: {session: three, close: half_then_drain}
  - smtp.send: {node: client, to: mail, from: a@b.test, recipients: [c@d.test], close: at_once}
  - link.down: {link: off}
  - firewall.drop: {node: idle}
`

func TestWorkloadSettings(t *testing.T) {
	want := []string{
		"web.keep_alive=off", "web.idle_timeout=500ms", "web.versions=1.0", "web.close=after_peer",
		"sec.certificate=expired", "sec.min_tls=1.0", "sec.max_tls=1.1", "sec.close_notify=off",
		"echo.close=reset+5ms", "mail.close=half_then_drain",
		"px.flip=answer+10B", `px.cut=request+"abc"+2B`, "px.close=reset",
		"one.http.client.version=2", "http.client.keep_alive=off", "http.client.follow=on", "http.client.trust=any",
		"http.client.revocation=on", "http.client.server_name=a.test", "http.client.min_tls=1.3",
		"http.client.close_notify=off", "http.client.close=after_peer", "two.http.client.version=1.0",
		"http.close.close=reset", "tcp.close.close=half_then_drain", "smtp.send.close=at_once",
	}
	var got []string
	for _, s := range made(t, workloads).Settings {
		if !strings.HasPrefix(s.Name, "router.") {
			got = append(got, s.Name+"="+s.Value)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

const sockets = `
nodes: {client: {}, server: {}}
links:
  wire: {ends: {client: {rto_min: 2s}, server: {rto_min: 2s, acks: immediate}}, gate: on, impair: {delay: 10ms, loss: 1%}}
  side: {ends: {client: {rto_min: 1s, impair: {rate: 10Mbit}}, server: {}}, mtu: 1400}
  none: {ends: {client: {}, server: {}}, impair: {loss: 0%}}
steps:
  - gate.hold: {link: wire, as: held}
  - tcp.listen: {node: server, port: 9, as: l, backlog: 0, defer_accept: 1s, fast_open: on}
  - tcp.listen: {node: server, port: 10, as: m}
  - tcp.connect: {node: client, peer: server, port: 9, as: one, isn: 1000, nodelay: off, linger: 0s, cork: off, quickack: off, keepalive: {idle: 1s}}
  - tcp.connect: {node: client, peer: server, port: 9, as: two, isn: 2000, nodelay: on, user_timeout: 1500ms, orphan_timeout: 2s, max_segment: 500}
  - tcp.connect: {node: client, peer: server, port: 9, isn: 3000}
  - tcp.accept: {listener: l, as: a, receive_buffer: 4kB, send_buffer: 64KiB, quickack: on}
  - tcp.option: {session: one, cork: on}
  - tcp.option: {session: two, linger: 1m}
`

func TestSocketSettings(t *testing.T) {
	want := []string{
		"wire.server.acks=immediate", "wire.rto_min=2s", "wire.impair=delay 10ms, loss 1%",
		"side.mtu=1400", "side.client.rto_min=1s", "side.client.impair=rate 10Mbit",
		"tcp.listen.backlog=0", "tcp.listen.fast_open=on", "tcp.listen.defer_accept=1s",
		"one.tcp.connect.isn=1000", "tcp.connect.nodelay=off", "tcp.connect.quickack=off",
		"tcp.connect.keepalive=idle 1s, interval 1m15s, probes 9", "tcp.connect.linger=0s",
		"two.tcp.connect.isn=2000", "tcp.connect.user_timeout=1.5s", "tcp.connect.orphan_timeout=2s", "tcp.connect.max_segment=500",
		"tcp.connect.isn=3000",
		"tcp.accept.quickack=on", "tcp.accept.receive_buffer=4000B", "tcp.accept.send_buffer=65536B",
		"tcp.option.cork=on", "tcp.option.linger=1m0s",
	}
	var got []string
	for _, s := range made(t, sockets).Settings {
		got = append(got, s.Name+"="+s.Value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestServersInText(t *testing.T) {
	var b bytes.Buffer
	if err := made(t, workloads).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "server ") {
			got = append(got, strings.Join(strings.Fields(line)[1:], " "))
		}
	}
	want := []string{
		"plain on server, http port 81", "web on server, http port 80", "sec on server, https port 443",
		"echo on server, tcp port 7", "talk on server, udp port 7", "names on server, dns port 53 of udp and tcp",
		"mail on server, smtp port 25", "px on server, proxy port 8080", "prog on server, exec vsftpd port 2121",
		"quiet on server, exec sleep",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}

// A node that only passes packets on, or whose rules a step changes, needs no
// process of its own.
func TestWhereWorkloadsRun(t *testing.T) {
	got := map[string]bool{}
	for _, n := range made(t, workloads).Nodes {
		got[n.Name] = n.Process
	}
	want := map[string]bool{"client": true, "router": false, "server": true, "idle": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}

func TestRings(t *testing.T) {
	const lab = "nodes: {client: {}, server: {}}\nlinks: {wire: [client, server]}\n"
	const web = "servers: {web: {node: server, http: {routes: {/: {size: 3MB}}}}, echo: {node: server, tcp: {port: 7}}, ftpd: {node: server, ftp: {}}}\n"
	const client = "  - http.client: {node: client, as: c}\n"
	get := "  - http.get: {session: c, to: web}\n"
	for _, tt := range []struct {
		name, body string
		want       int
	}{
		{"nothing", lab, smallRing},
		{"offered only", lab + web, smallRing},
		{"asked for twice", lab + web + "steps:\n" + client + get + get, smallRing},
		{"asked for thrice", lab + web + "steps:\n" + client + get + get + get, largeRing},
		{"posted", lab + web + "steps:\n" + client + "  - http.post: {session: c, to: web, size: 8MiB}\n", largeRing},
		{"echoed", lab + web + "steps:\n  - tcp.connect: {node: client, to: echo, as: t}\n  - tcp.send: {session: t, size: 5MB}\n", largeRing},
		{"stored", lab + web + "steps:\n  - ftp.connect: {node: client, to: ftpd, as: f}\n  - ftp.store: {session: f, path: a, size: 9MB}\n", largeRing},
		{"directory", lab + "servers: {ftpd: {node: server, ftp: {dir: a}}}\n", largeRing},
		{"file", lab + "servers: {ftpd: {node: server, ftp: {files: {a: {size: 9MB}}}}}\n", largeRing},
	} {
		if got := made(t, tt.body).Ring; got != tt.want {
			t.Errorf("%s: rings of %d MiB, want %d MiB", tt.name, got>>20, tt.want>>20)
		}
	}
}
