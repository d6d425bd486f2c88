package ftp

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// secured returns what each connection of a workload did at its end: TLS's
// words, shutdown, linger, close, and the end of input.
func (b *bench) secured(name string) [][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := slices.Clone(b.events)
	slices.SortStableFunc(events, func(x, y probes.Event) int { return int(x.Call.End - y.Call.End) })
	var order []probes.SocketID
	found := map[probes.SocketID][]string{}
	for _, e := range events {
		if e.Call.Workload != name {
			continue
		}
		text := e.Call.Name
		switch text {
		case "receive":
			if e.Call.Errno != "EOF" {
				continue
			}
			text = "EOF"
		case "handshake", "close_notify", "shutdown", "linger", "close":
			if e.Call.Args != "" {
				text += " " + e.Call.Args
			}
		default:
			continue
		}
		if !e.Flow.Complete() {
			continue // a listener
		}
		if found[e.Sock] == nil {
			order = append(order, e.Sock)
		}
		found[e.Sock] = append(found[e.Sock], text)
	}
	var list [][]string
	for _, id := range order {
		list = append(list, slices.Compact(found[id]))
	}
	return list
}

// The library's TLS says close_notify when the server's style does, and the
// client's likewise.
func TestStylesWithTLS(t *testing.T) {
	for _, mode := range []TLSMode{TLSExplicit, TLSImplicit} {
		for _, tt := range []struct {
			server, client workload.CloseStyle
			serverDoes     []string
			clientDoes     []string
		}{
			{
				server: workload.AfterPeer, client: workload.HalfThenDrain,
				serverDoes: []string{"handshake 1.3", "EOF", "close_notify sent", "close"},
				clientDoes: []string{"handshake 1.3", "close_notify sent", "shutdown write", "close_notify received", "EOF", "close"},
			},
			{
				server: workload.HalfThenDrain, client: workload.AfterPeer,
				serverDoes: []string{"handshake 1.3", "close_notify sent", "shutdown write", "EOF", "close"},
				clientDoes: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
			},
			{
				server: workload.AtOnce, client: workload.AfterPeer,
				serverDoes: []string{"handshake 1.3", "close_notify sent", "close"},
				clientDoes: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
			},
			{
				server: workload.AfterPeer, client: workload.Reset,
				serverDoes: nil, // how it learns of the reset is a race
				clientDoes: []string{"handshake 1.3", "linger 0", "close"},
			},
		} {
			t.Run(fmt.Sprintf("%s/%s/%s", mode, tt.server, tt.client), func(t *testing.T) {
				b := start(t, "127.0.0.1", ServerSpec{TLS: mode, Close: workload.Close{Style: tt.server}})
				s := b.connect(t, Options{TLS: mode, Client: Raw})
				if _, err := s.Quit(t.Context(), workload.Close{Style: tt.client}); err != nil {
					t.Error(err)
				}
				b.awaitCloses(t, "ftpd", 1)
				if diff := cmp.Diff([][]string{tt.clientDoes}, b.secured("ftp")); diff != "" {
					t.Errorf("client (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([][]string{tt.serverDoes}, b.secured("ftpd")); diff != "" && tt.serverDoes != nil {
					t.Errorf("server (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Data connections, which the server closes, whoever opened them.
func TestDataClosesWithTLS(t *testing.T) {
	for _, mode := range []DataMode{Passive, Active} {
		t.Run(string(mode), func(t *testing.T) {
			b := start(t, "127.0.0.1", ServerSpec{
				TLS: TLSExplicit, Files: map[string]File{"f": {Content: "text"}, "empty": {}},
				DataClose: workload.Close{Style: workload.HalfThenDrain},
			})
			s := b.connect(t, Options{TLS: TLSExplicit, Client: Raw, Mode: mode, DataClose: workload.Close{Style: workload.AfterPeer}})
			for _, name := range []string{"f", "empty"} {
				if _, err := s.Retrieve(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
			b.awaitCloses(t, "ftpd", 2)
			server := []string{"handshake 1.3", "close_notify sent", "shutdown write", "EOF", "close"}
			if mode == Active { // the library's socket, seen only when it is used
				server = server[1:]
			}
			client := []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"}
			if diff := cmp.Diff([][]string{server, server}, b.secured("ftpd")[1:]); diff != "" {
				t.Errorf("server (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([][]string{client, client}, b.secured("ftp")[1:]); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
		})
	}
}

// awaitCloses waits until a workload has closed so many connections.
func (b *bench) awaitCloses(t *testing.T, workload string, n int) {
	t.Helper()
	for range 1000 {
		closed := 0
		for _, did := range b.secured(workload) {
			if slices.Contains(did, "close") {
				closed++
			}
		}
		if closed >= n {
			return
		}
		time.Sleep(2 * time.Millisecond) // the recorder wakes nobody
	}
	t.Fatalf("%s has not closed %d connections: %v", workload, n, b.secured(workload))
}
