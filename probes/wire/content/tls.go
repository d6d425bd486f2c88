package content

import (
	"fmt"
	"slices"

	"netlab/probes"
)

// Types of records, RFC 8446 section 5.1.
const (
	recordCipherChange = 20
	recordAlert        = 21
	recordHandshake    = 22
	recordData         = 23
)

// Types of handshake messages that are read, RFC 8446 section 4.
const (
	clientHello    = 1
	serverHello    = 2
	certificateMsg = 11
)

const (
	recordHead  = 5            // type, version, length
	maxRecord   = 1<<14 + 2048 // RFC 5246 section 6.2.3; TLS 1.3 allows less
	messageHead = 4            // type, length
	maxMessage  = 64 << 10     // of a handshake message that is read: a chain of certificates
	maxTold     = 32           // sealed records of a stream that are told one by one; of the rest the last
)

// A tlsReader reads the records of TLS in a stream. They may begin after some
// plain words (STARTTLS, RFC 3207; AUTH TLS, RFC 4217): the first segment that
// begins with a hello does it, or begins one whose first bytes come in several
// segments.
type tlsReader struct {
	emit func(probes.TLS, moment)

	on      bool
	lost    bool   // what came is no TLS, or a hole has hidden where records begin
	first   []byte // what may be the beginning of a hello, too short to tell
	head    []byte // of the record that is being read
	body    []byte // so far; not kept of records that cannot be read
	left    int    // bytes of the body that are still to come
	sealing bool   // change_cipher_spec was sent: up to TLS 1.2 all that follows is encrypted
	message []byte // handshake message that is being put together
	beyond  int    // bytes of a message that is too large to be read and still to come
	told    int    // sealed records
	untold  *sealed
}

// A sealed record that is told only if it is the last.
type sealed struct {
	probes.TLS
	at moment
}

// gap stops the reading: where the next record begins is not known.
func (t *tlsReader) gap() { t.stop() }

func (t *tlsReader) stop() {
	t.lost = true
	t.first, t.head, t.body, t.message = nil, nil, nil, nil
}

// finish tells the last record, and reports whether there was TLS that could
// not be followed: what else was sent is then not known.
func (t *tlsReader) finish() (unread bool) {
	t.tellLast()
	return t.on && t.lost
}

// tellLast tells a record that was held back.
func (t *tlsReader) tellLast() {
	if t.untold != nil {
		t.emit(t.untold.TLS, t.untold.at)
		t.untold = nil
	}
}

// add reads what comes next.
func (t *tlsReader) add(data []byte, at moment) {
	if !t.on && !t.lost {
		data = t.begin(data)
	}
	if !t.on || t.lost {
		return
	}
	for len(data) > 0 && !t.lost {
		if len(t.head) < recordHead {
			n := min(recordHead-len(t.head), len(data))
			t.head, data = append(t.head, data[:n]...), data[n:]
			if len(t.head) < recordHead {
				return
			}
			if !plausible(t.head) {
				t.stop()
				return
			}
			t.left = int(t.head[3])<<8 | int(t.head[4])
		}
		n := min(t.left, len(data))
		if t.head[0] != recordData {
			t.body = append(t.body, data[:n]...)
		}
		t.left, data = t.left-n, data[n:]
		if t.left == 0 {
			t.record(at)
			t.head, t.body = t.head[:0], t.body[:0]
		}
	}
}

// begin looks whether TLS begins with a segment, or with the short ones before
// it, and returns what is to be read then.
func (t *tlsReader) begin(data []byte) []byte {
	tries := [][]byte{data}
	if len(t.first) > 0 {
		tries = [][]byte{append(t.first, data...), data}
	}
	t.first = nil
	for _, b := range tries {
		if t.on = begins(b); t.on {
			return b
		}
		if mayBegin(b) {
			t.first = slices.Clone(b)
			return nil
		}
	}
	return nil
}

// mayBegin reports whether more bytes could make the beginning of TLS of what
// is too short to be one.
func mayBegin(b []byte) bool {
	switch {
	case len(b) == 0 || b[0] != recordHandshake && b[0] != recordAlert:
		return false
	case len(b) > recordHead: // of an alert that lacks its last byte
		return len(b) == recordHead+1 && begins(append(b[:len(b):len(b)], 0))
	}
	return (len(b) < 2 || b[1] == 3) && (len(b) < 3 || b[2] <= 4) && (len(b) < recordHead || plausible(b))
}

// begins reports whether a segment is the beginning of TLS: a hello, or the
// alert that refuses one.
func begins(b []byte) bool {
	if len(b) <= recordHead || !plausible(b) {
		return false
	}
	switch b[0] {
	case recordHandshake:
		return b[5] == clientHello || b[5] == serverHello
	case recordAlert:
		return len(b) == recordHead+2 && b[3] == 0 && b[4] == 2 && (b[5] == 1 || b[5] == 2)
	}
	return false
}

