package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// hostile is what somebody could send to break a parser.
func hostile() map[string]string {
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	bomb := "a: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		bomb += fmt.Sprintf("b%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	const head = "netlab: 1\nname: x\n"
	const lab = head + "nodes: {client: {}, server: {}}\nlinks: {wire: [client, server]}\nservers: {ftpd: {node: server, ftp: {}}}\n"
	return map[string]string{
		"alias bomb":               head + bomb,
		"alias of itself":          head + "nodes: &n {a: *n, b: *n}\n",
		"20 kB of brackets":        strings.Repeat("[", 20_000),
		"20 kB of braces":          strings.Repeat("{a: ", 5_000),
		"20 kB of dashes":          strings.Repeat("- ", 10_000),
		"20 kB of question marks":  strings.Repeat("? ", 10_000),
		"10 MB of a":               strings.Repeat("a", 10<<20),
		"10 MB of newlines":        strings.Repeat("\n", 10<<20),
		"512 kB of a":              strings.Repeat("a", maxBytes),
		"512 kB of comments":       strings.Repeat("#", maxBytes),
		"512 kB text":              lab + "claim: " + strings.Repeat("a", maxBytes-1000) + "\n",
		"512 kB key":               lab + strings.Repeat("a", maxBytes-1000) + ": 1\n",
		"512 kB name":              "netlab: 1\nname: " + strings.Repeat("a", maxBytes-1000) + "\n",
		"512 kB number":            "netlab: 1\nseed: " + strings.Repeat("9", maxBytes-1000) + "\n",
		"512 kB version":           "netlab: " + strings.Repeat("9", maxBytes-1000) + "\n",
		"512 kB anchor":            "netlab: *" + strings.Repeat("a", maxBytes-1000) + "\n",
		"512 kB of pipes":          lab + "expect: {connections: {x: {first_fin: \"" + strings.Repeat("|", maxBytes-1000) + "\"}}}\n",
		"512 kB path":              lab + "steps: [{ftp.delete: {session: \"" + strings.Repeat("a/", maxBytes/2-1000) + "\"}}]\n",
		"flow list":                "[" + strings.Repeat("a,", maxMarks-10) + "]",
		"flow mapping":             "{" + strings.Repeat("a,", maxMarks-10) + "}",
		"list":                     strings.Repeat("-\n", maxMarks/2-10),
		"lines":                    many("k%d:\n", maxMarks/2-10),
		"unknown keys":             head + many("k%d:\n", maxMarks/2-10),
		"missing nodes":            head + "links: {" + many("l%d: [a,b],", maxMarks/4) + "}\n",
		"unknown nodes":            head + "nodes: {" + many("n%d: ,", 9_000) + "}\nlinks: {" + many("l%d: [a,b],", 4_000) + "}\n",
		"many nodes":               head + "nodes: {" + many("n%d: ,", 18_000) + "}\nnodule: {}\n",
		"unknown sessions":         lab + "steps: [" + many("{ftp.noop: {session: s%d}},", 6_000) + "]\n",
		"many sessions":            lab + "steps: [" + many("{ftp.connect: {node: client, to: ftpd, as: s%d}},", 4_000) + many("{ftp.quit: {session: s%d}},", 3_000) + "]\n",
		"unknown verbs":            lab + "steps: [" + many("{ftp.%d: {}},", 9_000) + "]\n",
		"same server ports":        head + "nodes: {a: {}}\nservers: {" + many("s%d: {node: a, ftp: {passive_ports: 1-65535}},", 4_000) + "}\n",
		"long duration":            lab + "limits: {run: " + strings.Repeat("9", 100_000) + "h}\n",
		"deep file names":          head + "nodes: {a: {}}\nservers: {s: {node: a, ftp: {files: {" + many("%d/"+strings.Repeat("a/", 5_000)+"a: x,", 50) + "}}}}\n",
		"many variants":            lab + "variants: {" + many("v%d: {patch: {}},", 9_000) + "}\n",
		"many variants of much":    lab + "tally: [" + many("a%d,", 9_000) + "]\nvariants: {" + many("v%d: {patch: {}},", 90) + "}\n",
		"variants of many steps":   lab + "steps: [" + strings.Repeat("settle: ,", 4_000) + "]\nvariants: {" + many("v%d: {patch: {}},", 8) + "}\n",
		"long tally":               lab + "tally: [" + many("a%d,", 30_000) + "]\n",
		"many removals":            head + "nodes: {" + many("n%d: ,", 9_000) + "}\nvariants: {v: {patch: {nodes: {" + many("n%d: ,", 9_000) + "}}}}\n",
		"many routes":              head + "nodes: {a: {}}\nservers: {w: {node: a, http: {routes: {" + many("/%d: x,", 15_000) + "x: y}}}}\n",
		"many headers":             head + "nodes: {a: {}}\nservers: {w: {node: a, http: {routes: {/: {headers: {" + many("H%d: x,", 15_000) + "h1: y}}}}}}\n",
		"many records":             head + "nodes: {a: {}}\nservers: {d: {node: a, dns: {records: {" + many("n%d: b,", 15_000) + "}}}}\n",
		"proxies in a circle":      head + "nodes: {a: {}}\nservers: {" + many("p%d: {node: a, proxy: {port: 1, to: p1}},", 3_000) + "}\n",
		"proxies in a row":         head + "nodes: {a: {}}\nservers: {" + proxies(3_000) + "}\n",
		"servers of other kinds":   lab + "steps: [" + many("{http.client: {node: client, as: c%d}},", 2_000) + many("{http.get: {session: c%d, to: ftpd}},", 2_000) + "]\n",
		"sessions of other kinds":  lab + "steps: [" + many("{http.client: {node: client, as: c%d}},", 2_000) + many("{ftp.noop: {session: c%d}},", 3_000) + "]\n",
		"many rules":               head + "nodes: {a: {firewall: [" + many("{drop: {link: l%d, ports: 1-2}},", 3_000) + "]}, b: , c: }\nlinks: {" + many("l%d: [b, c],", 3_000) + "}\n",
		"many programs":            head + "nodes: {a: {}}\nsteps: [" + many("{exec: {node: a, command: [x], background: on, as: p%d}},", 2_000) + many("{process.kill: {process: q%d}},", 2_000) + "]\n",
		"many files":               head + "nodes: {a: {}}\nsteps: [{exec: {node: a, command: [x], files: {" + many("/tmp/%d/"+strings.Repeat("a/", 500)+"a: x,", 400) + "/etc: x}}}]\n",
		"long script":              head + "nodes: {a: {}}\nservers: {t: {node: a, tcp: {port: 1, does: script, script: [" + many("close %d,", 15_000) + "]}}}\n",
		"many rules of gates":      lab + "steps: [" + many("{gate.hold: {link: wire, as: r%d}},", 4_000) + many("{gate.release: {rule: x%d}},", 2_000) + "]\n",
		"many waits":               lab + "steps: [" + many("{tcp.connect: {node: client, to: ftpd, as: c%d, background: on}},", 1_300) + many("{tcp.send: {session: c%d, content: x}},", 1_300) + many("{wait: {step: r%d}},", 900) + "]\n",
		"many listeners":           lab + "steps: [" + many("{tcp.listen: {node: server, port: 9, as: l%d}},", 4_000) + "]\n",
		"many flags":               lab + "steps: [{gate.drop: {link: wire, flags: [" + strings.Repeat("FIN,", 19_000) + "], flags_unset: [" + strings.Repeat("FIN,", 19_000) + "]}}]\n",
		"many texts":               lab + "steps: [{ftp.connect: {node: client, to: ftpd, as: c}}]\nexpect: {connections: {c: {visible: [" + many("a%d,", 9_000) + "], hidden: [" + many("a%d,", 9_000) + "]}}}\n",
		"512 kB URL":               lab + "steps: [{http.get: {session: c, url: \"http://" + strings.Repeat("a/", maxBytes/2-1000) + "\"}}]\n",
		"NUL":                      "netlab: 1\nname: a\x00b\n",
		"NUL in quotes":            "netlab: 1\nname: \"a\\x00b\"\n",
		"escape":                   "netlab: 1\nname: \x1b[2J\n",
		"invalid UTF-8":            "netlab: 1\nname: \xff\xfe\n",
		"UTF-16":                   "\xff\xfen\x00e\x00t\x00",
		"surrogate":                "netlab: 1\nname: \"\\ud800\"\n",
		"name with ../":            "netlab: 1\nname: ../../etc/passwd\n",
		"name with a shell":        "netlab: 1\nname: \"$(reboot); `x` | y & z\"\n",
		"carriage returns":         strings.Repeat("\r", 20_000),
		"line separators":          strings.Repeat("\u2028", 20_000),
		"byte order marks":         strings.Repeat("\ufeff", 20_000),
		"tags":                     strings.Repeat("!a ", 10_000) + "x",
		"anchors":                  "[" + strings.Repeat("&a ,", 20_000) + "]",
		"percent directives":       strings.Repeat("%YAML 1.1\n", 2_000),
		"documents":                strings.Repeat("---\n", 10_000),
		"binary":                   "netlab: !!binary " + strings.Repeat("A", 10_000) + "\n",
		"timestamps":               "netlab: !!timestamp x\nname: !!int x\nseed: !!float {}\n",
		"float of a kind":          "netlab: 1e999999999\nseed: .inf\nruns: 0x1p-2\n",
		"merge":                    "netlab: 1\n<<: [*a, {b: c}]\n",
		"aliases of a large value": lab + "references: &r [" + many("x%d,", 1000) + "]\nvariants: {" + many("v%d: {patch: {references: *r}},", 60) + "}\n",
	}
}

