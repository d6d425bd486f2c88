package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"netlab/probes"
)

// echoes returns a client of a handler; both end with the test.
func echoes(t *testing.T, handle Handler, emit func(probes.Event)) *Client {
	t.Helper()
	mine, theirs := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, theirs, handle) }()
	c := NewClient(mine, "agent of x", emit)
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		c.Close()
	})
	return c
}

// Replies find their requests, in whatever order they come.
func TestCallsAreJoined(t *testing.T) {
	const calls = 32
	var arrived sync.WaitGroup
	arrived.Add(calls)
	c := echoes(t, func(_ context.Context, do string, body json.RawMessage, files []*os.File) (any, []*os.File, error) {
		arrived.Done()
		arrived.Wait() // all are under way at once
		return do + string(body), files, nil
	}, nil)
	var asking sync.WaitGroup
	for i := range calls {
		asking.Go(func() {
			read, write, err := os.Pipe()
			if err != nil {
				t.Error(err)
				return
			}
			defer read.Close()
			var got string
			files, err := c.Call(t.Context(), "do", i, &got, write)
			write.Close()
			if want := fmt.Sprint("do", i); err != nil || got != want || len(files) != 1 {
				t.Errorf("call %d: %q with %d files, %v", i, got, len(files), err)
				return
			}
			fmt.Fprint(files[0], i)
			closeFiles(files)
			if back, err := io.ReadAll(read); err != nil || string(back) != fmt.Sprint(i) {
				t.Errorf("call %d got the file of %s (%v)", i, back, err)
			}
		})
	}
	asking.Wait()
}

func TestErrorsTravel(t *testing.T) {
	c := echoes(t, func(_ context.Context, do string, _ json.RawMessage, _ []*os.File) (any, []*os.File, error) {
		switch do {
		case "plain":
			return nil, nil, errors.New("no such thing")
		case "refused":
			return nil, nil, fmt.Errorf("up: %w", &Refused{"mount /proc", unix.EPERM})
		case "strange":
			return make(chan int), nil, nil
		case "files":
			return nil, make([]*os.File, maxFiles+1), nil
		}
		return "text", nil, nil
	}, nil)
	tests := []struct{ do, want string }{
		{"plain", "agent of x: no such thing"},
		{"refused", "mount /proc: operation not permitted"},
		{"strange", "agent of x: json: unsupported type: chan int"},
		{"files", "and 201 descriptors is too large"},
		{"wrong", "agent of x: decode reply to wrong: json: cannot unmarshal string"},
	}
	for _, tt := range tests {
		var number int
		_, err := c.Call(t.Context(), tt.do, nil, &number)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.do, err, tt.want)
		}
		refused, ok := errors.AsType[*Refused](err)
		if ok != (tt.do == "refused") || ok && refused.What != "mount /proc" {
			t.Errorf("%s: refused %v", tt.do, refused)
		}
		if errors.Is(err, ErrGone) {
			t.Errorf("%s: nobody is gone", tt.do)
		}
	}
}

// A call given up leaves the connection usable, and its late reply harmless.
func TestCallGivenUp(t *testing.T) {
	goOn := make(chan struct{})
	started := make(chan struct{})
	read, write := pipeEnd(t)
	c := echoes(t, func(_ context.Context, do string, _ json.RawMessage, _ []*os.File) (any, []*os.File, error) {
		if do == "slow" {
			close(started)
			<-goOn
			return nil, []*os.File{write}, nil // closed when sent
		}
		return do, nil, nil
	}, nil)
	why := errors.New("the user is tired")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-started
		cancel(why)
	}()
	if _, err := c.Call(ctx, "slow", nil, nil); !errors.Is(err, why) || !strings.HasPrefix(err.Error(), "agent of x: slow: ") {
		t.Errorf("given up: %v", err)
	}
	close(goOn)
	if _, err := io.ReadAll(read); err != nil { // ends when the reply's file is closed on both sides
		t.Error(err)
	}
	var got string
	if _, err := c.Call(t.Context(), "again", nil, &got); err != nil || got != "again" {
		t.Errorf("the next call: %q, %v", got, err)
	}
}

