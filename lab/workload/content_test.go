package workload_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"netlab/lab/workload"
)

func TestGenerated(t *testing.T) {
	const size = 1000
	want, err := io.ReadAll(workload.Generated(size))
	if err != nil || len(want) != size || !strings.HasPrefix(string(want), "000000000000000\n000000000000010\n") {
		t.Fatalf("%d bytes, %v: %.40q", len(want), err, want)
	}
	if err := iotest.TestReader(workload.Generated(size), want); err != nil {
		t.Error(err)
	}
	if at, err := workload.Generated(size).Seek(-1, io.SeekStart); err == nil {
		t.Errorf("seek to -1 went to %d", at)
	}
}
