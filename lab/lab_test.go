package lab_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"netlab/lab"
	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"
)

func TestMain(m *testing.M) {
	node.Main() // this program is also the labs' supervisor and agents
	os.Exit(m.Run())
}

const twoNodes = `
netlab: 1
name: two
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {ftpd: {node: server, ftp: {users: {student: secret}, files: {hello.txt: "hello\n"}, close: after_peer}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: control}
  - ftp.login: {session: control, user: student, password: secret}
  - ftp.retrieve: {session: control, path: hello.txt, as: fetch}
  - ftp.quit: {session: control, close: after_reply}
`

// record collects events.
type record struct {
	mu     sync.Mutex
	events []probes.Event
}

func (r *record) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// up brings up the lab of a scenario, closed with the test.
func up(t *testing.T, text string) (*lab.Lab, *scenarios.Scenario, *record, func()) {
	t.Helper()
	needLabs(t)
	sc, err := scenarios.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rec := &record{}
	l, err := lab.Up(t.Context(), p, lab.Options{
		Emit: rec.emit,
		Log: func(name string) (*os.File, error) {
			return os.Create(filepath.Join(dir, name+".log"))
		},
	})
	if err != nil {
		for _, f := range []string{lab.Supervisor, "client", "server"} {
			b, _ := os.ReadFile(filepath.Join(dir, f+".log"))
			t.Logf("%s.log: %s", f, b)
		}
		t.Fatal(err)
	}
	closed := sync.OnceFunc(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(closed)
	return l, sc, rec, closed
}

// TestFTPSession takes a session through the processes of a lab: server,
// steps, rest, and the events of every probe that the lab has.
func TestFTPSession(t *testing.T) {
	l, sc, rec, closeLab := up(t, twoNodes)
	t.Log(l.Took(), l.Probes())
	if err := l.StartServer(t.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil); err != nil {
		t.Fatal(err)
	}
	addr, _ := l.AddrOf("server", scenarios.IPv4)
	for _, s := range sc.Steps {
		got, err := l.Step(t.Context(), "client", node.StepRequest{
			Step: s, Target: netip.AddrPortFrom(addr, 21), Timeout: 5 * time.Second,
		})
		if err != nil || got.Error != "" {
			t.Fatalf("%s: %+v, %v", s.Verb, got, err)
		}
	}
	rest, err := l.Settle(t.Context(), node.SettleRequest{Within: 3 * time.Second})
	if err != nil || !rest.Rest {
		t.Fatalf("settle: %+v, %v", rest, err)
	}
	if err := l.Look(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeLab()
	count := map[probes.Source]int{}
	for _, e := range rec.events {
		count[e.Source]++
	}
	for _, s := range []probes.Source{probes.Wire, probes.SockDiag, probes.SS, probes.Calls} {
		if count[s] == 0 {
			t.Errorf("no event of %s in %v", s, count)
		}
	}
}
