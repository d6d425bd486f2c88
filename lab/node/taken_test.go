package node

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

func TestBoundTo(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0015 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0
   1: 0200A8C0:0015 0100A8C0:A001 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 103 1 0 100 0 0 10 0
   3: 00000000:0015 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 0 2 0 0
rubbish :0015
`
	if diff := cmp.Diff([]string{"101"}, boundTo([]byte(table), 21)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().(*net.TCPAddr)
	_, busy := net.Listen("tcp", addr.String())
	if !errors.Is(busy, syscall.EADDRINUSE) {
		t.Fatal(busy)
	}
	if pid := holderOf(addr.Port); pid != os.Getpid() {
		t.Errorf("pid %d holds port %d, want %d", pid, addr.Port, os.Getpid())
	}
	r := ServeRequest{Server: scenarios.Server{Name: "new", TCP: &scenarios.TCPServer{Port: addr.Port}}}
	a := &agent{servers: []served{{name: "old", port: addr.Port}}}
	got := a.taken(r, busy)
	if !strings.Contains(got.Error(), `is taken by server "old": listen tcp`) || !errors.Is(got, busy) {
		t.Errorf("%v", got)
	}
	other := errors.New("other")
	if got := a.taken(r, other); got != other {
		t.Errorf("%v, want %v", got, other)
	}
}
