package gate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"netlab/lab/netns"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	netns.LockMain()
	if what := os.Getenv(endVar); what != "" {
		if err := endOfTest(what); err != nil {
			fmt.Fprintln(os.Stderr, what+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// endOfTest is one process of a measurement: a role and a number.
func endOfTest(what string) error {
	var role string
	var n int64
	if _, err := fmt.Sscanf(what, "%s %d", &role, &n); err != nil {
		return err
	}
	switch role {
	case "echo-server", "sink", "raw-sink":
		l, err := net.Listen("tcp", serverV4+":7")
		if err != nil {
			return err
		}
		fmt.Println("listening")
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		defer conn.Close()
		if role != "echo-server" {
			return sink(conn, role == "sink")
		}
		return blocking(conn, echoes)
	case "echo-client":
		return connected(func(conn net.Conn) error {
			return blocking(conn, func(fd int) error { return measure(fd, int(n)) })
		})
	case "source", "raw-source":
		return connected(func(conn net.Conn) error { return source(conn, n, role == "source") })
	}
	return fmt.Errorf("no such end")
}

func connected(do func(net.Conn) error) error {
	conn, err := net.Dial("tcp", serverV4+":7")
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(conn)
}

// blocking gives do the socket as a plain one, without Go's poller.
func blocking(conn net.Conn, do func(fd int) error) error {
	f, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	defer f.Close()
	return do(int(f.Fd()))
}

func echoes(fd int) error {
	b := make([]byte, 1)
	for {
		n, err := unix.Read(fd, b)
		if err != nil || n == 0 {
			return err
		}
		if _, err := unix.Write(fd, b); err != nil {
			return err
		}
	}
}

// measure prints the median and the 99th percentile of n round trips of one
// byte, in nanoseconds.
func measure(fd, n int) error {
	b := make([]byte, 1)
	took := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		if _, err := unix.Write(fd, b); err != nil {
			return err
		}
		if _, err := unix.Read(fd, b); err != nil {
			return err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	fmt.Println(took[n/2].Nanoseconds(), took[n*99/100].Nanoseconds())
	return nil
}

// source sends n bytes, and prints their sum, of nothing if it is not summed.
func source(conn net.Conn, n int64, summed bool) error {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 256<<10)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], random.Uint64())
	}
	sum := sha256.New()
	for left := n; left > 0; {
		binary.LittleEndian.PutUint64(b, uint64(left)) // no two are the same
		m, err := conn.Write(b[:min(left, int64(len(b)))])
		if err != nil {
			return err
		}
		if summed {
			sum.Write(b[:m])
		}
		left -= int64(m)
	}
	fmt.Printf("%x\n", sum.Sum(nil))
	return nil
}

// sink reads to the end, and prints how much there was and its sum.
func sink(conn net.Conn, summed bool) error {
	sum := sha256.New()
	b := make([]byte, 256<<10)
	var total int64
	for {
		n, err := conn.Read(b)
		if summed {
			sum.Write(b[:n])
		}
		total += int64(n)
		if err != nil {
			fmt.Printf("%d %x\n", total, sum.Sum(nil))
			return nil
		}
	}
}
