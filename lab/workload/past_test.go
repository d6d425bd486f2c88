package workload

import (
	"errors"
	"net"
	"os"
	"testing"
)

// A call under way is broken off, and every later one fails.
func TestPast(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	defer near.Close()
	broken := make(chan error)
	go func() {
		_, err := near.Read(make([]byte, 1))
		broken <- err
	}()
	if err := near.SetDeadline(Past()); err != nil {
		t.Fatal(err)
	}
	_, later := near.Write([]byte{1})
	for _, err := range []error{<-broken, later} {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want a deadline exceeded", err)
		}
	}
}