// Serve waits for its handlers, and tells them that nobody listens any more.
func TestServeEnds(t *testing.T) {
	for _, how := range []string{"context", "peer"} {
		t.Run(how, func(t *testing.T) {
			mine, theirs := pair(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			started, finished := make(chan struct{}), false
			ended := make(chan error, 1)
			go func() {
				ended <- Serve(ctx, theirs, func(ctx context.Context, _ string, _ json.RawMessage, _ []*os.File) (any, []*os.File, error) {
					close(started)
					<-ctx.Done()
					finished = true
					return nil, nil, nil
				})
			}()
			c := NewClient(mine, "agent of x", nil)
			failed := make(chan error, 1)
			go func() {
				_, err := c.Call(t.Context(), "wait", nil, nil)
				failed <- err
			}()
			<-started
			if how == "context" {
				cancel()
			} else {
				c.Close()
			}
			if err := <-ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if !finished {
				t.Error("Serve did not wait for its handler")
			}
			theirs.Close() // as the end of the process would
			if err := <-failed; !errors.Is(err, ErrGone) && how == "peer" {
				t.Errorf("call: %v", err)
			}
			c.Close()
		})
	}
}

func TestServeRefusesNonsense(t *testing.T) {
	mine, theirs := pair(t)
	if err := mine.Send("no envelope"); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), theirs, nil); err == nil || !strings.HasPrefix(err.Error(), "decode control message") {
		t.Errorf("Serve: %v", err)
	}
}

