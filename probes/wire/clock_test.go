package wire

import (
	"math"
	"testing"

	"netlab/probes"
)

// A fakeClock is a pair of clocks that a test sets.
type fakeClock struct {
	mono   probes.Mono
	offset int64
	width  int64
}

func (f *fakeClock) wallClock() *wallClock {
	w := &wallClock{
		compare: func() probes.Clock { return probes.Clock{Offset: f.offset, Width: f.width} },
		look:    func() (probes.Mono, int64, probes.Mono) { return f.mono, int64(f.mono) + f.offset, f.mono },
	}
	w.begin()
	return w
}

// stamp is what the kernel would write now.
func (f *fakeClock) stamp() (sec, nsec uint32) {
	t := int64(f.mono) + f.offset
	return uint32(t / 1e9), uint32(t % 1e9)
}

const second = 1_000_000_000

func TestWallClockKeepsTime(t *testing.T) {
	f := &fakeClock{mono: 50 * second, offset: 1000 * second, width: 300}
	w := f.wallClock()
	sec, nsec := f.stamp()
	f.mono += 3 * second
	f.offset += 250 // less than the widths: noise
	f.width = 900
	if w.moved() {
		t.Error("noise was taken for a step")
	}
	if c := w.tick(); c.Step || len(w.epochs) != 1 || w.current().clock.Offset != 1000*second {
		t.Errorf("after noise: %+v, epochs %+v", c, w.epochs)
	}
	f.width, f.offset = 100, 1000*second+20
	if c := w.tick(); c.Step || w.current().clock.Offset != 1000*second+20 {
		t.Errorf("the narrower comparison was not taken: %+v", w.epochs)
	}
	if got := w.convert(sec, nsec); got != 50*second-20 {
		t.Errorf("frame at %d, want %d", got, 50*second-20)
	}
}

func TestWallClockStep(t *testing.T) {
	for _, tt := range []struct {
		name string
		step int64
	}{
		{"forward an hour", 3600 * second},
		{"back an hour", -3600 * second},
		{"forward a second", second},
		{"back a second", -second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeClock{mono: 5000 * second, offset: 100_000 * second, width: 300}
			w := f.wallClock()
			f.mono += 10_000_000
			oldSec, oldNsec := f.stamp()
			f.mono += 10_000_000
			w.tick()
			f.mono += 1000
			f.offset += tt.step
			f.mono += 1_000_000
			newSec, newNsec := f.stamp()
			f.mono += 1_000_000
			if !w.moved() {
				t.Fatal("the step was not noticed")
			}
			if c := w.tick(); !c.Step {
				t.Errorf("comparison %+v does not tell the step", c)
			}
			if c := w.tick(); c.Step || w.moved() {
				t.Errorf("comparison %+v tells the step again", c)
			}
			if got, want := w.convert(oldSec, oldNsec), probes.Mono(5000*second+10_000_000); got != want {
				t.Errorf("frame of before at %d, want %d", got, want)
			}
			if got, want := w.convert(newSec, newNsec), probes.Mono(5000*second+21_001_000); got != want {
				t.Errorf("frame of after at %d, want %d", got, want)
			}
		})
	}
}

func TestWallClockNeverAhead(t *testing.T) {
	f := &fakeClock{mono: 5 * second, offset: 100 * second, width: 300}
	w := f.wallClock()
	if got := w.convert(math.MaxUint32, 0); got != w.now {
		t.Errorf("a stamp from the future became %d, want now, %d", got, w.now)
	}
}

func TestWallClockReal(t *testing.T) {
	w := newWallClock()
	for range 100 {
		if w.moved() {
			t.Fatal("the wall clock moved, or seems to")
		}
	}
	if c := w.tick(); c.Step || c.Width <= 0 || c.Width > second {
		t.Errorf("comparison %+v", c)
	}
}
