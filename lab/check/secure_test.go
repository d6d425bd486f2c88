package check

import (
	"strings"
	"testing"
	"time"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

const opener, acceptor = true, false

// A secureTrial is one HTTPS run judged by one expectation.
type secureTrial struct {
	name    string
	opts    checktest.Options
	play    func(*checktest.Conn)
	spoil   func(*timeline.Timeline)
	expect  scenarios.ConnectionExpect
	verdict string
	want    Outcome
	got     string
	reason  string
}

func runSecure(t *testing.T, trials []secureTrial) {
	t.Helper()
	for _, tt := range trials {
		t.Run(tt.name, func(t *testing.T) {
			tl := checktest.HTTPSClose(tt.opts, probes.Step{Status: 200}, tt.play)
			if tt.spoil != nil {
				tt.spoil(tl)
			}
			sc := checktest.HTTPSScenario()
			connection("page", tt.expect)(sc)
			v := verdictOf(t, Eval(tl, sc), "page."+tt.verdict)
			reason := ""
			if v.Reason != nil {
				reason = v.Reason.String()
			}
			if v.Outcome != tt.want || v.Got != tt.got {
				t.Errorf("%s %q (%s), want %s %q", v.Outcome, v.Got, reason, tt.want, tt.got)
			}
			if !strings.Contains(reason, tt.reason) || v.Outcome != Pass && v.Reason == nil {
				t.Errorf("reason %q, want %q in it", reason, tt.reason)
			}
			if v.Want == "" || v.Reference == "" || len(v.SeenBy) == 0 {
				t.Errorf("not complete: %+v", v)
			}
		})
	}
}

func verdictOf(t *testing.T, j *Judgement, name string) *Verdict {
	t.Helper()
	for i := range j.Verdicts {
		if j.Verdicts[i].Name == name {
			return &j.Verdicts[i]
		}
	}
	t.Fatalf("no verdict %s in %+v", name, j.Verdicts)
	return nil
}

var noWire = checktest.Options{Root: true, Without: []probes.Source{probes.Wire}}

func TestReadable(t *testing.T) {
	plain := func(c *checktest.Conn) {
		c.Send(opener, "GET / secret", 30)
		c.Send(acceptor, "HTTP/1.1 200 OK", 40)
		c.FourWay(acceptor)
		c.Search("secret", "200 OK")
	}
	unsearched := func(c *checktest.Conn) { c.Send(opener, "GET / secret", 30); c.FourWay(acceptor) }
	visible := func(texts ...string) scenarios.ConnectionExpect { return scenarios.ConnectionExpect{Visible: texts} }
	hidden := func(texts ...string) scenarios.ConnectionExpect { return scenarios.ConnectionExpect{Hidden: texts} }
	other := func(c *checktest.Conn) { c.Send(opener, "GET /", 30); c.FourWay(acceptor); c.Search("secret") }
	holes := func(tl *timeline.Timeline) {
		for i := range tl.Connections[0].Found {
			if f := &tl.Connections[0].Found[i]; f.From == tl.Connections[0].Acceptor {
				f.Holes = true
			}
		}
	}
	elsewhere := func(tl *timeline.Timeline) { // only beyond a translator
		for i := range tl.Connections[0].Found {
			tl.Connections[0].Found[i].Node = "router"
		}
	}
	late := func(tl *timeline.Timeline) {
		for i := range tl.Connections[0].Found {
			tl.Connections[0].Found[i].Time = tl.Close + 1
		}
	}
	tooLarge := func(tl *timeline.Timeline) {
		tl.Losses = append(tl.Losses, timeline.Loss{Source: probes.Content, Loss: probes.Loss{What: "capture too large to search", Count: 1}})
	}
	const got, not = `"secret" by client`, `not "secret"`
	runSecure(t, []secureTrial{
		{"visible", root, plain, nil, visible("secret"), "visible", Pass, got, "only the wire"},
		{"visible, of the other end", root, plain, nil, visible("200 OK"), "visible", Pass, `"200 OK" by server`, ""},
		{"visible, though records were lost", root, plain, lose(probes.Wire, "client"), visible("secret"), "visible", Pass, got, ""},
		{"not visible", root, other, nil, visible("secret"), "visible", Fail, not, "in neither stream"},
		{"not visible, holes", root, other, holes, visible("secret"), "visible", Inconclusive, not, "parts of what server sent"},
		{"second of two", root, plain, nil, visible("200 OK", "secret"), "visible[1]", Pass, got, ""},
		{"hidden", root, other, nil, hidden("secret"), "hidden", Pass, not, "only the wire"},
		{"not hidden", root, plain, nil, hidden("secret"), "hidden", Fail, got, "frame 4 bears it, sent by client"},
		{"not hidden, though records were lost", root, plain, lose(probes.Wire, "client"), hidden("secret"), "hidden", Fail, got, ""},
		{"hidden, nobody searched", root, unsearched, nil, hidden("secret"), "hidden", Inconclusive, not, "nobody read what client sent"},
		{"hidden, searched for something else", root, plain, nil, hidden("password"), "hidden", Inconclusive, `not "password"`, "nobody read"},
		{"hidden, lost", root, other, lose(probes.Wire, "client"), hidden("secret"), "hidden", Inconclusive, not, "3 records"},
		{"hidden, holes", root, other, holes, hidden("secret"), "hidden", Inconclusive, not, "parts of what server sent"},
		{"hidden, too large", root, other, tooLarge, hidden("secret"), "hidden", Inconclusive, not, "too large"},
		{"hidden, no wire", noWire, other, nil, hidden("secret"), "hidden", Inconclusive, not, "wire refused"},
		{"hidden, cut short", root, other, cutShort, hidden("secret"), "hidden", Inconclusive, not, "no end"},
		{"hidden, searched elsewhere only", root, other, elsewhere, hidden("secret"), "hidden", Inconclusive, not, "nobody read"},
		{"found after the window", root, plain, late, hidden("secret"), "hidden", Pass, not, ""},
		{"conflict", root, other, conflict, hidden("secret"), "hidden", Inconclusive, not, "contradict"},
	})
}

// secureClose plays a session in which both ends, or those that do, say
// close_notify.
func secureClose(version string, ours []bool, says ...bool) func(*checktest.Conn) {
	return func(c *checktest.Conn) {
		c.Handshake(version, ours...)
		c.Data(opener)
		c.Data(acceptor)
		for _, end := range says {
			c.Sealed(end, version)
			for _, o := range ours {
				if o == end {
					c.Call(end, "close_notify", "sent", probes.Recorded)
				} else {
					c.Call(o, "close_notify", "received", probes.Recorded)
				}
			}
		}
		c.FourWay(opener)
		c.Search()
	}
}

var both = []bool{opener, acceptor}

func TestTLSVersion(t *testing.T) {
	want := func(v scenarios.TLSVersion) scenarios.ConnectionExpect {
		return scenarios.ConnectionExpect{TLS: &v}
	}
	plain := func(c *checktest.Conn) { c.Send(opener, "GET /", 5); c.FourWay(opener); c.Search() }
	differ := func(tl *timeline.Timeline) { tl.Connections[0].TLS[1].Version = "1.1" }
	runSecure(t, []secureTrial{
		{"1.3", root, secureClose("1.3", both, both...), nil, want("1.3"), "tls", Pass, "1.3", ""},
		{"1.2 for 1.3", root, secureClose("1.2", both, both...), nil, want("1.3"), "tls", Fail, "1.2", "1.2 where 1.3"},
		{"programs of others", root, secureClose("1.3", nil), nil, want("1.3"), "tls", Pass, "1.3", ""},
		{"no wire", noWire, secureClose("1.3", both, both...), nil, want("1.3"), "tls", Pass, "1.3", "only the programs"},
		{"no wire, programs of others", noWire, secureClose("1.3", nil), nil, want("1.3"), "tls", Inconclusive, "none", "wire refused"},
		{"they differ", root, secureClose("1.3", both, both...), differ, want("1.3"), "tls", Inconclusive, "1.1", "the wire says TLS 1.1, the program of client says 1.3"},
		{"the client refused the certificate", root, func(c *checktest.Conn) {
			c.Call(opener, "handshake", "failed: unknown authority", probes.Recorded)
			refused("1.3", acceptor)(c)
		},
			nil, want("1.3"), "tls", Pass, "1.3", ""},
		{"no TLS", root, plain, nil, want("1.3"), "tls", Fail, "none", "no server_hello"},
		{"no TLS, lost", root, plain, lose(probes.Wire, "server"), want("1.3"), "tls", Inconclusive, "none", "3 records"},
	})
}

// refused plays a session whose client refuses the certificate.
func refused(version string, ours ...bool) func(*checktest.Conn) {
	return func(c *checktest.Conn) {
		c.Handshake(version, ours...)
		if version == "1.3" {
			c.Sealed(opener, version)
		} else {
			c.Record(opener, probes.TLS{Record: "alert", Version: "1.2", Alert: "bad_certificate", Fatal: true, Len: 2})
		}
		for _, o := range ours {
			if o == opener {
				c.Call(opener, "alert", "sent bad_certificate", probes.Inferred)
			} else {
				c.Call(acceptor, "alert", "received bad_certificate", probes.Recorded)
			}
		}
		c.FourWay(opener)
		c.Search()
	}
}

// inferred plays a session whose client is only thought to have refused.
func inferred(c *checktest.Conn) {
	c.Handshake("1.3", both...)
	c.Sealed(opener, "1.3")
	c.Call(opener, "alert", "sent bad_certificate", probes.Inferred)
	c.FourWay(opener)
	c.Search()
}

func TestAlerts(t *testing.T) {
	want := func(texts ...string) scenarios.ConnectionExpect {
		list := []scenarios.Alert{}
		for _, s := range texts {
			end, name, _ := strings.Cut(s, " ")
			list = append(list, scenarios.Alert{End: end, Description: name})
		}
		return scenarios.ConnectionExpect{Alerts: &list}
	}
	holes := func(tl *timeline.Timeline) {
		for i := range tl.Connections[0].Found {
			tl.Connections[0].Found[i].Holes = true
		}
	}
	runSecure(t, []secureTrial{
		{"in clear text", root, refused("1.2"), nil, want("client bad_certificate"), "alerts", Pass, "client bad_certificate", ""},
		{"by role", root, refused("1.2", both...), nil, want("opener bad_certificate"), "alerts", Pass, "client bad_certificate", ""},
		{"another", root, refused("1.2"), nil, want("client unknown_ca"), "alerts", Fail, "client bad_certificate", "where client unknown_ca"},
		{"another end", root, refused("1.2"), nil, want("server bad_certificate"), "alerts", Fail, "client bad_certificate", ""},
		{"none wanted", root, refused("1.2"), nil, want(), "alerts", Fail, "client bad_certificate", "where nothing"},
		{"none wanted, lost", root, refused("1.2"), lose(probes.Wire, ""), want(), "alerts", Fail, "client bad_certificate", ""},
		{"encrypted, received", root, refused("1.3", both...), nil, want("client bad_certificate"), "alerts", Pass, "client bad_certificate", "only the programs"},
		{"encrypted, received by ours", root, refused("1.3", acceptor), nil, want("client bad_certificate"), "alerts", Pass, "client bad_certificate", ""},
		{"encrypted, only inferred", root, inferred, nil, want("client bad_certificate"), "alerts", Inconclusive, "client bad_certificate", "is inferred"},
		{"encrypted, to programs of others", root, refused("1.3", opener), nil, want("client bad_certificate"), "alerts", Inconclusive, "client bad_certificate", "server sent encrypted records that may be alerts"},
		{"encrypted, programs of others", root, refused("1.3"), nil, want("client bad_certificate"), "alerts", Inconclusive, "nothing", "may be an alert (frame 8)"},
		{"encrypted, programs of others, none wanted", root, refused("1.3"), nil, want(), "alerts", Inconclusive, "nothing", "cannot be read"},
		{"none", root, secureClose("1.3", both, both...), nil, want(), "alerts", Pass, "nothing", ""},
		{"one wanted, none there", root, secureClose("1.3", both, both...), nil, want("client bad_certificate"), "alerts", Fail, "nothing", ""},
		{"one wanted, calls lost", root, secureClose("1.3", both, both...), func(tl *timeline.Timeline) { lose(probes.Calls, "client")(tl); holes(tl) }, want("client bad_certificate"), "alerts", Inconclusive, "nothing", "parts of"},
		{"none, programs of others that say nothing", root, secureClose("1.3", nil), nil, want(), "alerts", Inconclusive, "nothing", "they may be padded"},
		{"none, programs of others that say nothing, 1.2", root, secureClose("1.2", nil), nil, want(), "alerts", Pass, "nothing", ""},
		{"none, others that say nothing to ours", root, secureClose("1.3", []bool{acceptor}), nil, want(), "alerts", Inconclusive, "nothing", "client sent encrypted records"},
		{"none, close_notify of others", root, secureClose("1.3", nil, opener), nil, want(), "alerts", Inconclusive, "nothing", "cannot be read"},
		{"none, close_notify of others to ours", root, secureClose("1.3", []bool{acceptor}, opener), nil, want(), "alerts", Pass, "nothing", ""},
		{"none, holes", root, secureClose("1.2", nil), holes, want(), "alerts", Inconclusive, "nothing", "parts of what client"},
		{"none, no wire", noWire, secureClose("1.3", nil), nil, want(), "alerts", Inconclusive, "nothing", "wire refused"},
		{"none, no TLS", root, func(c *checktest.Conn) { c.Send(opener, "GET /", 5); c.FourWay(opener); c.Search() }, nil, want(), "alerts", Inconclusive, "nothing", "there was no TLS"},
		{"none, no wire, ours", noWire, secureClose("1.3", both, both...), nil, want(), "alerts", Pass, "nothing", ""},
	})
}

func TestCloseNotify(t *testing.T) {
	who := func(names ...string) scenarios.ConnectionExpect {
		return scenarios.ConnectionExpect{CloseNotify: checktest.Who(names...)}
	}
	plain := func(c *checktest.Conn) { c.Send(opener, "GET /", 5); c.FourWay(opener); c.Search() }
	after := func(c *checktest.Conn) { // the call comes after the FIN
		c.Handshake("1.3", both...)
		c.FourWay(opener)
		c.Call(opener, "close_notify", "sent", probes.Recorded)
		c.Search()
	}
	broken := func(c *checktest.Conn) {
		c.Handshake("1.3", both...)
		c.Call(opener, "close_notify", "sent", probes.Recorded)
		c.FourWay(opener)
		c.Search()
	}
	failed := func(tl *timeline.Timeline) {
		for i := range tl.Events {
			if c := tl.Events[i].Call; c != nil && c.Name == "close_notify" {
				c.Errno = "EPIPE"
				if c.Args == "received" {
					c.Name = "other"
				}
			}
		}
	}
	runSecure(t, []secureTrial{
		{"both", root, secureClose("1.3", both, both...), nil, who("both"), "close_notify", Pass, "both", ""},
		{"both, 1.2", root, secureClose("1.2", both, both...), nil, who("both"), "close_notify", Pass, "both", ""},
		{"client", root, secureClose("1.3", both, opener), nil, who("client"), "close_notify", Pass, "client", ""},
		{"either", root, secureClose("1.3", both, opener), nil, who("client", "server"), "close_notify", Pass, "client", ""},
		{"nobody", root, secureClose("1.3", both), nil, who("nobody"), "close_notify", Pass, "nobody", ""},
		{"client only, both wanted", root, secureClose("1.3", both, opener), nil, who("both"), "close_notify", Fail, "client", "client where both"},
		{"both, nobody wanted", root, secureClose("1.3", both, both...), nil, who("nobody"), "close_notify", Fail, "both", ""},
		{"no wire", noWire, secureClose("1.3", both, both...), nil, who("both"), "close_notify", Pass, "both", ""},
		{"wire lost, ours", root, secureClose("1.3", both, opener), lose(probes.Wire, ""), who("client"), "close_notify", Pass, "client", ""},
		{"calls lost", root, secureClose("1.3", both), lose(probes.Calls, ""), who("nobody"), "close_notify", Pass, "nobody", ""}, // the wire shows it, too
		{"calls and wire lost", root, secureClose("1.3", both), lose(probes.Lab, ""), who("nobody"), "close_notify", Inconclusive, "nobody", "3 records"},
		{"of others", root, secureClose("1.3", nil, opener), nil, who("client"), "close_notify", Inconclusive, "nobody", "cannot be read"},
		{"of others, 1.2", root, secureClose("1.2", nil, opener), nil, who("client"), "close_notify", Inconclusive, "nobody", "cannot be read"},
		{"of others, whatever it was", root, secureClose("1.2", nil, opener), nil, who("client", "nobody"), "close_notify", Pass, "nobody", ""},
		{"of others, the other wanted", root, secureClose("1.2", nil, opener), nil, who("both", "server"), "close_notify", Fail, "nobody", ""},
		{"of others, perhaps padded", root, secureClose("1.3", nil, opener), nil, who("client", "nobody"), "close_notify", Inconclusive, "nobody", ""},
		{"of others to ours", root, secureClose("1.3", []bool{acceptor}, opener), nil, who("client"), "close_notify", Pass, "client", ""},
		{"others say nothing", root, secureClose("1.3", nil), nil, who("nobody"), "close_notify", Inconclusive, "nobody", "they may be padded"},
		{"others say nothing, 1.2", root, secureClose("1.2", nil), nil, who("nobody"), "close_notify", Pass, "nobody", ""},
		{"an alert instead", root, refused("1.3", both...), nil, who("nobody"), "close_notify", Pass, "nobody", ""},
		{"an alert instead, inferred", root, inferred, nil, who("nobody"), "close_notify", Pass, "nobody", ""},
		{"an alert instead, of others to ours", root, refused("1.3", acceptor), nil, who("nobody"), "close_notify", Pass, "nobody", ""},
		{"no TLS", root, plain, nil, who("nobody"), "close_notify", Inconclusive, "nobody", "there was no TLS"},
		{"no TLS, wanted", root, plain, nil, who("client"), "close_notify", Fail, "nobody", ""},
		{"after FIN", root, after, nil, who("nobody"), "close_notify", Pass, "nobody", ""},
		{"sent, and not on the wire", root, broken, nil, who("client"), "close_notify", Inconclusive, "nobody", "no such record was captured"},
		{"sending failed", root, secureClose("1.3", both), failed, who("nobody"), "close_notify", Pass, "nobody", ""},
	})
}

func TestSecureMoments(t *testing.T) {
	notify := scenarios.Moment{Text: "page client close_notify", Name: "page", End: "client", Word: scenarios.WordCloseNotify}
	theirs := scenarios.Moment{Text: "page server close_notify", Name: "page", End: "server", Word: scenarios.WordCloseNotify}
	alert := scenarios.Moment{Text: "page client alert", Name: "page", End: "client", Word: scenarios.WordAlert}
	fin := scenarios.Moment{Text: "page client FIN", Name: "page", End: "client", Word: scenarios.WordFIN}
	for _, tt := range []struct {
		name    string
		opts    checktest.Options
		play    func(*checktest.Conn)
		moments []scenarios.Moment
		want    Outcome
	}{
		{"close_notify, then FIN", root, secureClose("1.3", both, both...), []scenarios.Moment{notify, theirs, fin}, Pass},
		{"reversed", root, secureClose("1.3", both, both...), []scenarios.Moment{fin, notify}, Fail},
		{"by the calls alone", noWire, secureClose("1.3", both, both...), []scenarios.Moment{notify, theirs}, Pass},
		{"never", root, secureClose("1.3", both, acceptor), []scenarios.Moment{notify, fin}, Fail},
		{"only heard", root, secureClose("1.3", []bool{acceptor}, opener), []scenarios.Moment{notify, fin}, Inconclusive},
		{"not to be read", root, secureClose("1.3", nil, opener), []scenarios.Moment{notify, fin}, Inconclusive},
		{"no alert", root, secureClose("1.3", both, both...), []scenarios.Moment{alert, fin}, Fail},
		{"perhaps an alert", root, secureClose("1.3", nil, opener), []scenarios.Moment{alert, fin}, Inconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := checktest.HTTPSScenario()
			sc.Expect.Order = tt.moments
			v := verdictOf(t, Eval(checktest.HTTPSClose(tt.opts, probes.Step{}, tt.play), sc), "order")
			if v.Outcome != tt.want {
				t.Errorf("%s (%v), want %s", v.Outcome, v.Reason, tt.want)
			}
		})
	}
}

