package coverage

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/probes/timeline"
	"netlab/scenarios/words"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// made is a report with an edge of every standing, and all else that is said.
func made() *Report {
	r := Of(nil)
	r.Runs, r.Disputed = 3, 1
	seen := func(source probes.Source, grade probes.Grade) timeline.Witness {
		return timeline.Witness{Source: source, Grade: grade}
	}
	kernel, looked, modelled := seen(probes.BPF, probes.Recorded), seen(probes.SockDiag, probes.Sampled), seen(probes.Wire, probes.Inferred)
	for _, x := range []struct {
		from  probes.State
		event rfc9293.Event
		to    probes.State
		runs  []string
		seen  []timeline.Witness
	}{
		{probes.Closed, rfc9293.PassiveOpen, probes.Listen, []string{"ftp-close", "half-close closed_altogether", "ftp-close"}, []timeline.Witness{kernel, looked, modelled}},
		{probes.Closed, rfc9293.ActiveOpen, probes.SynSent, []string{"half-close closed_altogether"}, []timeline.Witness{kernel, modelled}},
		{probes.FinWait1, rfc9293.RcvFIN, probes.Closing, []string{"simultaneous-close"}, []timeline.Witness{modelled}},
		{probes.LastAck, rfc9293.UserTimeout, probes.Closed, []string{"last-ack-lost"}, []timeline.Witness{kernel}},
	} {
		for i := range r.Rows {
			if row := &r.Rows[i]; row.From == x.from && row.Event == x.event && row.To == x.to {
				for _, run := range x.runs {
					row.count(run, timeline.Edge{Seen: x.seen})
				}
				row.judge()
			}
		}
	}
	r.other("time-wait-reused", timeline.Edge{From: probes.TimeWait, Event: rfc9293.RcvSYN, To: probes.Closed})
	r.other("time-wait-reused", timeline.Edge{From: probes.Established, To: probes.Closed})
	return r
}

func TestGolden(t *testing.T) {
	r := made()
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		var b bytes.Buffer
		if err := r.Text(&b, lang); err != nil {
			t.Fatal(err)
		}
		golden(t, "coverage_"+string(lang)+".txt", b.Bytes())
	}
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "coverage.json", b.Bytes())
}
