package scenarios

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"netlab/probes"
	"netlab/scenarios/words"
)

// FuzzParse feeds whole files. Whatever comes, there is either a scenario or
// an error that can be shown.
func FuzzParse(f *testing.F) {
	for _, name := range Gallery() {
		data, err := Load(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range archive(f, "testdata/right.txtar", ".yaml") {
		f.Add(data)
	}
	for name, data := range archive(f, "testdata/wrong.txtar", ".yaml") {
		if !strings.HasPrefix(name, "structure/number") { // one of a kind is enough
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		s, err := Parse("fuzz.yaml", data)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("took %v", took)
		}
		if (s == nil) == (err == nil) {
			t.Fatalf("Parse gave %v, %v", s, err)
		}
		if err == nil {
			holds(t, s)
			for _, v := range s.Variants {
				holds(t, v.Scenario)
			}
			return
		}
		var all *Errors
		if !errors.As(err, &all) || all.Count() == 0 {
			t.Fatalf("the error is %#v", err)
		}
		showable(t, all.In(words.English))
		showable(t, all.In(words.Chinese))
	})
}

// holds checks some of what a parsed scenario promises.
func holds(t *testing.T, s *Scenario) {
	t.Helper()
	nodes := map[string]bool{}
	for _, n := range s.Nodes {
		nodes[n.Name] = true
		if checkName(n.Name, maxName) != nil {
			t.Errorf("node %q", n.Name)
		}
	}
	for _, l := range s.Links {
		if len(l.Ends) != 2 || l.Ends[0].Name == l.Ends[1].Name || l.MTU < 68 || l.MTU > 65535 {
			t.Errorf("link %v", l)
		}
	}
	for _, x := range s.Servers {
		if n := pointersIn(x); n != 1 || x.Kind() == "" || !nodes[x.Node] {
			t.Errorf("server %v has %d kinds", x, n)
		}
		if x.Exec == nil && (x.Port() < 1 || x.Port() > maxPort) {
			t.Errorf("server %v is on port %d", x, x.Port())
		}
	}
	for _, x := range s.Links {
		for _, i := range x.Impairments() {
			if i != nil && (i.Loss < 0 || i.Loss > millionths || i.Jitter.Duration > i.Delay.Duration || i.Queue < 1) {
				t.Errorf("link %v has %v", x, i)
			}
		}
	}
	gatesHold(t, s)
	for _, x := range s.Steps {
		if n := pointersIn(x); n != 1 || x.Index < 1 {
			t.Errorf("step %v has %d verbs", x, n)
		}
		if x.Common() == nil && x.Settle == nil && x.Sleep == nil {
			t.Errorf("step %v has nothing in common with others", x)
		}
		if node := x.Node(); node != "" && !nodes[node] {
			t.Errorf("step %v is on node %q", x, node)
		}
	}
}

// gatesHold checks that steps of gates speak of links and rules that exist.
func gatesHold(t *testing.T, s *Scenario) {
	t.Helper()
	links := map[string]bool{}
	for _, l := range s.Links {
		links[l.Name] = true
	}
	for i := range s.Steps {
		x := &s.Steps[i]
		if r := x.GateRule(); r != nil && (!links[r.Link] || !s.Gated(r.Link)) {
			t.Errorf("step %v is on link %q", x, r.Link)
		}
		if rule := x.text("Rule"); rule != "" && !links[s.RuleLink(rule)] {
			t.Errorf("step %v is about rule %q", x, rule)
		}
	}
	if ok, why := s.AllowsLockstep(); ok != why.IsZero() {
		t.Errorf("lockstep: %v, %v", ok, why)
	}
}

// pointersIn counts the fields of a struct that are pointers and set.
func pointersIn(x any) int {
	set := 0
	for v, i := reflect.ValueOf(x), 0; i < v.NumField(); i++ {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			set++
		}
	}
	return set
}

// showable checks that an error can be written to a terminal.
func showable(t *testing.T, said string) {
	t.Helper()
	if !utf8.ValidString(said) {
		t.Errorf("not UTF-8: %q", said)
	}
	for _, c := range said {
		if c != '\n' && unicode.IsControl(c) || isOverride(c) {
			t.Errorf("control character %U in %q", c, said)
			return
		}
	}
}

