package timelinetest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScriptsAreReproducible(t *testing.T) {
	write := func() string {
		s := FTPClose(Options{Path: Switched}, func(c *Conn) { c.FourWay(c.Opener) })
		text, err := json.MarshalIndent(s.Events(), "", " ")
		if err != nil {
			t.Fatalf("events cannot be written: %v", err)
		}
		return string(text)
	}
	if diff := cmp.Diff(write(), write()); diff != "" {
		t.Errorf("two runs of a script differ (-first +second):\n%s", diff)
	}
}
