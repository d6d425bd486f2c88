package bpf

import (
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What the kernel does, to the step, in the ways that connections live and
// die. Each runs in namespaces of its own; a is the client's node.
func TestSequences(t *testing.T) {
	type told = map[string][]string
	tests := []struct {
		name string
		do   func(*wire)
		want told
	}{
		{"client closes", func(w *wire) {
			client, server := w.pair()
			w.option(server, unix.TCP_QUICKACK, 1)
			w.must(unix.Shutdown(client, unix.SHUT_WR))
			w.read(server, nil)
			w.option(server, unix.TCP_QUICKACK, 1)
			w.state(client, tcpFinWait2)
			w.linger(server, 5)
			w.close(server)
			w.read(client, nil)
			w.close(client, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2",
				"mini born TIME-WAIT", "FIN-WAIT-2 > CLOSED",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSE-WAIT", "CLOSE-WAIT > LAST-ACK", "LAST-ACK > CLOSED",
			},
		}},
		{"server closes, the client's socket has gone", func(w *wire) {
			client, server := w.pair()
			w.close(server)
			w.read(client, nil)
			w.option(client, unix.TCP_QUICKACK, 1)
			w.await("b", "mini born FIN-WAIT-2")
			w.close(client, w.listener)
			w.await("b", "mini stepped TIME-WAIT")
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > CLOSE-WAIT", "CLOSE-WAIT > LAST-ACK",
				"LAST-ACK > CLOSED",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2", "mini born FIN-WAIT-2", "FIN-WAIT-2 > CLOSED",
				"mini stepped TIME-WAIT",
			},
		}},
		{"linger 0", func(w *wire) {
			client, server := w.pair()
			w.linger(client, 0)
			w.close(client)
			w.read(server, unix.ECONNRESET)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > CLOSED", "reset out TCP_STATE", "ECONNRESET",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED", "reset in",
				"ESTABLISHED > CLOSED", "ECONNRESET",
			},
		}},
		{"unread data", func(w *wire) {
			client, server := w.pair()
			w.write(server)
			w.peek(client)
			w.close(client)
			w.read(server, unix.ECONNRESET)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > CLOSED", "reset out TCP_ABORT_ON_CLOSE",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED", "reset in",
				"ESTABLISHED > CLOSED", "ECONNRESET",
			},
		}},
		{"half close", func(w *wire) {
			client, server := w.pair()
			w.must(unix.Shutdown(client, unix.SHUT_WR))
			w.read(server, nil)
			w.option(server, unix.TCP_QUICKACK, 1)
			w.state(client, tcpFinWait2)
			w.write(server)
			w.read(client, nil)
			w.linger(server, 5)
			w.close(server)
			w.read(client, nil)
			w.close(client, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2",
				"mini born TIME-WAIT", "FIN-WAIT-2 > CLOSED",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSE-WAIT", "CLOSE-WAIT > LAST-ACK", "LAST-ACK > CLOSED",
			},
		}},
		{"refused", func(w *wire) {
			client := w.socket(w.a)
			if err := unix.Connect(client, sockaddr(w.at)); err != unix.ECONNREFUSED {
				w.tb.Fatalf("connect: %v", err)
			}
			w.close(client)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "reset in", "SYN-SENT > CLOSED", "ECONNREFUSED",
			},
			"b": {
				"reset out NO_SOCKET", "drop SYN NO_SOCKET",
			},
		}},
		{"SYN unanswered", func(w *wire) {
			w.listen(5)
			w.deaf(w.listener, probes.SYN, probes.SYN)
			client := w.socket(w.a)
			w.option(client, unix.TCP_SYNCNT, 1)
			if err := unix.Connect(client, sockaddr(w.at)); err != unix.ETIMEDOUT {
				w.tb.Fatalf("connect: %v", err)
			}
			w.close(client, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "resent in SYN-SENT", "SYN-SENT > CLOSED", "ETIMEDOUT",
			},
			"b": {
				"drop SYN SOCKET_FILTER",
			},
		}},
		{"orphan in FIN-WAIT-2", func(w *wire) {
			client, server := w.pair()
			w.option(client, unix.TCP_LINGER2, 1)
			w.close(client)
			w.read(server, nil)
			w.option(server, unix.TCP_QUICKACK, 1)
			w.await("a", "mini expired")
			w.write(server)
			w.state(server, tcpClose)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2",
				"mini born FIN-WAIT-2", "FIN-WAIT-2 > CLOSED", "mini expired", "reset out NO_SOCKET", "drop PSH+ACK NO_SOCKET",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSE-WAIT", "reset in", "CLOSE-WAIT > CLOSED", "EPIPE",
			},
		}},
		{"orphan in FIN-WAIT-2, its timer set again", func(w *wire) {
			client, server := w.pair()
			w.option(client, unix.TCP_LINGER2, 2)
			w.close(client)
			w.read(server, nil)
			w.option(server, unix.TCP_QUICKACK, 1)
			w.await("a", "mini born FIN-WAIT-2")
			w.linger(server, 5)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2",
				"mini born FIN-WAIT-2", "FIN-WAIT-2 > CLOSED", "mini stepped TIME-WAIT",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSE-WAIT", "CLOSE-WAIT > LAST-ACK", "LAST-ACK > CLOSED",
			},
		}},
		{"never accepted", func(w *wire) {
			w.listen(5)
			client := w.connect()
			w.await("b", "SYN-RECEIVED > ESTABLISHED")
			w.close(w.listener)
			w.read(client, unix.ECONNRESET)
			w.close(client)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "reset in", "ESTABLISHED > CLOSED", "ECONNRESET",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSED", "reset out TCP_STATE", "ECONNRESET",
			},
		}},
		{"third segment lost", func(w *wire) {
			w.listen(5)
			hear := w.deaf(w.listener, probes.SYN|probes.ACK, probes.ACK)
			client := w.connect()
			w.await("b", "drop ACK SOCKET_FILTER")
			hear()
			server := w.accept()
			w.linger(client, 0)
			w.close(client)
			w.read(server, unix.ECONNRESET)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "drop SYN+ACK TCP_INVALID_SYN", "ESTABLISHED > CLOSED",
				"reset out TCP_STATE", "ECONNRESET",
			},
			"b": {
				"request born SYN-RECEIVED", "drop ACK SOCKET_FILTER", "resent SYN+ACK",
				"request rearmed SYN-RECEIVED, resent 1", "LISTEN > SYN-RECEIVED", "request ended, resent 1",
				"SYN-RECEIVED > ESTABLISHED", "reset in", "ESTABLISHED > CLOSED", "ECONNRESET",
			},
		}},
		{"third segment lost for good", func(w *wire) {
			w.listen(5)
			w.option(w.listener, unix.TCP_SYNCNT, 1)
			w.deaf(w.listener, probes.SYN|probes.ACK, probes.ACK)
			client := w.connect()
			w.await("b", "request expired, resent 1")
			w.linger(client, 0)
			w.close(client, w.listener)
			w.await("a", "reset out TCP_STATE")
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "drop SYN+ACK TCP_INVALID_SYN", "ESTABLISHED > CLOSED",
				"reset out TCP_STATE", "ECONNRESET",
			},
			"b": {
				"request born SYN-RECEIVED", "drop ACK SOCKET_FILTER", "resent SYN+ACK",
				"request rearmed SYN-RECEIVED, resent 1", "drop ACK SOCKET_FILTER", "request expired, resent 1",
				"drop RST+ACK SOCKET_FILTER",
			},
		}},
		{"request reset", func(w *wire) {
			w.listen(5)
			w.deaf(w.listener, probes.SYN|probes.ACK|probes.RST, probes.ACK)
			client := w.connect()
			w.await("b", "drop ACK SOCKET_FILTER")
			w.linger(client, 0)
			w.close(client)
			w.await("b", "request ended")
			w.close(w.listener)
		}, told{
			"a": {"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > CLOSED", "reset out TCP_STATE", "ECONNRESET"},
			"b": {"request born SYN-RECEIVED", "drop ACK SOCKET_FILTER", "request ended", "drop RST+ACK NOT_SPECIFIED"},
		}},
		{"data to an orphan in FIN-WAIT-2", func(w *wire) {
			client, server := w.pair()
			w.option(client, unix.TCP_LINGER2, 30)
			w.close(client)
			w.read(server, nil)
			w.option(server, unix.TCP_QUICKACK, 1)
			w.await("a", "mini born FIN-WAIT-2")
			w.write(server)
			w.state(server, tcpClose)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2",
				"mini born FIN-WAIT-2", "FIN-WAIT-2 > CLOSED", "reset out TCP_TIMEWAIT_SOCKET", "mini ended",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSE-WAIT", "reset in", "CLOSE-WAIT > CLOSED", "EPIPE",
			},
		}},
		{"queue of the listener is full", func(w *wire) {
			w.listen(2)
			hear := w.deaf(w.listener, probes.SYN|probes.ACK, probes.ACK)
			late := w.connect()
			w.await("b", "drop ACK SOCKET_FILTER")
			hear()
			fds := []int{late, w.connect(), w.connect(), w.connect()}
			w.await("b", "drop ACK TCP_LISTEN_OVERFLOW")
			_ = fds
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED",
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED",
				"drop SYN+ACK TCP_INVALID_SYN",
			},
			"b": {
				"request born SYN-RECEIVED", "drop ACK SOCKET_FILTER", "request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED",
				"request ended", "SYN-RECEIVED > ESTABLISHED", "request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED",
				"request ended", "SYN-RECEIVED > ESTABLISHED", "request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED",
				"request ended", "SYN-RECEIVED > ESTABLISHED", "resent SYN+ACK", "request rearmed SYN-RECEIVED, resent 1",
				"drop ACK TCP_LISTEN_OVERFLOW",
			},
		}},
		{"destroyed by ss -K", func(w *wire) {
			client, server := w.pair()
			w.destroy(client)
			w.read(client, unix.ECONNABORTED)
			w.read(server, unix.ECONNRESET)
			w.close(client, server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "reset out TCP_STATE", "ESTABLISHED > CLOSED", "ECONNABORTED",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED", "reset in",
				"ESTABLISHED > CLOSED", "ECONNRESET",
			},
		}},
		{"data lost", func(w *wire) {
			client, server := w.pair()
			hear := w.deaf(server, 0, 0)
			w.write(client)
			w.await("b", "drop PSH+ACK SOCKET_FILTER")
			hear()
			w.read(server, nil)
			w.linger(client, 0)
			w.close(client)
			w.read(server, unix.ECONNRESET)
			w.close(server, w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "resent in ESTABLISHED", "ESTABLISHED > CLOSED",
				"reset out TCP_STATE", "ECONNRESET",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"drop PSH+ACK SOCKET_FILTER", "reset in", "ESTABLISHED > CLOSED", "ECONNRESET",
			},
		}},
		{"TIME-WAIT taken over", func(w *wire) {
			w.listen(5)
			for range 2 {
				client := w.socket(w.a)
				w.must(unix.SetsockoptInt(client, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
				w.must(unix.Bind(client, &unix.SockaddrInet4{Addr: wireAddrs[0].As4(), Port: 40000}))
				w.must(unix.Connect(client, sockaddr(w.at)))
				server := w.accept()
				w.must(unix.Shutdown(client, unix.SHUT_WR))
				w.read(server, nil)
				w.linger(server, 5)
				w.close(server)
				w.read(client, nil)
				w.close(client)
			}
			w.close(w.listener)
		}, told{
			"a": {
				"CLOSED > SYN-SENT", "SYN-SENT > ESTABLISHED", "ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2",
				"mini born TIME-WAIT", "FIN-WAIT-2 > CLOSED", "CLOSED > SYN-SENT", "mini ended", "SYN-SENT > ESTABLISHED",
				"ESTABLISHED > FIN-WAIT-1", "FIN-WAIT-1 > FIN-WAIT-2", "mini born TIME-WAIT", "FIN-WAIT-2 > CLOSED",
			},
			"b": {
				"request born SYN-RECEIVED", "LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED",
				"ESTABLISHED > CLOSE-WAIT", "CLOSE-WAIT > LAST-ACK", "LAST-ACK > CLOSED", "request born SYN-RECEIVED",
				"LISTEN > SYN-RECEIVED", "request ended", "SYN-RECEIVED > ESTABLISHED", "ESTABLISHED > CLOSE-WAIT",
				"CLOSE-WAIT > LAST-ACK", "LAST-ACK > CLOSED",
			},
		}},
	}
	tracer := newTracer(t, 0)
	t.Run("all", func(t *testing.T) { // ends when all have ended
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				w := newWire(t, tracer)
				tt.do(w)
				got := w.told()
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		}
	})
}
