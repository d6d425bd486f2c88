package sockdiag

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// message builds a netlink message; size 0 means the true length.
func message(kind, flags uint16, seq uint32, body []byte) []byte {
	b := make([]byte, headerLen, align(headerLen+len(body)))
	binary.NativeEndian.PutUint32(b, uint32(headerLen+len(body)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	b = append(b, body...)
	return b[:cap(b)]
}

// A raw is a struct inet_diag_msg to be.
type raw struct {
	family, state, timer, retrans    uint8
	local, remote                    netip.AddrPort
	cookie                           uint64
	expires, rqueue, wqueue, uid, no uint32
	attrs                            []byte
}

func (r raw) bytes() []byte {
	b := make([]byte, messageLen)
	b[0], b[1], b[2], b[3] = r.family, r.state, r.timer, r.retrans
	binary.BigEndian.PutUint16(b[4:], r.local.Port())
	binary.BigEndian.PutUint16(b[6:], r.remote.Port())
	copy(b[8:24], r.local.Addr().AsSlice())
	copy(b[24:40], r.remote.Addr().AsSlice())
	binary.NativeEndian.PutUint32(b[44:], uint32(r.cookie))
	binary.NativeEndian.PutUint32(b[48:], uint32(r.cookie>>32))
	for i, v := range []uint32{r.expires, r.rqueue, r.wqueue, r.uid, r.no} {
		binary.NativeEndian.PutUint32(b[52+4*i:], v)
	}
	return append(b, r.attrs...)
}

// attr builds a one-byte attribute, padded.
func attr(kind uint16, value uint8) []byte {
	b := make([]byte, 8)
	binary.NativeEndian.PutUint16(b, 5)
	binary.NativeEndian.PutUint16(b[2:], kind)
	b[4] = value
	return b
}

func TestDecodeMessage(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:21"), netip.MustParseAddrPort("10.0.0.2:40000")
	a6 := netip.MustParseAddrPort("[fd00::1]:21")
	mapped := netip.MustParseAddrPort("[::ffff:10.0.0.1]:21")
	mapped2 := netip.MustParseAddrPort("[::ffff:10.0.0.2]:40000")
	any4, any6 := netip.MustParseAddrPort("0.0.0.0:21"), netip.MustParseAddrPort("[::]:21")
	none4, none6 := netip.MustParseAddrPort("0.0.0.0:0"), netip.MustParseAddrPort("[::]:0")
	full := attr(attrShutdown, 0)
	id := probes.SocketID{Cookie: 1<<40 + 7}
	tests := []struct {
		name string
		in   raw
		want Socket
	}{
		{
			name: "established",
			in:   raw{family: unix.AF_INET, state: 1, local: a, remote: b, cookie: id.Cookie, rqueue: 5, wqueue: 6, uid: 1000, no: 77, attrs: full},
			want: Socket{ID: id, Flow: probes.Flow{Local: a, Remote: b}, State: probes.Established, UID: 1000,
				Sample: probes.Sample{Object: probes.FullObject, RQueue: 5, WQueue: 6, Inode: 77}},
		},
		{
			name: "listener on every address, IPv6 only",
			in:   raw{family: unix.AF_INET6, state: 10, local: any6, remote: none6, cookie: id.Cookie, rqueue: 1, wqueue: 128, no: 5, attrs: append(full, attr(attrV6Only, 1)...)},
			want: Socket{ID: id, Flow: probes.Flow{Local: any6}, State: probes.Listen, V6Only: true,
				Sample: probes.Sample{Object: probes.ListenerObject, RQueue: 1, WQueue: 128, Inode: 5}},
		},
		{
			name: "IPv4 listener",
			in:   raw{family: unix.AF_INET, state: 10, local: any4, remote: none4, cookie: id.Cookie, attrs: full},
			want: Socket{ID: id, Flow: probes.Flow{Local: any4}, State: probes.Listen, Sample: probes.Sample{Object: probes.ListenerObject}},
		},
		{
			name: "request socket",
			in:   raw{family: unix.AF_INET, state: 3, timer: 1, retrans: 2, local: a, remote: b, cookie: id.Cookie, expires: 998},
			want: Socket{ID: id, Flow: probes.Flow{Local: a, Remote: b}, State: probes.SynReceived, Retransmits: 2,
				Sample: probes.Sample{Object: probes.RequestObject, Timer: "on", Expires: 998}},
		},
		{
			name: "child of a fast open, not accepted: a full socket in SYN-RECEIVED",
			in:   raw{family: unix.AF_INET, state: 3, timer: 1, local: a, remote: b, cookie: id.Cookie, attrs: full},
			want: Socket{ID: id, Flow: probes.Flow{Local: a, Remote: b}, State: probes.SynReceived,
				Sample: probes.Sample{Object: probes.FullObject, Timer: "on"}},
		},
		{
			name: "TIME-WAIT of an IPv4 connection to an IPv6 socket",
			in:   raw{family: unix.AF_INET6, state: 6, timer: 3, local: mapped, remote: mapped2, cookie: id.Cookie, expires: 59000},
			want: Socket{ID: id, Flow: probes.Flow{Local: a, Remote: b}, State: probes.TimeWait,
				Sample: probes.Sample{Object: probes.MiniObject, Timer: "timewait", Expires: 59000}},
		},
		{
			name: "orphaned FIN-WAIT-2",
			in:   raw{family: unix.AF_INET, state: 5, timer: 3, local: a, remote: b, cookie: id.Cookie, expires: 59000},
			want: Socket{ID: id, Flow: probes.Flow{Local: a, Remote: b}, State: probes.FinWait2,
				Sample: probes.Sample{Object: probes.MiniObject, Timer: "timewait", Expires: 59000}},
		},
		{
			name: "no port chosen yet, timer overdue, no cookie, strange timer",
			in:   raw{family: unix.AF_INET6, state: 2, timer: 9, local: none6, remote: a6, cookie: noCookie, expires: 0xfffffff0, attrs: full},
			want: Socket{Flow: probes.Flow{Remote: a6}, State: probes.SynSent,
				Sample: probes.Sample{Object: probes.FullObject, Timer: "unknown"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeMessage(test.in.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Socket, equalAddrs); diff != "" {
				t.Errorf("socket (-want +got):\n%s", diff)
			}
		})
	}
}

var equalAddrs = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

func TestDecode(t *testing.T) {
	sock := raw{family: unix.AF_INET, state: 1}.bytes()
	errno := func(e int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(e)) }
	done := message(unix.NLMSG_DONE, 0, 7, errno(0))
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	tests := []struct {
		name    string
		in      []byte
		want    reply
		sockets int
		is      error  // in the chain of the error
		err     string // part of the error's text
	}{
		{name: "nothing"},
		{name: "two sockets and the end", in: join(message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, sock), message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, sock), done), want: reply{done: true}, sockets: 2},
		{name: "answer to another request", in: join(message(unix.SOCK_DIAG_BY_FAMILY, 0, 6, sock), message(unix.NLMSG_DONE, 0, 6, errno(-5)))},
		{name: "interrupted", in: message(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 7, errno(0)), want: reply{done: true, interrupted: true}},
		{name: "refused", in: message(unix.NLMSG_ERROR, 0, 7, errno(-int32(unix.ENOENT))), want: reply{done: true}, is: unix.ENOENT},
		{name: "refused at the end", in: message(unix.NLMSG_DONE, 0, 7, errno(-int32(unix.ENOBUFS))), want: reply{done: true}, is: unix.ENOBUFS},
		{name: "end without a code", in: message(unix.NLMSG_DONE, 0, 7, nil), want: reply{done: true}},
		{name: "impossible code", in: message(unix.NLMSG_ERROR, 0, 7, errno(5)), want: reply{done: true}, err: "error code 5"},
		{name: "unknown message", in: join(message(99, 0, 7, sock), done), want: reply{done: true}},
		{name: "cut header", in: done[:9], err: "9 bytes left"},
		{name: "message shorter than its header", in: join([]byte{4, 0, 0, 0}, make([]byte, 20)), err: "message of 4 bytes"},
		{name: "message longer than the datagram", in: message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, sock)[:60], err: "in 60"},
		{name: "short socket", in: message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, sock[:71]), err: "socket of 71 bytes"},
		{name: "no such state", in: message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, raw{family: unix.AF_INET, state: 77}.bytes()), err: "state 77"},
		{name: "no such family", in: message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, raw{family: 77, state: 1}.bytes()), err: "family 77"},
		{name: "attribute longer than the message", in: message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, append(sock, 255, 255, 8, 0)), sockets: 1},
		{name: "attribute shorter than its header", in: message(unix.SOCK_DIAG_BY_FAMILY, 0, 7, append(sock, 0, 0, 8, 0)), sockets: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sockets := 0
			got, err := decode(test.in, 7, func(entry) { sockets++ })
			if got != test.want || sockets != test.sockets {
				t.Errorf("got %+v with %d sockets, want %+v with %d", got, sockets, test.want, test.sockets)
			}
			switch {
			case test.is != nil:
				if !errors.Is(err, test.is) {
					t.Errorf("error %v, want %v", err, test.is)
				}
			case test.err != "":
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want one with %q", err, test.err)
				}
			case err != nil:
				t.Error(err)
			}
		})
	}
}