func TestStepResults(t *testing.T) {
	text := func(s string) *string { return &s }
	one, zero := 1, 0
	version := scenarios.TLSVersion("1.3")
	done := probes.Step{Status: 200, Exit: &zero, Content: "hello world", Headers: map[string][]string{"Set-Cookie": {"a=1", "b=2"}, "Server": {"netlab"}},
		Sent: []string{"b=2", "a=1"}, Protocol: "HTTP/1.1", Secure: "1.3"}
	cut := probes.Step{Content: "hello", Cut: true}
	failed := probes.Step{Error: "exit status 1", Exit: &one}
	timeout := probes.Step{Error: "dial: i/o timeout"}
	for _, tt := range []struct {
		name    string
		result  probes.Step
		expect  scenarios.StepExpect
		verdict string
		want    Outcome
		got     string
		reason  string
	}{
		{"status", done, scenarios.StepExpect{Status: checktest.Count(200, 299)}, "status", Pass, "200", ""},
		{"other status", done, scenarios.StepExpect{Status: checktest.Count(404, 404)}, "status", Fail, "200", "200 where 404"},
		{"no status", timeout, scenarios.StepExpect{Status: checktest.Count(200, 200)}, "status", Fail, "none", "i/o timeout"},
		{"exit", failed, scenarios.StepExpect{Exit: checktest.Count(1, -1)}, "exit", Pass, "1", ""},
		{"other exit", failed, scenarios.StepExpect{Exit: checktest.Count(0, 0)}, "exit", Fail, "1", "1 where 0"},
		{"no exit", timeout, scenarios.StepExpect{Exit: checktest.Count(0, 0)}, "exit", Fail, "none", "i/o timeout"},
		{"content", done, scenarios.StepExpect{Content: text("lo wo")}, "content", Pass, `"lo wo"`, ""},
		{"other content", done, scenarios.StepExpect{Content: text("bye")}, "content", Fail, `"hello world"`, `does not contain "bye"`},
		{"content of what was cut", cut, scenarios.StepExpect{Content: text("ell")}, "content", Pass, `"ell"`, ""},
		{"content perhaps cut off", cut, scenarios.StepExpect{Content: text("world")}, "content", Inconclusive, `"hello"`, "only the first 5 bytes"},
		{"lacks", done, scenarios.StepExpect{Lacks: text("bye")}, "lacks", Pass, `not "bye"`, ""},
		{"lacks not", done, scenarios.StepExpect{Lacks: text("hello")}, "lacks", Fail, `"hello"`, `contains "hello"`},
		{"lacks not, cut", cut, scenarios.StepExpect{Lacks: text("hello")}, "lacks", Fail, `"hello"`, ""},
		{"lacks, perhaps cut off", cut, scenarios.StepExpect{Lacks: text("world")}, "lacks", Inconclusive, `not "world"`, "only the first 5 bytes"},
		{"error", timeout, scenarios.StepExpect{Why: text("timeout")}, "error", Pass, `"timeout"`, ""},
		{"other error", timeout, scenarios.StepExpect{Why: text("refused")}, "error", Fail, `"dial: i/o timeout"`, ""},
		{"no error", done, scenarios.StepExpect{Why: text("refused")}, "error", Fail, "no error", ""},
		{"header", done, scenarios.StepExpect{Headers: []scenarios.Header{{Name: "set-cookie", Value: "b="}}}, "headers.set-cookie", Pass, `"a=1, b=2"`, ""},
		{"other header", done, scenarios.StepExpect{Headers: []scenarios.Header{{Name: "Server", Value: "nginx"}}}, "headers.Server", Fail, `"netlab"`, ""},
		{"no header", done, scenarios.StepExpect{Headers: []scenarios.Header{{Name: "Via", Value: "x"}}}, "headers.Via", Fail, "none", ""},
		{"cookies", done, scenarios.StepExpect{Cookies: &[]string{"a", "b"}}, "cookies", Pass, "a | b", ""},
		{"cookies less", done, scenarios.StepExpect{Cookies: &[]string{"a"}}, "cookies", Fail, "a | b", ""},
		{"no cookies", probes.Step{Status: 200}, scenarios.StepExpect{Cookies: &[]string{}}, "cookies", Pass, "nothing", ""},
		{"no cookies in what was never sent", timeout, scenarios.StepExpect{Cookies: &[]string{}}, "cookies", Inconclusive, "nothing", "i/o timeout"},
		{"lacks, of what never came", timeout, scenarios.StepExpect{Lacks: text("secret")}, "lacks", Inconclusive, `not "secret"`, "i/o timeout"},
		{"lacks, of a program without a word", failed, scenarios.StepExpect{Lacks: text("secret")}, "lacks", Pass, `not "secret"`, ""},
		{"few bytes of what never came", timeout, scenarios.StepExpect{Bytes: checktest.Count(0, 9)}, "bytes", Inconclusive, "0", "i/o timeout"},
		{"few bytes after a refusal", probes.Step{Error: "550 no", Reply: 550}, scenarios.StepExpect{Bytes: checktest.Count(0, 9)}, "bytes", Pass, "0", ""},
		{"no reply", timeout, scenarios.StepExpect{Reply: checktest.Count(0, 399)}, "reply", Fail, "none", "i/o timeout"},
		{"protocol", done, scenarios.StepExpect{Protocol: text("HTTP/1.1")}, "protocol", Pass, "HTTP/1.1", ""},
		{"other protocol", done, scenarios.StepExpect{Protocol: text("HTTP/2.0")}, "protocol", Fail, "HTTP/1.1", ""},
		{"tls", done, scenarios.StepExpect{TLS: &version}, "tls", Pass, "1.3", ""},
		{"no tls", cut, scenarios.StepExpect{TLS: &version}, "tls", Fail, "none", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := checktest.HTTPSScenario()
			tt.expect.Name = "page"
			sc.Expect.Steps = []scenarios.StepExpect{tt.expect}
			tl := checktest.HTTPSClose(user, tt.result, func(*checktest.Conn) {})
			v := verdictOf(t, Eval(tl, sc), "steps.page."+tt.verdict)
			reason := ""
			if v.Reason != nil {
				reason = v.Reason.String()
			}
			if v.Outcome != tt.want || v.Got != tt.got || !strings.Contains(reason, tt.reason) {
				t.Errorf("%s %q (%s), want %s %q (%s)", v.Outcome, v.Got, reason, tt.want, tt.got, tt.reason)
			}
			if v.Want == "" || v.Reference == "" || len(v.SeenBy) == 0 || v.Outcome != Pass && v.Reason == nil {
				t.Errorf("not complete: %+v", v)
			}
			tl.Steps = tl.Steps[:1]
			if v := verdictOf(t, Eval(tl, sc), "steps.page."+tt.verdict); v.Outcome != Inconclusive {
				t.Errorf("not run: %s", v.Outcome)
			}
		})
	}
}

