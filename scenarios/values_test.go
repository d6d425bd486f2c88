package scenarios

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlab/probes"
	"netlab/scenarios/words"
)

func mustParse(t *testing.T, text []byte) *Scenario {
	t.Helper()
	s, err := Parse("a.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestValues looks at what became of the forms in testdata/right.txtar.
func TestValues(t *testing.T) {
	files := archive(t, "testdata/right.txtar", ".yaml")
	short, forms, steps := mustParse(t, files["short"]), mustParse(t, files["forms"]), mustParse(t, files["steps"])
	ftpd, other := forms.Servers[0].FTP, forms.Servers[1].FTP
	connect, retrieve := steps.Steps[0].FTPConnect, steps.Steps[3].FTPRetrieve
	settle := steps.Steps[len(steps.Steps)-1].Settle
	control := steps.Expect.Connections[0]
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"version", short.Version, 1},
		{"title in both languages", short.Title, Text{EN: "A title in one language", ZH: "A title in one language"}},
		{"title in one language", forms.Title, Text{ZH: "标题"}},
		{"default seed", short.Seed, uint64(1)},
		{"default runs", short.Runs, 1},
		{"default pools", short.Addressing, Addressing{
			IPv4: Pool{netip.MustParsePrefix("10.77.0.0/16")}, IPv6: Pool{netip.MustParsePrefix("fd77::/48")},
		}},
		{"default limits", short.Limits, Limits{
			Run: Duration{time.Minute}, Step: Duration{10 * time.Second}, Events: 2_000_000, Disk: 1e9, Processes: 4096,
		}},
		{"short link", short.Links[0].Ends[1], End{At: Pos{"a.yaml", 7, 24}, Name: "server", Acks: DefaultAcks}},
		{"default MTU", short.Links[0].MTU, 1500},
		{"node's place", short.Nodes[1].At, Pos{"a.yaml", 6, 3}},
		{"name stays text", forms.Name, "007"},
		{"claim stays text", forms.Claim.EN, "42"},
		{"large seed", forms.Seed, uint64(1<<64 - 1)},
		{"no IPv6", forms.Addressing.IPv6.IsValid(), false},
		{"forwards", []bool{forms.Nodes[0].Forwards, forms.Nodes[1].Forwards, forms.Nodes[2].Forwards}, []bool{true, true, false}},
		{"sysctl", forms.Nodes[0].Sysctls[0].Value, "5"},
		{"users", []string{ftpd.Users[0].Name, ftpd.Users[0].Password, ftpd.Users[1].Password, ftpd.Users[2].Name}, []string{"no", "yes", "007", "7"}},
		{"content", []string{ftpd.Files[0].Content, ftpd.Files[2].Content}, []string{"7", "\x00\r\n"}},
		{"generated file", ftpd.Files[1].Size, Size(100e6)},
		{"ports", []PortRange{ftpd.PassivePorts, other.PassivePorts}, []PortRange{{2122, 2141}, {30, 30}}},
		{"idle timeout", []Duration{ftpd.IdleTimeout, other.IdleTimeout}, []Duration{{90 * time.Second}, {900 * time.Second}}},
		{"peer check", []YesNo{ftpd.PeerCheck, other.PeerCheck}, []YesNo{false, true}},
		{"close with delay", ftpd.Close, Close{Style: CloseAfterPeer, Delay: Duration{60 * time.Millisecond}}},
		{"close without", ftpd.DataClose, Close{Style: CloseReset}},
		{"default close", other.Close, Close{Style: CloseAtOnce}},
		{"verb", steps.Steps[3].Verb, "ftp.retrieve"},
		{"index", steps.Steps[3].Index, 4},
		{"family", connect.Family, IPv6},
		{"mode", connect.Mode, ExtendedActive},
		{"name of step", connect.As, "control"},
		{"timeouts", []Duration{connect.Timeout, retrieve.Timeout}, []Duration{{500 * time.Millisecond}, {}}},
		{"size in KiB", retrieve.AbortAfter, Size(65536)},
		{"sleeps", []Duration{steps.Steps[17].Sleep.For, steps.Steps[18].Sleep.For}, []Duration{{10 * time.Millisecond}, {1500 * time.Millisecond}}},
		{"default settle", steps.Steps[20].Settle.Within, Duration{3 * time.Second}},
		{"settle until", settle.Until[0].Ends[1].State.State, probes.Closed},
		{"states", control.Ends[0].States[1].State, probes.SynSent},
		{"opening", control.Opening.Alternatives, []Sequence{{{{"client", WordSYN}}, {{"server", WordSYNACK}}, {{"client", WordACK}}}}},
		{"closing", control.Closing.Alternatives, []Sequence{
			{{{"client", WordFIN}}, {{"server", WordACK}, {"server", WordFINACK}}}, {{{Opener, WordRST}}},
		}},
		{"first FIN", control.FirstFIN.Any, []string{"client", "server"}},
		{"counts", []Count{*control.Resets, *control.Retransmissions, *steps.Expect.Connections[2].Resets}, []Count{{0, -1}, {0, 3}, {0, 0}}},
		{"reply", *steps.Expect.Steps[0].Reply, Count{200, 299}},
		{"connection count", steps.Expect.ConnectionCount[0].Count, Count{1, -1}},
		{"moments", []string{steps.Expect.Order[0].Point, string(steps.Expect.Order[2].Word), steps.Expect.Order[3].State.String()}, []string{"opened", "DATA", "CLOSE-WAIT"}},
		{"moment's place", steps.Expect.Order[1].At, Pos{"a.yaml", 48, 27}},
		{"patch", steps.Variants[1].Patch, Patch{"runs", "expect.order", "links.wire"}},
		{"runs of variants", []int{steps.Variants[0].Runs, steps.Variants[1].Runs, steps.Variants[1].Scenario.Runs}, []int{3, 2, 2}},
		{"tally of variants", []int{len(steps.Variants[0].Tally), len(steps.Variants[1].Tally)}, []int{6, 0}},
		{"patched list", steps.Variants[1].Scenario.Links[0].Ends[0].Name, "server"},
		{"removed", len(steps.Variants[1].Scenario.Expect.Order), 0},
		{"variants of variant", len(steps.Variants[0].Scenario.Variants), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWorkloadValues looks at what became of the forms of workloads in
// testdata/right.txtar.
func TestWorkloadValues(t *testing.T) {
	s := mustParse(t, archive(t, "testdata/right.txtar", ".yaml")["workloads"])
	server := func(name string) *Server {
		i := slices.IndexFunc(s.Servers, func(v Server) bool { return v.Name == name })
		return &s.Servers[i]
	}
	web, secure := server("web").HTTP, server("secure").HTTPS
	routes := map[string]Route{}
	for _, r := range web.Routes {
		r.At = Pos{}
		routes[r.Name] = r
	}
	get, post := s.Steps[1].HTTPGet, s.Steps[3].HTTPPost
	first, second := s.Expect.Connections[0], s.Expect.Connections[1]
	rules := s.Nodes[1].Firewall
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"needs", s.Needs, Needs{Packages: []string{"vsftpd", "lftp"}, Programs: []string{"curl"}, Kernel: "5.14", Features: []Feature{FeatureBPF, FeatureNAT}}},
		{"exclusive", s.Exclusive, YesNo(true)},
		{"resolver", s.Nodes[0].Resolver, "names"},
		{"nat", *s.Nodes[1].NAT, NAT{Masquerade: "wan", FTPHelper: true}},
		{"drop", *rules[0].Drop, Match{Path: PathForward, Link: "wan", Protocol: TCP, Ports: PortRange{20, 21}, Flags: []TCPFlag{"SYN"}, Unset: []TCPFlag{"ACK"}}},
		{"reject", *rules[1].Reject, Match{Path: PathAny, From: "client", To: "server", Protocol: UDP, With: RejectProhibited}},
		{"accept all", *rules[2].Accept, Match{Path: PathAny}},
		{"short route", routes["/"], Route{Name: "/", Body: "hello\n"}},
		{"empty route", routes["/empty"], Route{Name: "/empty"}},
		{"generated route", routes["/big"].Size, Size(1e6)},
		{"header", routes["/all"].Headers[0].Name + ": " + routes["/all"].Headers[0].Value, "Content-Type: text/html"},
		{"short cookie", routes["/all"].Cookies[0].Value, "abc"},
		{"cookie", routes["/all"].Cookies[1].SameSite, SameSiteLax},
		{"versions without quotes", web.Versions, []HTTPVersion{HTTP10, HTTP11}},
		{"ports", []int{server("web").Port(), server("secure").Port(), server("vs").Port(), server("names").Port()}, []int{80, 443, 21, 53}},
		{"kinds", []string{server("web").Kind(), server("secure").Kind(), server("px").Kind(), server("vs").Kind()}, []string{"http", "https", "proxy", "exec"}},
		{"inlined default", secure.KeepAlive, YesNo(true)},
		{"notify", secure.SendsNotify, YesNo(false)},
		{"script", server("talk").TCP.Script, []string{"send hello", "expect QUIT", "wait 100ms", "close"}},
		{"record of a node", server("names").DNS.Records[0].Values, []RecordValues{{"", []string{"server"}}}},
		{"record of a list", server("names").DNS.Records[2].Values, []RecordValues{{"", []string{"10.0.0.1", "fd00::1"}}}},
		{"records of types", server("names").DNS.Records[3].Values, []RecordValues{{"MX", []string{"10 mail.lab.test"}}, {"TXT", []string{"a", "b"}}}},
		{"proxy", []ProxyAt{*server("px").Proxy.Flip, *server("px").Proxy.Cut}, []ProxyAt{{ProxyAnswer, 10, ""}, {ProxyRequest, 100, "abc"}}},
		{"program's file", server("vs").Exec.Files[0].Content, "listen=YES\n"},
		{"variable", server("vs").Exec.Environment[0].Name + "=" + server("vs").Exec.Environment[0].Value, "LANG=C"},
		{"ready", *server("vs").Exec.Ready, ExecReady{Line: "x"}},
		{"request", []string{get.To, get.Path, get.Host, get.As, get.Session}, []string{"web", "/a?b=c", "www.lab.test", "get", "web1"}},
		{"inlined twice", []string{post.To, post.As, post.Path, post.Type}, []string{"px", "post", "/", "text/x"}},
		{"visible", first.Visible, []string{"a\nb"}},
		{"no alerts", len(*first.Alerts), 0},
		{"alerts", *second.Alerts, []Alert{{"client", "bad_certificate"}}},
		{"alerts absent", s.Expect.Connections[2].Alerts == nil, true},
		{"TLS of a connection", *first.TLS, TLS13},
		{"no cookies", len(*s.Expect.Steps[0].Cookies), 0},
		{"cookies absent", s.Expect.Steps[1].Cookies == nil, true},
		{"moments", []SegmentWord{s.Expect.Order[0].Word, s.Expect.Order[1].Word}, []SegmentWord{WordCloseNotify, WordAlert}},
		{"nth of a step", s.Connections[0].Nth, 2},
		{"searched", s.SearchTexts(), []string{"a\nb", "nothing", "secret"}},
		{"certificates", s.Certificates(), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for i := range s.Steps {
		if step := &s.Steps[i]; step.FirewallDrop != nil && step.To() != "" {
			t.Errorf("a rule is about server %q", step.To())
		}
	}
}

// TestTravels sees to it that servers and steps come through JSON, by which
// agents are told of them.
func TestTravels(t *testing.T) {
	for name, text := range archive(t, "testdata/right.txtar", ".yaml") {
		s := mustParse(t, text)
		var again Scenario
		data, err := json.Marshal(s)
		if err == nil {
			err = json.Unmarshal(data, &again)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same := cmp.Options{
			cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
			cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		}
		if diff := cmp.Diff(s.Servers, again.Servers, same); diff != "" {
			t.Errorf("%s: servers (-went +came):\n%s", name, diff)
		}
		if diff := cmp.Diff(s.Steps, again.Steps, same); diff != "" {
			t.Errorf("%s: steps (-went +came):\n%s", name, diff)
		}
	}
}

// TestCertificates sees to it that a lab has an authority where one may ask.
func TestCertificates(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"servers: {a: {node: n, http: {}}, b: {node: n, ftp: {}}}", false},
		{"servers: {a: {node: n, https: {}}}", true},
		{"servers: {a: {node: n, ftp: {tls: explicit}}}", true},
		{"servers: {a: {node: n, exec: {command: [x], port: 1}}}", true},
		{"steps: [{exec: {node: n, command: [x]}}]", true},
	} {
		s := mustParse(t, []byte("netlab: 1\nname: x\nnodes: {n: {}}\n"+tt.text+"\n"))
		if got := s.Certificates(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.text, got, tt.want)
		}
	}
}

// TestGallery sees to it that every scenario of the gallery parses, says what
// it is about in both languages, and bears the name of its file, which no other
// bears in whatever set.
func TestGallery(t *testing.T) {
	names := Gallery()
	for _, must := range []string{"ftp-active", "ftp-close", "ftp-idle", "rfc9293/closed-to-listen", "rfc9293-long/time-wait-to-closed"} {
		if !slices.Contains(names, must) {
			t.Errorf("no %s in %v", must, names)
		}
	}
	borne := map[string]string{}
	for _, name := range names {
		data, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		s := mustParse(t, data)
		if _, file, in := strings.Cut(name, "/"); s.Name != name && (!in || s.Name != file) {
			t.Errorf("%s is the file of %s", name, s.Name)
		}
		if other, ok := borne[s.Name]; ok {
			t.Errorf("%s and %s bear the same name", other, name)
		}
		borne[s.Name] = name
		texts := map[string]Text{"title": s.Title, "claim": s.Claim, "reason": s.Reason}
		for _, v := range s.Variants {
			texts["variants."+v.Name+".note"] = v.Note
		}
		for what, x := range texts {
			if x.EN == "" || x.ZH == "" || x.EN == x.ZH {
				t.Errorf("%s: %s is not in both languages: %v", name, what, x)
			}
		}
		if s.Finding == NoFinding || len(s.References) == 0 {
			t.Errorf("%s has no finding, or no references", name)
		}
	}
	for _, name := range []string{"", "nothing", "../scenarios/ftp-close", "ftp-close.yaml", "a/b", "."} {
		if _, err := Load(name); err == nil {
			t.Errorf("Load(%q) gave something", name)
		}
	}
}

// TestSets sees to it that the sets of the gallery and the scenarios that stand
// alone are all of it.
func TestSets(t *testing.T) {
	if diff := cmp.Diff([]string{"rfc9293", "rfc9293-long"}, Sets()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	all := Set(".")
	for _, set := range Sets() {
		names := Set(set)
		if len(names) == 0 || !slices.IsSorted(names) || !slices.Equal(names, Set(set+"/")) {
			t.Errorf("%s: %v, and with a slash %v", set, names, Set(set+"/"))
		}
		for _, name := range names {
			if !strings.HasPrefix(name, set+"/") {
				t.Errorf("%s is not in %s", name, set)
			}
		}
		all = append(all, names...)
	}
	if diff := cmp.Diff(Gallery(), all); diff != "" {
		t.Errorf("(-gallery +sets):\n%s", diff)
	}
	for _, name := range []string{"", "/", "./", "nothing", "testdata", "rfc9293//", "rfc9293/closed-to-listen", "*"} {
		if got := Set(name); got != nil {
			t.Errorf("Set(%q) = %v", name, got)
		}
	}
}

// TestErrorsInChinese shows that everything but names is translated.
func TestErrorsInChinese(t *testing.T) {
	const text = "netlab: 1\nname: x\nnodes: {client: {}}\nsteps:\n  - ftp.quit: {session: c, clsoe: at_once}\n"
	_, err := Parse("a.yaml", []byte(text))
	want := `a.yaml:5:25: steps[0].ftp.quit.session: 没有会话 "c"：会话是 ftp.connect 步骤的名称（as）
a.yaml:5:28: steps[0].ftp.quit.clsoe: 未知的键
  允许：session, close, as, timeout, expect_error
  是不是想写 "close"？`
	if diff := cmp.Diff(want, err.(*Errors).In(words.Chinese)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestManyErrors sees to it that a very wrong file is not answered with a
// very long text.
func TestManyErrors(t *testing.T) {
	var text strings.Builder
	text.WriteString("netlab: 1\nname: x\nnodes: {a: {}}\n")
	for i := range 2000 {
		fmt.Fprintf(&text, "key%d: x\n", i)
	}
	_, err := Parse("a.yaml", []byte(text.String()))
	all := err.(*Errors)
	if all.Count() != 2000 || len(all.Problems) != maxProblems {
		t.Errorf("%d errors, %d kept", all.Count(), len(all.Problems))
	}
	said := all.Error()
	if !strings.HasSuffix(said, "\n  and 1950 more errors") {
		t.Errorf("it ends with %q", said[len(said)-40:])
	}
}

// TestTags reads every tag of the types: bounds and defaults must be values
// of their field, docs must be sentences, words no booleans of YAML.
func TestTags(t *testing.T) {
	booleans := []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"}
	sh := shapes{}
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if e, ok := reflect.New(typ).Elem().Interface().(enum); ok {
			for _, w := range e.words() {
				if slices.Contains(booleans, strings.ToLower(w)) {
					t.Errorf("%v has the word %q", typ, w)
				}
			}
		}
		if seen[typ] || typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Scenario]().PkgPath() {
			return
		}
		seen[typ] = true
		for _, f := range sh.of(typ).fields {
			if !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%v.%s: doc %q is no sentence", typ, f.key, f.doc)
			}
			if f.def != "" {
				d := newDecoder(&report{file: "tag"}, sh, "")
				v := reflect.New(f.typ).Elem()
				d.value(v, &node{text: f.def}, nil, &f)
				if err := d.report.err(); err != nil {
					t.Errorf("%v.%s: default: %v", typ, f.key, err)
				}
			}
			if f.min != "" || f.max != "" {
				if lo, hi := boundsOf(f.typ, &f); lo.amount >= hi.amount {
					t.Errorf("%v.%s: bounds %v, %v", typ, f.key, lo, hi)
				}
			}
			visit(f.typ)
		}
		for i := range typ.NumField() {
			visit(typ.Field(i).Type)
		}
	}
	visit(reflect.TypeFor[Scenario]())
	visit(reflect.TypeFor[closeOptions]())
	visit(reflect.TypeFor[countBounds]())
	if len(seen) < 30 {
		t.Errorf("only %d types", len(seen))
	}
}

// TestMergePatch takes the examples of RFC 7396, appendix A, but for null
// where there is nothing to remove, which is an error here.
func TestMergePatch(t *testing.T) {
	for _, tt := range []struct{ target, patch, want string }{
		{`{a: b}`, `{a: c}`, `{a: c}`},
		{`{a: b}`, `{b: c}`, `{a: b, b: c}`},
		{`{a: b}`, `{a: null}`, `{}`},
		{`{a: b, b: c}`, `{a: null}`, `{b: c}`},
		{`{a: [b]}`, `{a: c}`, `{a: c}`},
		{`{a: c}`, `{a: [b]}`, `{a: [b]}`},
		{`{a: {b: c}}`, `{a: {b: d, c: null}}`, `error a.c`},
		{`{a: [{b: c}]}`, `{a: [1]}`, `{a: [1]}`},
		{`[a, b]`, `[c, d]`, `[c, d]`},
		{`{a: b}`, `[c]`, `[c]`},
		{`{e: null}`, `{a: 1}`, `{e: null, a: 1}`},
		{`[1, 2]`, `{a: b, c: null}`, `error c`},
		{`{}`, `{a: {bb: {ccc: null}}}`, `error a.bb.ccc`},
		{`{a: {b: c, d: e}, f: g}`, `{a: {d: null, h: {i: j}}, f: {k: l}}`, `{a: {b: c, h: {i: j}}, f: {k: l}}`},
	} {
		t.Run(tt.target+" "+tt.patch, func(t *testing.T) {
			r := &report{}
			m := merger{newDecoder(r, shapes{}, "v")}
			merged := m.merge(load([]byte(tt.target), r), load([]byte(tt.patch), r), nil)
			got := flow(merged)
			if len(r.list) > 0 {
				got = "error " + r.list[0].Path
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// flow writes a tree as YAML in one line.
func flow(n *node) string {
	var parts []string
	switch n.kind {
	case mapping:
		for _, e := range n.pairs {
			parts = append(parts, e.key.text+": "+flow(e.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case sequence:
		for _, i := range n.items {
			parts = append(parts, flow(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return n.text
}

func TestNearest(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"clsoe", "close"}, {"Close", "close"}, {"zebra", ""}, {"sesion", "session"}, {"", ""},
		{"after-reply", "after_reply"}, {"x", ""}, {strings.Repeat("close", 100), ""},
	} {
		if got := nearest(tt.in, []string{"session", "close", "after_reply", "as"}); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