// What a dead process was asked for fails, and so does what it is asked later.
func TestPeerDies(t *testing.T) {
	mine, theirs := pair(t)
	c := NewClient(mine, "agent of x", nil)
	told := make(chan error, 2)
	c.OnEnd(func(err error) { told <- err })
	const calls = 5
	failed := make(chan error, calls)
	for range calls {
		go func() {
			_, err := c.Call(t.Context(), "wait", nil, nil)
			failed <- err
		}()
	}
	for range calls {
		if _, err := theirs.Receive(&envelope{}); err != nil {
			t.Fatal(err)
		}
	}
	theirs.Close()
	for range calls {
		if err := <-failed; !errors.Is(err, ErrGone) || err.Error() != "agent of x: process of the lab is gone" {
			t.Errorf("call under way: %v", err)
		}
	}
	<-c.Done()
	if _, err := c.Call(t.Context(), "more", nil, nil); !errors.Is(err, ErrGone) {
		t.Errorf("call afterwards: %v", err)
	}
	if err := <-told; !errors.Is(err, ErrGone) {
		t.Errorf("told: %v", err)
	}
	c.OnEnd(func(err error) { told <- err }) // it is late, and told at once
	if err := <-told; !errors.Is(err, ErrGone) {
		t.Errorf("told late: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// Events sent before a reply are emitted before the call returns.
func TestEventsComeBeforeTheReply(t *testing.T) {
	mine, theirs := pair(t)
	h := newHolder(theirs)
	defer h.end()
	var got []uint64
	c := NewClient(mine, "agent of x", func(e probes.Event) { got = append(got, e.Sock.Cookie) })
	go Serve(t.Context(), theirs, func(context.Context, string, json.RawMessage, []*os.File) (any, []*os.File, error) {
		for i := range uint64(batchSize + 10) {
			h.emit(event(i))
		}
		h.flush()
		return nil, nil, nil
	})
	if _, err := c.Call(t.Context(), "work", nil, nil); err != nil {
		t.Fatal(err)
	}
	ordered(t, got, batchSize+10)
	c.Close()
}

// event returns an event that carries its number.
func event(n uint64) probes.Event {
	return probes.Event{Time: 1, Source: probes.Calls, Kind: probes.KindCall, Sock: probes.SocketID{Cookie: n}}
}

// ordered checks that the events 0 to n-1 came, in order.
func ordered(t *testing.T, got []uint64, n int) {
	t.Helper()
	if len(got) != n {
		t.Errorf("%d events came, want %d", len(got), n)
	}
	for i, g := range got {
		if g != uint64(i) {
			t.Fatalf("event %d came in place %d", g, i)
		}
	}
}

// A sender keeps the order, also where nobody reads for a while, and sends
// everything before it ends.
func TestSender(t *testing.T) {
	for _, n := range []int{0, 1, batchSize - 1, batchSize, 40*batchSize + 3} {
		mine, theirs := pair(t)
		s := newSender(theirs)
		emitted := make(chan error, 1)
		read := make(chan struct{})
		go func() {
			for i := range uint64(n) {
				s.emit(event(i))
				if i == 10 {
					close(read) // the reader was blocked until here
				}
			}
			if n <= 10 {
				close(read)
			}
			emitted <- s.end()
		}()
		<-read
		var got []uint64
		if err := ReceiveEvents(mine, func(e probes.Event) { got = append(got, e.Sock.Cookie) }); err != nil {
			t.Errorf("%d events: %v", n, err)
		}
		if err := <-emitted; err != nil {
			t.Errorf("%d events: %v", n, err)
		}
		ordered(t, got, n)
	}
}

// A sender whose reader is gone does not hold up the probes, and says so.
func TestSenderWithoutReader(t *testing.T) {
	mine, theirs := pair(t)
	mine.Close()
	s := newSender(theirs)
	for i := range uint64(20 * batchSize) {
		s.emit(event(i))
	}
	if err := s.end(); err == nil || !strings.HasPrefix(err.Error(), "send control message") {
		t.Errorf("end: %v", err)
	}
}

// What nobody wants is not sent.
func TestSenderDiscards(t *testing.T) {
	mine, theirs := pair(t)
	s := newSender(theirs)
	s.discard.Store(true)
	s.emit(event(0))
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if err := ReceiveEvents(mine, func(probes.Event) { t.Error("an event came") }); err != nil {
		t.Error(err)
	}
}

// A holder sends by itself, sooner or later, and all that is left at its end.
func TestHolder(t *testing.T) {
	mine, theirs := pair(t)
	h := newHolder(theirs)
	var got []uint64
	receive := func() {
		t.Helper()
		var m envelope
		if _, err := mine.Receive(&m); err != nil {
			t.Fatal(err)
		}
		for _, e := range m.Events {
			got = append(got, e.Sock.Cookie)
		}
	}
	h.emit(event(0))
	receive() // the timer's doing
	h.emit(event(1))
	receive() // and once more
	for i := range uint64(batchSize) {
		h.emit(event(2 + i))
	}
	h.emit(event(2 + batchSize))
	h.end()
	h.flush() // nothing is left
	theirs.Close()
	for len(got) < 3+batchSize {
		receive()
	}
	ordered(t, got, 3+batchSize)
	if _, err := mine.Receive(&envelope{}); err != io.EOF {
		t.Errorf("after the last event: %v", err)
	}
}

// Many workloads at once: every event comes once.
func TestHolderConcurrent(t *testing.T) {
	mine, theirs := pair(t)
	h := newHolder(theirs)
	const each = 1000
	var emitting sync.WaitGroup
	for who := range uint64(4) {
		emitting.Go(func() {
			for i := range uint64(each) {
				h.emit(event(who*each + i))
			}
		})
	}
	go func() {
		emitting.Wait()
		h.end()
		theirs.Close()
	}()
	seen := map[uint64]bool{}
	last := [4]uint64{}
	if err := ReceiveEvents(mine, func(e probes.Event) {
		n := e.Sock.Cookie
		if seen[n] || n < last[n/each] {
			t.Errorf("event %d came twice or late", n)
		}
		seen[n], last[n/each] = true, n
	}); err != nil {
		t.Error(err)
	}
	if len(seen) != 4*each {
		t.Errorf("%d events came, want %d", len(seen), 4*each)
	}
}

// The stream of events carries no files; what comes is closed.
func TestReceiveEventsDropsFiles(t *testing.T) {
	mine, theirs := pair(t)
	read, write := pipeEnd(t)
	if err := theirs.Send(envelope{Events: []probes.Event{event(0)}}, write); err != nil {
		t.Fatal(err)
	}
	write.Close()
	theirs.Close()
	if err := ReceiveEvents(mine, func(probes.Event) {}); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(read); err != nil {
		t.Error(err)
	}
}
