package node

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns both ends of a connection, closed with the test.
func pair(tb testing.TB) (a, b *Conn) {
	tb.Helper()
	a, file, err := Pair("test")
	if err != nil {
		tb.Fatal(err)
	}
	b, err = NewConn(file)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// openFDs returns how many descriptors this process has.
func openFDs(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(entries)
}

// pipeEnd returns the write end of a pipe that says when every copy of it is
// closed: then the read end is at its end.
func pipeEnd(tb testing.TB) (read, write *os.File) {
	tb.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { read.Close(); write.Close() })
	return read, write
}

func TestConnCarries(t *testing.T) {
	tests := []struct{ files, body int }{
		{0, 0}, {0, 1}, {1, 0}, {3, 5000}, {199, 10}, {200, 10}, {0, 300_000}, {200, 10_000_000}, {0, 10_000_000},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d files %d bytes", tt.files, tt.body), func(t *testing.T) {
			a, b := pair(t)
			read, write := pipeEnd(t)
			want := strings.Repeat("x", tt.body)
			var sending sync.WaitGroup
			sending.Go(func() {
				files := make([]*os.File, tt.files)
				for i := range files {
					files[i] = write
				}
				if err := a.Send(want, files...); err != nil {
					t.Error(err)
				}
				if err := a.Send("next"); err != nil {
					t.Error(err)
				}
			})
			var got, next string
			files, err := b.Receive(&got)
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("a body of %d bytes came as %d", len(want), len(got))
			}
			if len(files) != tt.files {
				t.Errorf("%d files came, want %d", len(files), tt.files)
			}
			more, err := b.Receive(&next)
			if err != nil || next != "next" || len(more) != 0 {
				t.Errorf("the message after it: %q with %d files, %v", next, len(more), err)
			}
			sending.Wait()
			write.Close() // the received ones are all that is left
			for i, f := range files {
				if _, err := f.WriteString("."); err != nil {
					t.Fatalf("file %d: %v", i, err)
				}
				if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Fatalf("file %d is not closed on exec (%v)", i, err)
				}
			}
			closeFiles(files)
			if rest, err := io.ReadAll(read); err != nil || len(rest) != tt.files {
				t.Errorf("the pipe was written %d times, want %d (%v)", len(rest), tt.files, err)
			}
		})
	}
}

func TestConnRefusesToSend(t *testing.T) {
	a, _ := pair(t)
	if err := a.Send("", make([]*os.File, maxFiles+1)...); err == nil || !strings.Contains(err.Error(), "201 descriptors is too large") {
		t.Errorf("201 descriptors: %v", err)
	}
	if err := a.Send(strings.Repeat("x", maxMessage)); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a message too large: %v", err)
	}
	if err := a.Send(make(chan int)); err == nil || !strings.HasPrefix(err.Error(), "encode control message: ") {
		t.Errorf("what is no JSON: %v", err)
	}
}

