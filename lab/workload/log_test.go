package workload_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"netlab/lab/workload"
)

func TestLimitLog(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(workload.LimitLog(slog.NewTextHandler(&b, nil), 3))
	for range 10 {
		log.Info("one")
		log.With("a", 1).WithGroup("g").Info("two")
	}
	got := b.String()
	if n := strings.Count(got, "\n"); n != 4 || strings.Count(got, "more than is logged") != 1 {
		t.Errorf("%d lines:\n%s", n, got)
	}
}