// FuzzText feeds every type that is written as one text, and names.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"60ms", "1.5s", "1h2m3s", "-1s", "3", ".5s", "9223372036854775807ns", "1e3s",
		"6", "64kB", "1GiB", "TB", "1B", "99999999999999999999MB",
		"10.0.0.1/24", "fd00::1/64", "fd00::1%eth0/64", "::ffff:10.0.0.1/120", "10.77.0.0/16", "fd77::/48", "none", "0.0.0.0/0",
		"2122-2141", "21", "0-1", "5-4", "65535-65536", "on", "off", "true", "No",
		"FIN-WAIT-1", "client", "client | server", "both", "nobody", "|", "client FIN", "client FIN+ACK | server RST",
		"control opened", "fetch ended", "control client FIN", "control client TIME-WAIT", "a b c d",
		"net.ipv4.tcp_fin_timeout", "net/ipv4/conf/eth0.1/rp_filter", "net.ipv4/../../kernel", "a/b.txt", "../a", "/a", "a//b", "www.lab.test", "",
		"client bad_certificate", "client close_notify", "get client close_notify", "10.77.1.0/24", "::/0", "fd77::1", "::ffff:1.2.3.4",
		"send a", "send \"a\\r\\n\"", "expect a", "wait 5s", "close", "close now", "Content-Type", "_sip._tcp.lab.test.", "/a?b=c",
		"http://server:80/x", "alice@lab.test", "[::1]:80", "LANG", "/tmp/a/b", "1%", "0.5%", "100.0001%", "01%", "%", "5％", "99999999999999999999%", "1.%", "0.00001%",
		"10Mbit", "500kbit", "1Gbit", "bit", "10Mbit/s", "10 mbps", "1.5Mbit", "0.001kbit", "99999999999999999999Gbit", "10MB/s", "/run/netlab/x", "/var/../etc", "5.14",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, x := range []textParser{
			new(Duration), new(Size), new(Prefix), new(Pool), new(PortRange), new(YesNo),
			new(StateName), new(Who), new(Element), new(Moment), new(Alert), new(Network), new(Address),
			new(Percent), new(Rate),
		} {
			flaw := x.parseText(s)
			if flaw != nil {
				if utf8.ValidString(s) {
					showable(t, flaw.message.String())
				}
				continue
			}
			textHolds(t, s, x)
		}
		if new(Sysctl).checkName(s) == nil && strings.Contains(s, "..") {
			t.Errorf("sysctl %q", s)
		}
		if new(FTPFile).checkName(s) == nil && strings.Contains("/"+s+"/", "/../") {
			t.Errorf("file %q", s)
		}
		if checkName(s, maxName) == nil && strings.ContainsAny(s, "./ $`;&|\\\"'\n\x00") {
			t.Errorf("name %q", s)
		}
		namesHold(t, s)
		nearest(s, []string{"close", "session", s})
	})
}

// namesHold checks what was taken for a name of something that is not of this
// language, and the texts of other people's.
func namesHold(t *testing.T, s string) {
	t.Helper()
	for what, taken := range map[string]bool{
		"header":   new(Header).checkName(s) == nil,
		"cookie":   new(Cookie).checkName(s) == nil,
		"route":    new(Route).checkName(s) == nil,
		"variable": new(Variable).checkName(s) == nil,
		"file":     new(ExecFile).checkName(s) == nil,
		"record":   new(Record).checkName(s) == nil,
		"URL":      isWebAddress(s),
		"host":     isAuthority(s),
		"mailbox":  isMailbox(s),
	} {
		if taken && (s == "" || strings.ContainsAny(s, "\x00\r\n\x1b")) {
			t.Errorf("%s %q", what, s)
		}
	}
	if new(ExecFile).checkName(s) == nil && (strings.Contains(s+"/", "/../") || strings.HasPrefix(s, ownFiles+"/")) {
		t.Errorf("file %q", s)
	}
	if flaw := checkScriptLine(s); flaw != nil && utf8.ValidString(s) {
		showable(t, flaw.message.String())
	}
	isKernel(s)
}

// textHolds checks that what was read is in bounds and means what was written.
func textHolds(t *testing.T, s string, x textParser) {
	t.Helper()
	switch x := x.(type) {
	case *Duration:
		var again Duration
		if flaw := again.parseText(x.String()); x.Duration < 0 || flaw != nil || again != *x {
			t.Errorf("duration %q is %v", s, x)
		}
	case *Size:
		if *x < 0 {
			t.Errorf("size %q is %d", s, *x)
		}
	case *Percent:
		var again Percent
		if flaw := again.parseText(x.String()); *x < 0 || flaw != nil || again != *x {
			t.Errorf("share %q is %v", s, x)
		}
	case *Rate:
		var again Rate
		if flaw := again.parseText(x.String()); *x < 0 || flaw != nil || again != *x {
			t.Errorf("rate %q is %v", s, x)
		}
	case *Prefix:
		if !x.IsValid() || x.Addr().Zone() != "" {
			t.Errorf("prefix %q is %v", s, x)
		}
	case *Pool:
		if s != none && x.Masked() != x.Prefix {
			t.Errorf("pool %q is %v", s, x)
		}
	case *PortRange:
		if x.Low < 1 || x.High < x.Low || x.High > maxPort {
			t.Errorf("ports %q are %v", s, x)
		}
	case *Moment:
		if x.Name == "" || (x.End == "") == (x.Point == "") {
			t.Errorf("moment %q is %v", s, x)
		}
	case *Alert:
		if x.End == "" || !isWord(x.Description, probes.AlertNames()) {
			t.Errorf("alert %q is %v", s, x)
		}
	case *Network:
		if x.Masked() != x.Prefix {
			t.Errorf("network %q is %v", s, x)
		}
	case *Address:
		if !x.IsValid() || x.Zone() != "" {
			t.Errorf("address %q is %v", s, x)
		}
	case *Element:
		if len(*x) == 0 {
			t.Errorf("element %q is empty", s)
		}
	}
}

// archive returns the files of a txtar archive whose names end in suffix,
// without it.
func archive(tb testing.TB, file, suffix string) map[string][]byte {
	tb.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range a.Files {
		if name, ok := strings.CutSuffix(f.Name, suffix); ok {
			files[name] = f.Data
		}
	}
	return files
}