// A timeout on a machine that kept the run waiting is nobody's fault; a step
// whose failing is judged is not judged twice.
func TestStepsThatFailed(t *testing.T) {
	one, yes := 1, scenarios.YesNo(true)
	starve := func(tl *timeline.Timeline) {
		tl.Starved = append(tl.Starved, timeline.Starved{Time: tl.Steps[1].Start, Late: probes.Mono(50 * time.Millisecond)})
	}
	for _, tt := range []struct {
		name   string
		result probes.Step
		starve bool
		expect scenarios.StepExpect
		want   map[string]Outcome
	}{
		{"a timeout", probes.Step{Error: "i/o timeout"}, false, scenarios.StepExpect{Status: checktest.Count(200, 200)},
			map[string]Outcome{"steps.page.status": Fail, "steps[1].http.get": Fail}},
		{"a timeout, starved", probes.Step{Error: "i/o timeout"}, true, scenarios.StepExpect{Status: checktest.Count(200, 200)},
			map[string]Outcome{"steps.page.status": Inconclusive, "steps[1].http.get": Inconclusive}},
		{"a timeout that was wanted", probes.Step{Error: "i/o timeout"}, false, scenarios.StepExpect{Error: &yes},
			map[string]Outcome{"steps.page.fails": Pass}},
		{"a timeout that was wanted, starved", probes.Step{Error: "i/o timeout"}, true, scenarios.StepExpect{Error: &yes},
			map[string]Outcome{"steps.page.fails": Inconclusive}},
		{"a refusal that was wanted, starved", probes.Step{Error: "connection refused"}, true, scenarios.StepExpect{Error: &yes},
			map[string]Outcome{"steps.page.fails": Pass}},
		{"an exit status", probes.Step{Error: "exit status 1", Exit: &one}, true, scenarios.StepExpect{Exit: checktest.Count(1, 1)},
			map[string]Outcome{"steps.page.exit": Pass}},
		{"another exit status", probes.Step{Error: "exit status 1", Exit: &one}, true, scenarios.StepExpect{Exit: checktest.Count(2, 2)},
			map[string]Outcome{"steps.page.exit": Fail}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := checktest.HTTPSScenario()
			tt.expect.Name = "page"
			sc.Expect.Steps = []scenarios.StepExpect{tt.expect}
			tl := checktest.HTTPSClose(user, tt.result, func(*checktest.Conn) {})
			if tt.starve {
				starve(tl)
			}
			got := map[string]Outcome{}
			for _, v := range Eval(tl, sc).Verdicts {
				got[v.Name] = v.Outcome
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What the connection tracker of a middlebox believes is no evidence of what
// the ends did.
func TestTrackersAreNoWitnesses(t *testing.T) {
	tl := checktest.FTPClose(user, four)
	for i := range tl.Connections[0].Opener.History {
		v := &tl.Connections[0].Opener.History[i]
		tl.Events = append(tl.Events, probes.Event{Seq: uint64(len(tl.Events) + 1), Time: v.From, Source: probes.Conntrack, Kind: probes.KindTrack,
			Node: "client", Flow: tl.Connections[0].Opener.Flow, Grade: probes.Recorded, New: v.State, Track: &probes.Track{Change: "update", State: "ESTABLISHED"}})
	}
	before, after := Eval(checktest.FTPClose(user, four), checktest.FTPScenario()), Eval(tl, checktest.FTPScenario())
	if diff := cmp.Diff(before.Verdicts, after.Verdicts); diff != "" {
		t.Errorf("(-without +with)\n%s", diff)
	}
}