// plausible reports whether b begins with the head of a record.
func plausible(b []byte) bool {
	length := int(b[3])<<8 | int(b[4])
	return b[0] >= recordCipherChange && b[0] <= recordData && b[1] == 3 && b[2] <= 4 && length <= maxRecord &&
		(length > 0 || b[0] == recordData)
}

// record tells a record that is whole.
func (t *tlsReader) record(at moment) {
	length := int(t.head[3])<<8 | int(t.head[4])
	r := probes.TLS{Version: version(uint16(t.head[1])<<8 | uint16(t.head[2])), Len: length}
	switch t.head[0] {
	case recordCipherChange:
		r.Record = "change_cipher_spec"
		t.sealing = true
		t.tell(r, at)
	case recordData:
		r.Record, r.Sealed = "application_data", true
		t.tellSealed(r, at)
	case recordAlert:
		r.Record = "alert"
		// Two bytes bear no seal (RFC 8446 section 5.2, RFC 5246 section 6.2.3).
		if r.Sealed = length != 2; !r.Sealed {
			r.Fatal, r.Alert = t.body[0] == 2, probes.AlertName(t.body[1])
		}
		t.tell(r, at)
	case recordHandshake:
		r.Record = "handshake"
		if t.sealing && !isHello(t.body) {
			r.Sealed = true
			t.tell(r, at)
			return
		}
		t.handshake(r, at)
	}
}

// isHello reports whether a body is a hello of either side and nothing else. In
// TLS 1.3 one may follow a change_cipher_spec, which means nothing there (RFC
// 8446 appendix D.4, after a hello_retry_request).
func isHello(b []byte) bool {
	return len(b) >= messageHead && (b[0] == clientHello || b[0] == serverHello) && size24(b[1:]) == len(b)-messageHead
}

// tell emits a record, and before it a sealed one that was held back.
func (t *tlsReader) tell(r probes.TLS, at moment) {
	t.tellLast()
	t.emit(r, at)
}

// tellSealed emits a sealed record unless there are too many of them: then
// only the last is told.
func (t *tlsReader) tellSealed(r probes.TLS, at moment) {
	if t.told++; t.told <= maxTold {
		t.emit(r, at)
		return
	}
	t.untold = &sealed{r, at}
}

// handshake takes messages out of a record that can be read; each is told
// with the record in which it ended.
func (t *tlsReader) handshake(r probes.TLS, at moment) {
	b := t.body
	for len(b) > 0 {
		if t.beyond > 0 {
			n := min(t.beyond, len(b))
			t.beyond, b = t.beyond-n, b[n:]
			continue
		}
		if n := min(messageHead-len(t.message), len(b)); n > 0 {
			t.message, b = append(t.message, b[:n]...), b[n:]
			if len(t.message) < messageHead {
				return
			}
		}
		size := size24(t.message[1:])
		if size > maxMessage {
			m := r
			m.Message = messageName(t.message[0])
			t.tell(m, at)
			t.beyond, t.message = size, nil
			continue
		}
		n := min(messageHead+size-len(t.message), len(b))
		t.message, b = append(t.message, b[:n]...), b[n:]
		if len(t.message) == messageHead+size {
			m := r
			read(&m, t.message[0], t.message[messageHead:])
			t.tell(m, at)
			t.message = nil
		}
	}
}

func size24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// version names a version of the protocol.
func version(v uint16) string {
	switch v {
	case 0x0300:
		return "SSL 3.0"
	case 0x0301, 0x0302, 0x0303, 0x0304:
		return fmt.Sprintf("1.%d", v-0x0301)
	}
	return fmt.Sprintf("0x%04x", v)
}

// messageName names a handshake message: RFC 8446 section 4, RFC 5246 section
// 7.4, RFC 5077, RFC 6066.
func messageName(kind byte) string {
	switch kind {
	case 0:
		return "hello_request"
	case clientHello:
		return "client_hello"
	case serverHello:
		return "server_hello"
	case 4:
		return "new_session_ticket"
	case 5:
		return "end_of_early_data"
	case 8:
		return "encrypted_extensions"
	case certificateMsg:
		return "certificate"
	case 12:
		return "server_key_exchange"
	case 13:
		return "certificate_request"
	case 14:
		return "server_hello_done"
	case 15:
		return "certificate_verify"
	case 16:
		return "client_key_exchange"
	case 20:
		return "finished"
	case 22:
		return "certificate_status"
	case 24:
		return "key_update"
	}
	return fmt.Sprintf("handshake_%d", kind)
}
