package report

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"

	"github.com/google/go-cmp/cmp"
)

// TestTranslated draws what happens on the way: translation of addresses, a
// RST in another's name, a segment that went no farther, one that never came
// to TCP.
func TestTranslated(t *testing.T) {
	s := timelinetest.New(timelinetest.Options{Path: timelinetest.Translated, PortShift: 100})
	s.Listen(timelinetest.FTPPort, "ftpd")
	s.Step("ftp.connect", "control", &probes.Step{Reply: 220}, func() {
		c := s.Dial(timelinetest.FTPPort)
		c.Open()
		c.Opener.Enter(probes.FinWait1)
		fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
		fin.Arrive() // dropped by the server's own firewall
		s.Wait(200 * time.Millisecond)
		fin.Again().Deliver()
		c.Acceptor.Enter(probes.CloseWait)
		c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
		c.Opener.Enter(probes.FinWait2)
	})
	s.Step("ftp.connect", "rejected", nil, func() {
		c := s.Dial(timelinetest.FTPPort)
		c.SYN().Reject()
		c.Opener.Enter(probes.Closed)
	})
	s.Step("ftp.retrieve", "fetch", nil, func() {
		data := s.DialFrom(timelinetest.Server, 40000)
		data.Open()
		data.FourWay(data.Opener)
	})
	s.Finish()
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatal(err)
	}
	sc := checktest.FTPScenario()
	sc.Expect.Connections, sc.Expect.Steps, sc.Variants = nil, nil, nil
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		run := Run{Scenario: sc, Variant: "base", Timeline: tl, Judgement: check.Eval(tl, sc), RunDir: "netlab-runs/x"}
		var b bytes.Buffer
		if err := Text(&b, run, Options{Lang: lang, Full: true}); err != nil {
			t.Fatal(err)
		}
		golden(t, "translated_"+string(lang)+".txt", b.Bytes())
	}
	var b bytes.Buffer
	if err := JSON(&b, Run{Scenario: sc, Variant: "base", Timeline: tl, Judgement: check.Eval(tl, sc)}); err != nil {
		t.Fatal(err)
	}
	var got struct{ Connections []connection }
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	forged, undelivered := "", 0
	for _, c := range got.Connections {
		for _, f := range c.Closing {
			forged += f.ForgedBy
			if f.Undelivered {
				undelivered++
			}
		}
	}
	first := tl.Connections[0].Translations[0]
	want := translation{Node: first.Node, Before: pairOf(first.Before), After: pairOf(first.After)}
	if diff := cmp.Diff([]translation{want}, got.Connections[0].Translations); diff != "" {
		t.Errorf("translations (-want +got):\n%s", diff)
	}
	if forged != timelinetest.Router || undelivered != 1 {
		t.Errorf("%q forged, %d were not delivered", forged, undelivered)
	}
}
