package node

import (
	"context"
	"testing"
)

func TestStepWaits(t *testing.T) {
	var w stepWaits
	come := false
	first := w.begin(func(context.Context) bool { return true })
	second := w.begin(func(context.Context) bool { return !come })
	for _, tt := range []struct {
		name string
		do   func()
		want int
	}{
		{"both wait", func() {}, 2},
		{"what one waits for has come", func() { come = true }, 1},
		{"that one has ended", second, 1},
		{"both have", first, 0},
	} {
		tt.do()
		if got := w.blocked(t.Context()); got != tt.want {
			t.Errorf("%s: %d blocked, want %d", tt.name, got, tt.want)
		}
	}
}

// A settle waits on if it has looked, and has not come to its end.
func TestSettling(t *testing.T) {
	var s settling
	stop := make(chan struct{})
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		for {
			select {
			case <-stop:
				return
			default:
				s.looks.Add(1)
			}
		}
	}()
	if !s.still(t.Context()) {
		t.Error("one that looks does not wait")
	}
	close(stop)
	<-looking
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s.still(ctx) {
		t.Error("one that does not look is known to wait")
	}
	s.over.Store(true)
	if s.still(t.Context()) {
		t.Error("one that has ended waits")
	}
}
