package run_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/lab/run"

	"github.com/google/go-cmp/cmp"
)

const recorded = "../../testdata/runs"

// Every recorded run is judged today as it was on the day: byte for byte.
// Where the judges have changed on purpose, .ci/record makes them anew.
func TestReplay(t *testing.T) {
	want := map[string]check.Outcome{
		"ftp-close": check.Pass, "ftp-close-default_acks": check.Pass, "ftp-close-library_quit": check.Pass,
		"ftp-active": check.Pass, "ftp-idle": check.Pass,
		"https-close": check.Pass, "https-close-expired": check.Pass,
		"simultaneous-close": check.Pass, "last-ack-lost": check.Pass, "half-close-closed_altogether": check.Pass,
		"reset-reasons": check.Pass, "accept-queue-full": check.Pass,
		"ftp-close-user": check.Pass, // in lockstep
		"wrong":          check.Fail,
	}
	entries, err := os.ReadDir(recorded)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("%d recorded runs, want %d", len(entries), len(want))
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			dir := filepath.Join(recorded, e.Name())
			again, err := run.Check(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := again.Judgement.Outcome; got != want[e.Name()] {
				t.Errorf("outcome %s, want %s", got, want[e.Name()])
			}
			var got bytes.Buffer
			if err := report.Verdicts(&got, again.Judgement); err != nil {
				t.Fatal(err)
			}
			then, err := os.ReadFile(filepath.Join(dir, run.VerdictsFile))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(then), got.String()); diff != "" {
				t.Errorf("verdicts differ (-then +now):\n%s", diff)
			}
			if len(again.Timeline.Conflicts) > 0 {
				t.Errorf("conflicts: %+v", again.Timeline.Conflicts)
			}
		})
	}
}

// A check that was never seen to fail proves nothing: the recorded run of
// testdata/scenarios/wrong.yaml fails every kind of expectation. Edits of
// proxies and rules of gates are no expectations: where nothing was done, they
// are inconclusive.
func TestEveryKindCanFail(t *testing.T) {
	again, err := run.Check(filepath.Join(recorded, "wrong"))
	if err != nil {
		t.Fatal(err)
	}
	var failed []check.Kind
	for _, v := range again.Judgement.Verdicts {
		if v.Outcome != check.Fail {
			t.Errorf("%s: %s (%v), want fail", v.Name, v.Outcome, v.Reason)
		}
		if v.Reason == nil {
			t.Errorf("%s fails without a reason", v.Name)
		}
		failed = append(failed, v.Kind)
	}
	for _, kind := range []check.Kind{
		check.OpeningKind, check.ClosingKind, check.StatesKind, check.FirstFINKind, check.TimeWaitKind,
		check.ResetsKind, check.RetransmissionsKind, check.ReplyKind, check.FailsKind, check.BytesKind,
		check.TextKind, check.CountKind, check.OrderKind, check.DurationKind, check.StepKind,
		check.VisibleKind, check.HiddenKind, check.TLSKind, check.AlertsKind, check.CloseNotifyKind, check.StatusKind, check.ExitKind,
		check.ObjectsKind, check.ResetReasonsKind, check.CounterKind, check.ContentKind, check.LacksKind, check.ErrorKind, check.HeadersKind, check.CookiesKind, check.ProtocolKind, check.InterimKind, check.RequestsKind, check.RowsKind, check.RatioKind, check.CarriedKind, check.NotCarriedKind,
	} {
		if !slices.Contains(failed, kind) {
			t.Errorf("no verdict of kind %s failed", kind)
		}
	}
}