// Many senders at once: no message is torn, each sender's order is kept.
func TestConnConcurrentSenders(t *testing.T) {
	a, b := pair(t)
	const senders, each = 8, 50
	var sending sync.WaitGroup
	for who := range senders {
		sending.Go(func() {
			for n := range each {
				if err := a.Send([]any{who, n, strings.Repeat("y", n*997)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [senders]int
	for range senders * each {
		var m []any
		if _, err := b.Receive(&m); err != nil {
			t.Fatal(err)
		}
		who, n := int(m[0].(float64)), int(m[1].(float64))
		if n != next[who] || len(m[2].(string)) != n*997 {
			t.Fatalf("sender %d: message %d of %d bytes, want %d", who, n, len(m[2].(string)), next[who])
		}
		next[who]++
	}
	sending.Wait()
}

// header makes the five bytes before a body.
func header(size uint32, files byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, size), files)
}

// hostile writes bytes with descriptors, as no honest sender would.
func hostile(tb testing.TB, f *os.File, data []byte, fds ...int) {
	tb.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(int(f.Fd()), data, oob, nil, 0); err != nil {
		tb.Fatal(err)
	}
}

func TestConnHostile(t *testing.T) {
	const eof = "EOF"
	tests := []struct {
		name  string
		parts [][]byte // each sent by itself
		files []int    // with each part
		want  string   // in the error; "" for none
	}{
		{"nothing", nil, nil, eof},
		{"half a header", [][]byte{{0, 0}}, []int{1}, eof},
		{"header only", [][]byte{header(9, 0)}, []int{0}, eof},
		{"half a body", [][]byte{append(header(9, 1), "true"...)}, []int{1}, eof},
		{"too long", [][]byte{header(maxMessage+1, 1)}, []int{1}, "67108865 bytes is too large"},
		{"longest", [][]byte{header(1<<32-1, 255)}, []int{2}, "4294967295 bytes is too large"},
		{"no body", [][]byte{header(0, 1)}, []int{1}, "decode control message"},
		{"no JSON", [][]byte{append(header(4, 1), "tru}"...)}, []int{1}, "decode control message"},
		{"wrong type", [][]byte{append(header(4, 1), "true"...)}, []int{1}, "decode control message"},
		{"too few files", [][]byte{append(header(2, 2), `""`...)}, []int{1}, "1 of 2 descriptors"},
		{"too many files", [][]byte{append(header(2, 0), `""`...)}, []int{3}, "3 of 0 descriptors"},
		{"more files than fit", [][]byte{append(header(2, 253), `""`...)}, []int{253}, "of 253 descriptors"},
		{"files with the body only", [][]byte{header(2, 1), []byte(`""`)}, []int{0, 1}, "0 of 1 descriptors"},
		{"byte by byte", [][]byte{{0}, {0}, {0}, {2}, {0}, {'"'}, {'"'}}, []int{0, 0, 0, 0, 0, 0, 0}, ""},
		{"byte by byte with a file", [][]byte{{0}, {0, 0}, {2, 1}, {'"'}, {'"'}}, []int{1, 0, 0, 0, 0}, ""},
		{"files in the middle of a header", [][]byte{{0, 0}, {0, 2, 0}, []byte(`""`)}, []int{0, 1, 0}, "1 of 0 descriptors"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := openFDs(t)
			mine, theirs, err := FilePair("test")
			if err != nil {
				t.Fatal(err)
			}
			b, err := NewConn(mine)
			if err != nil {
				t.Fatal(err)
			}
			for i, part := range tt.parts {
				fds := make([]int, tt.files[i])
				for k := range fds {
					fds[k] = int(theirs.Fd())
				}
				hostile(t, theirs, part, fds...)
			}
			// A copy of the descriptor may be on its way: shutdown ends it.
			if err := unix.Shutdown(int(theirs.Fd()), unix.SHUT_WR); err != nil {
				t.Fatal(err)
			}
			theirs.Close()
			var got string
			files, err := b.Receive(&got)
			switch {
			case tt.want == "" && err != nil, tt.want == eof && err != io.EOF,
				tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err != nil && files != nil {
				t.Errorf("%d files came with an error", len(files))
			}
			closeFiles(files)
			b.Close()
			if after := openFDs(t); after != before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

func TestConnClosed(t *testing.T) {
	a, b := pair(t)
	ended := make(chan error, 1)
	go func() {
		_, err := b.Receive(new(string))
		ended <- err
	}()
	b.Close()
	if err := <-ended; err != io.EOF {
		t.Errorf("a blocked Receive ended with %v", err)
	}
	if err := a.Send("x"); err == nil {
		t.Error("sent to a closed connection")
	}
}

func TestNewConnRefuses(t *testing.T) {
	read, write := pipeEnd(t)
	if c, err := NewConn(read); err == nil {
		c.Close()
		t.Error("a pipe is taken for a socket")
	}
	if _, err := read.Stat(); err == nil {
		t.Error("the file was not taken over")
	}
	_ = write
}

// Whatever bytes come, Receive ends without a panic, and gives no files with
// an error.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{}, byte(0))
	f.Add(append(header(2, 0), `""`...), byte(0))
	f.Add(append(header(2, 1), `""`...), byte(1))
	f.Add(append(header(13, 0), `{"call":1}   `...), byte(0))
	f.Add(header(1<<32-1, 200), byte(200))
	f.Add(append(header(4, 0), "null\x00\x00\x00\x02\x00{}"...), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, files byte) {
		// A size that is allowed but never comes costs its memory each time.
		if len(data) >= 5 && binary.BigEndian.Uint32(data) > 1<<20 && binary.BigEndian.Uint32(data) <= maxMessage ||
			len(data) > 1<<16 || files > 20 {
			return
		}
		mine, theirs, err := FilePair("fuzz")
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewConn(mine)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if len(data) > 0 {
			list := make([]int, files)
			for i := range list {
				list[i] = int(theirs.Fd())
			}
			hostile(t, theirs, data, list...)
		}
		_ = unix.Shutdown(int(theirs.Fd()), unix.SHUT_WR)
		theirs.Close()
		for {
			var m envelope
			got, err := b.Receive(&m)
			closeFiles(got)
			if err != nil {
				if got != nil {
					t.Error("files with an error")
				}
				return
			}
		}
	})
}
