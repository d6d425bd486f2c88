package check

import (
	"fmt"
	"slices"
	"testing"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// Every change of what a passing verdict on TLS rests on changes a verdict.
func TestEveryChangeOfTLSIsNoticed(t *testing.T) {
	record := func() *timeline.Timeline {
		return checktest.HTTPSClose(root, probes.Step{Status: 200, Content: "hello"}, func(c *checktest.Conn) {
			c.Send(opener, "CONNECT server", 20)
			c.Handshake("1.3", acceptor)
			c.Data(opener)
			c.Sealed(opener, "1.3")
			c.Call(acceptor, "close_notify", "received", probes.Recorded)
			c.FourWay(opener)
			c.Search("CONNECT", "GET /")
		})
	}
	scenario := func() *scenarios.Scenario {
		sc := checktest.HTTPSScenario()
		version, content := scenarios.TLSVersion("1.3"), "hello"
		sc.Expect.Connections = []scenarios.ConnectionExpect{{Name: "page", Visible: []string{"CONNECT"}, Hidden: []string{"GET /"}, TLS: &version,
			Alerts: &[]scenarios.Alert{}, CloseNotify: checktest.Who("client")}}
		sc.Expect.Steps = []scenarios.StepExpect{{Name: "page", Status: checktest.Count(200, 200), Content: &content}}
		return sc
	}
	if j := Eval(record(), scenario()); j.Outcome != Pass {
		t.Fatalf("the record does not pass: %+v", j.Verdicts)
	}
	noticed := func(name string, change func(*timeline.Timeline)) {
		t.Helper()
		tl := record()
		change(tl)
		if j := Eval(tl, scenario()); j.Outcome == Pass {
			t.Errorf("%s: still pass", name)
		}
	}
	for i, f := range record().Connections[0].Found {
		if f.Text == "CONNECT" && f.Count == 0 {
			continue // it is visible in the other direction
		}
		name := fmt.Sprintf("search of %s for %q", f.From.Node, f.Text)
		if f.Text != "" || f.From.Node == "client" { // the server's own program told of its alerts
			noticed(name+" left out", func(tl *timeline.Timeline) {
				c := tl.Connections[0]
				c.Found = slices.Delete(c.Found, i, i+1)
			})
		}
		if f.Text == "GET /" {
			noticed(name+" with holes", func(tl *timeline.Timeline) { tl.Connections[0].Found[i].Holes = true })
			noticed(name+" found", func(tl *timeline.Timeline) { tl.Connections[0].Found[i].Count = 1 })
		}
	}
	for i := range record().Events {
		ev := record().Events[i]
		if ev.Call == nil {
			continue
		}
		noticed("another "+ev.Call.Name, func(tl *timeline.Timeline) {
			tl.Events[i].Call.Name = map[string]string{"handshake": "alert", "close_notify": "alert"}[ev.Call.Name]
			tl.Events[i].Call.Args = "received bad_certificate"
		})
	}
	for i, r := range record().Connections[0].TLS {
		if r.Message == "server_hello" {
			noticed("another version", func(tl *timeline.Timeline) { tl.Connections[0].TLS[i].Version = "1.2" })
		}
		noticed("an alert for "+r.Record+r.Message, func(tl *timeline.Timeline) {
			x := &tl.Connections[0].TLS[i]
			x.Record, x.Alert, x.Sealed = "alert", "unknown_ca", false
		})
	}
	noticed("another status", func(tl *timeline.Timeline) { tl.Steps[1].Status = 500 })
	noticed("other content", func(tl *timeline.Timeline) { tl.Steps[1].Content = "bye" })
}