// proxies is a row of servers each of which asks the next.
func proxies(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d: {node: a, proxy: {port: %d, to: p%d}},", i, i+1, i+1)
	}
	return b.String()
}

// TestHostile sees to it that hostile files get an error, in finite time.
// Real times are logged; BenchmarkHostile measures them.
func TestHostile(t *testing.T) {
	var worst time.Duration
	for name, text := range hostile() {
		start := time.Now()
		_, err := Parse("hostile.yaml", []byte(text))
		took := time.Since(start)
		worst = max(worst, took)
		t.Logf("%8.1f ms  %s", float64(took.Microseconds())/1000, name)
		var all *Errors
		if !errors.As(err, &all) {
			t.Errorf("%s: no error", name)
			continue
		}
		if said := all.Error(); len(said) > 100_000 || strings.ContainsAny(said, "\x00\x1b\r") {
			t.Errorf("%s: the error is %d bytes long or holds control characters", name, len(said))
		}
		// 100 ms are wanted, and BenchmarkHostile tells. Here the machine may
		// be busy and the race detector is slow; a bomb would take for ever.
		if took > time.Minute {
			t.Errorf("%s: took %v", name, took)
		}
	}
	t.Logf("worst: %v", worst)
}

// BenchmarkHostile reports the worst time to refuse a hostile file.
func BenchmarkHostile(b *testing.B) {
	files := hostile()
	worst, which := time.Duration(0), ""
	for b.Loop() {
		for name, text := range files {
			best := time.Hour
			for range 3 {
				start := time.Now()
				_, _ = Parse("hostile.yaml", []byte(text))
				best = min(best, time.Since(start))
			}
			if best > worst {
				worst, which = best, name
			}
		}
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
	b.Logf("worst: %s, %v", which, worst)
}

// BenchmarkParse reads the gallery's first scenario with its variants.
func BenchmarkParse(b *testing.B) {
	data, err := Load("ftp-close")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse("ftp-close.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
