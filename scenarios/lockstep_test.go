package scenarios

import (
	"fmt"
	"testing"

	"netlab/scenarios/words"
)

// manyLinks returns so many links between the same two nodes.
func manyLinks(n int) string {
	text := "links:\n"
	for i := range n {
		text += fmt.Sprintf("  l%d: [client, server]\n", i)
	}
	return text
}

func TestAllowsLockstep(t *testing.T) {
	const head = "netlab: 1\nname: x\nnodes: {client: {}, router: {forwards: on}, server: {}}\n"
	const quick = "links: {lan: {ends: {client: {acks: immediate}, router: {}}}, wan: {ends: {router: {}, server: {acks: immediate}}}}\n"
	const late = "links: {lan: {ends: {client: {acks: immediate}, router: {}}}, wan: [router, server]}\n"
	const serving = "servers: {echo: {node: server, tcp: {port: 7}}}\n"
	const connect = "steps:\n  - tcp.connect: {node: client, to: echo, as: c}\n"
	const closing = "expect: {connections: {c: {closing: [client FIN, server ACK, server FIN, client ACK]}}}\n"
	for _, tt := range []struct {
		name, text string
		want       words.ID // "" if it is allowed
	}{
		{"nothing", head, ""},
		{"plain", head + late + serving + connect, ""},
		{"exclusive", head + "exclusive: on\n", words.LockstepExclusive},
		{"durations", head + serving + connect + "expect: {durations: {d: {from: c opened, to: c closed, at_most: 1s}}}\n", words.LockstepDurations},
		{"order only", head + serving + connect + "expect: {order: [c opened, c closed]}\n", ""},
		{"impaired link", head + "links: {wire: {ends: {client: {}, server: {}}, impair: {delay: 1ms}}}\n", words.LockstepImpair},
		{"impaired end", head + "links: {wire: {ends: {client: {}, server: {impair: {loss: 1%}}}}}\n", words.LockstepImpair},
		{"delay", head + "links: {wire: [client, server]}\nsteps: [{gate.delay: {link: wire, by: 1ms}}]\n", words.LockstepDelay},
		{"hold", head + "links: {wire: [client, server]}\nsteps: [{gate.hold: {link: wire, as: held}}]\n", ""},
		{"directory", head + "servers: {ftpd: {node: server, ftp: {dir: a}}}\n", words.LockstepUnknown},
		{"small file", head + "servers: {ftpd: {node: server, ftp: {files: {a: {size: 100kB}}}}}\n", ""},
		{"large file", head + "servers: {ftpd: {node: server, ftp: {files: {a: {size: 100001}}}}}\n", words.LockstepBulk},
		{"sent", head + serving + connect + "  - tcp.send: {session: c, size: 51kB}\n", words.LockstepBulk},
		{"sent by little", head + serving + connect + "  - tcp.send: {session: c, size: 50kB}\n", ""},
		{"fetched", head + "servers: {web: {node: server, http: {routes: {/: {size: 60kB}}}}}\nsteps:\n  - http.client: {node: client, as: h}\n  - http.get: {session: h, to: web}\n  - http.get: {session: h, to: web}\n", words.LockstepBulk},
		{"closing, quick", head + quick + serving + connect + closing, ""},
		{"closing, late", head + late + serving + connect + closing, words.LockstepClosing},
		{"closing, late at the client", head + "links: {wire: {ends: {client: {}, server: {acks: immediate}}}}\n" + serving + connect + closing, words.LockstepClosing},
		{"closing, to a peer", head + late + "steps:\n  - tcp.connect: {node: client, peer: server, port: 7, as: c}\n" + closing, words.LockstepClosing},
		{"closing, and a step at a router's link", head + quick + serving + connect + "  - firewall.drop: {node: router}\n" + closing, ""},
		{"eight links", head + manyLinks(8), ""},
		{"nine links", head + manyLinks(9), words.LockstepLinks},
		{"opening", head + late + serving + connect + "expect: {connections: {c: {opening: [client SYN, server SYN+ACK, client ACK]}}}\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ok, why := mustParse(t, []byte(tt.text)).AllowsLockstep()
			if ok != (tt.want == "") || why.ID != tt.want {
				t.Errorf("%v, %q; want %q", ok, why.String(), tt.want)
			}
			if showable(t, why.In(words.Chinese)); !ok && why.In(words.Chinese) == why.String() {
				t.Errorf("not translated: %s", why)
			}
		})
	}
}

// TestGalleryInLockstep says which scenarios of the gallery are run in
// lockstep where there are no kernel events.
func TestGalleryInLockstep(t *testing.T) {
	want := map[string]bool{"ftp-close": true, "ftp-idle": false}
	for name, want := range want {
		data, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if ok, why := mustParse(t, data).AllowsLockstep(); ok != want {
			t.Errorf("%s: %v, %s", name, ok, why)
		}
	}
}

func TestMoves(t *testing.T) {
	const text = `netlab: 1
name: x
nodes: {client: {}, server: {}}
servers:
  ftpd: {node: server, ftp: {files: {a: hello, b: {size: 10}}}}
  web: {node: server, http: {routes: {/: 12345678}}}
  echo: {node: server, tcp: {port: 7}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: f}
  - ftp.store: {session: f, path: c, content: abc}
  - http.client: {node: client, as: h}
  - http.post: {session: h, to: web, body: "12"}
  - tcp.connect: {node: client, to: echo, as: t}
  - tcp.send: {session: t, content: abcd}
`
	moved, known := mustParse(t, []byte(text)).Moves()
	if want := int64(15 + 3 + 2 + 10 + 8); moved != want || !known { // the largest that can be asked for is file b
		t.Errorf("%d, %v; want %d", moved, known, want)
	}
}
