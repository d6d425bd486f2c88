package link

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// packed puts a message together as the kernel does.
func packed(kind, flags uint16, seq uint32, data []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	return append(b, data...)
}

// failure is the body of NLMSG_ERROR: the error, the request, attributes.
func failure(errno unix.Errno, request, attributes []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
	return append(append(b, request...), attributes...)
}

func TestParseAnswer(t *testing.T) {
	request := packed(unix.RTM_NEWLINK, 0, 7, make([]byte, 16))
	why := attr(nlmsgerrAttrMsg, []byte("too small\x00")).Serialize()
	for _, tc := range []struct {
		name    string
		flags   uint16
		data    []byte
		want    answer
		wantErr bool
	}{
		{"done", 0, failure(0, request[:16], nil), answer{seq: 7}, false},
		{"refused", 0, failure(unix.EPERM, request, nil), answer{seq: 7, errno: unix.EPERM}, false},
		{"explained", unix.NLM_F_CAPPED | unix.NLM_F_ACK_TLVS, failure(unix.EINVAL, request[:16], why), answer{7, unix.EINVAL, "too small"}, false},
		{"explained after a copy", unix.NLM_F_ACK_TLVS, failure(unix.EINVAL, request, why), answer{7, unix.EINVAL, "too small"}, false},
		{"explanation cut off", unix.NLM_F_ACK_TLVS, failure(unix.EINVAL, request[:20], nil), answer{seq: 7, errno: unix.EINVAL}, false},
		{"cut off", 0, []byte{1, 2, 3}, answer{seq: 7}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			messages, err := parseMessages(packed(unix.NLMSG_ERROR, tc.flags, 7, tc.data))
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseAnswer(messages[0])
			if (err != nil) != tc.wantErr {
				t.Errorf("got error %v, want one: %v", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(answer{})); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseMessagesRefusesNonsense(t *testing.T) {
	good := packed(unix.NLMSG_DONE, 0, 1, []byte{1})
	for name, b := range map[string][]byte{
		"half a header":      good[:8],
		"longer than itself": good[:16],
		"too short":          append([]byte{4, 0, 0, 0}, good[4:]...),
	} {
		if got, err := parseMessages(b); err == nil {
			t.Errorf("%s: got %v and no error", name, got)
		}
	}
}

// FuzzParse reads what the kernel might say: nothing may panic, or read beyond
// the end of a message.
func FuzzParse(f *testing.F) {
	up := append(ifinfo(2, 0).Serialize(), attr(unix.IFLA_OPERSTATE, []byte{ifOperUp}).Serialize()...)
	f.Add(packed(unix.RTM_NEWLINK, 0, 1, up))
	f.Add(packed(unix.RTM_NEWROUTE, 0, 1, []byte{unix.AF_INET6, 128, 0, 0, 255, 2, 0, unix.RTN_LOCAL, 0, 0, 0, 0}))
	why := attr(nlmsgerrAttrMsg, []byte("no")).Serialize()
	f.Add(packed(unix.NLMSG_ERROR, unix.NLM_F_ACK_TLVS, 1, failure(unix.EINVAL, packed(0, 0, 1, nil), why)))
	f.Fuzz(func(t *testing.T, b []byte) {
		messages, err := parseMessages(b)
		if err != nil && messages != nil {
			t.Error("messages together with an error")
		}
		for _, m := range messages {
			_, _ = parseAnswer(m)
			w := waiting{}
			w.observe(m)
			_, _, _ = parseLink(m)
			_, _ = parseRoute(m)
		}
	})
}