// FuzzDecode feeds arbitrary bytes, and the bytes of a real answer (Linux
// 6.18, in testdata) as a seed, to the decoder.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		f.Add(readHex(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 12 {
			return
		}
		seq := binary.NativeEndian.Uint32(b[8:])
		sockets := 0
		// A copy of exact capacity makes reads beyond the end fail.
		_, err := decode(append(make([]byte, 0, len(b)), b...)[:len(b):len(b)], seq, func(e entry) {
			sockets++
			if e.State == probes.Unknown || e.Sample.Object == "" || e.Sample.Expires < 0 {
				t.Errorf("half a socket: %+v", e)
			}
			if e.Flow.Local.Addr().Is4In6() || e.Flow.Remote.Addr().Is4In6() {
				t.Errorf("mapped address: %v", e.Flow)
			}
		})
		if limit := len(b) / (headerLen + messageLen); sockets > limit {
			t.Errorf("%d sockets in %d bytes (%v)", sockets, len(b), err)
		}
	})
}

var update = flag.Bool("update", false, "write the golden files")

// TestDecodeRecorded decodes real answers and compares with the golden text.
func TestDecodeRecorded(t *testing.T) {
	for _, name := range []string{"linux-6.18-inet", "linux-6.18-inet6"} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			b := readHex(t, filepath.Join("testdata", name+".hex"))
			r, err := decode(b, 1, func(e entry) {
				fmt.Fprintf(&got, "%s %s > %s cookie=%d timer=%s,%dms,%d queues=%d,%d inode=%d uid=%d v6only=%v %s\n",
					e.State, e.Flow.Local, e.Flow.Remote, e.ID.Cookie, e.Sample.Timer, e.Sample.Expires, e.Retransmits,
					e.Sample.RQueue, e.Sample.WQueue, e.Sample.Inode, e.UID, e.V6Only, e.Sample.Object)
			})
			if err != nil || !r.done {
				t.Fatalf("%+v, %v", r, err)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("sockets (-want +got):\n%s", diff)
			}
		})
	}
}

// readHex reads a file of hexadecimal digits and white space.
func readHex(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
