package ftp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"netlab/lab/workload"
)

// A ServerSpec is the server of a scenario. Its JSON is what the scenario
// says below `ftp:`, key by key.
type ServerSpec struct {
	// Port to listen on, at all addresses of the node, IPv4 and IPv6.
	// 0 means 21, or 990 with implicit TLS.
	Port int `json:"port,omitempty"`
	// Users and their passwords. Without users and Anonymous nobody can log in.
	Users map[string]string `json:"users,omitempty"`
	// Anonymous lets "anonymous" and "ftp" in, with any password (RFC 1635).
	Anonymous bool `json:"anonymous,omitempty"`
	// Files by path, in memory; on top of Dir if there is one.
	Files map[string]File `json:"files,omitempty"`
	// Dir is a directory to serve. Nothing outside it can be reached, by ".."
	// or by symbolic link, and nothing in it is ever changed.
	Dir string `json:"dir,omitempty"`
	// DirMode says what clients may do to Dir; the zero value is ReadOnly.
	DirMode DirMode `json:"dir_mode,omitempty"`
	// PassivePorts to listen on for passive data connections, one after the
	// other; the zero value leaves the choice to the kernel.
	PassivePorts PortRange `json:"passive_ports,omitzero"`
	// Active says whether and from where the server opens data connections;
	// the zero value is ActivePort20.
	Active ActiveMode `json:"active,omitempty"`
	// TLS that the server speaks; the zero value is TLSNone.
	TLS TLSMode `json:"tls,omitempty"`
	// IdleTimeout after which a silent client gets 421 and the server's FIN;
	// 0 means 900 s, the library's default. The 421's text names whole seconds.
	IdleTimeout workload.Duration `json:"idle_timeout,omitzero"`
	// PeerCheck refuses data connections from and to other addresses than the
	// client's; unless said otherwise it is on.
	PeerCheck *bool `json:"peer_check,omitempty"`
	// Close is how the server closes control connections that it ends. One
	// that it ends because the client is silent (421) is not kept open to wait
	// for that client: there AfterPeer is AtOnce.
	Close workload.Close `json:"close,omitzero"`
	// DataClose is how the server closes data connections. One that is aborted
	// is closed at once.
	DataClose workload.Close `json:"data_close,omitzero"`
	// Banner is the text of the 220.
	Banner string `json:"banner,omitempty"`
	// Welcome is the text of the 230.
	Welcome string `json:"welcome,omitempty"`
}

// A TLSMode says how TLS comes onto a control connection.
type TLSMode string

// The TLS modes.
const (
	TLSNone     TLSMode = "none"
	TLSExplicit TLSMode = "explicit" // by AUTH TLS, RFC 4217
	TLSImplicit TLSMode = "implicit" // from the first byte
)

// A DirMode says what clients may do to a served directory.
type DirMode string

// The directory modes.
const (
	ReadOnly    DirMode = "read_only"
	CopyOnWrite DirMode = "copy_on_write" // changes live in memory, for as long as the server
)

// An ActiveMode says whether PORT and EPRT are served.
type ActiveMode string

// The active modes.
const (
	ActivePort20 ActiveMode = "port20" // from port 20, as RFC 959 asks for; needs the privilege to bind it
	ActiveAny    ActiveMode = "any"    // from a port that the kernel chooses
	ActiveOff    ActiveMode = "off"    // refused
)

// A File is the content of a file, or the size of one that is generated (see
// [Generated]). In JSON it is a string or {"size": bytes}.
type File struct {
	Content string
	Size    int64
}

// MarshalJSON writes the shorter form where it says everything.
func (f File) MarshalJSON() ([]byte, error) {
	if f.Size == 0 {
		return json.Marshal(f.Content)
	}
	return json.Marshal(map[string]int64{"size": f.Size})
}

// UnmarshalJSON reads either form, strictly.
func (f *File) UnmarshalJSON(data []byte) error {
	var content string
	if json.Unmarshal(data, &content) == nil {
		*f = File{Content: content}
		return nil
	}
	var form struct {
		Size *int64 `json:"size"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&form); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	if form.Size == nil || *form.Size < 0 {
		return errors.New("file: want its text, or its size in bytes")
	}
	*f = File{Size: *form.Size}
	return nil
}

// A PortRange is written "lo-hi".
type PortRange struct{ Low, High uint16 }

// IsZero reports whether r names no ports.
func (r PortRange) IsZero() bool { return r == PortRange{} }

// MarshalText writes "lo-hi".
func (r PortRange) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d-%d", r.Low, r.High), nil
}

// UnmarshalText reads "lo-hi".
func (r *PortRange) UnmarshalText(text []byte) error {
	low, high, found := strings.Cut(string(text), "-")
	lo, err1 := strconv.ParseUint(low, 10, 16)
	hi, err2 := strconv.ParseUint(high, 10, 16)
	if !found || err1 != nil || err2 != nil || lo == 0 || lo > hi {
		return fmt.Errorf("ports %q are not a range such as 40000-40009", text)
	}
	*r = PortRange{uint16(lo), uint16(hi)}
	return nil
}

// Validate says all that is wrong with the spec.
func (s ServerSpec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Port < 0 || s.Port > 65535 {
		bad("port %d is not between 0 and 65535", s.Port)
	}
	if !slices.Contains([]TLSMode{"", TLSNone, TLSExplicit, TLSImplicit}, s.TLS) {
		bad("tls %q is none of none, explicit, implicit", s.TLS)
	}
	if !slices.Contains([]DirMode{"", ReadOnly, CopyOnWrite}, s.DirMode) {
		bad("dir_mode %q is none of read_only, copy_on_write", s.DirMode)
	}
	if s.DirMode != "" && s.Dir == "" {
		bad("dir_mode needs a dir")
	}
	if !slices.Contains([]ActiveMode{"", ActivePort20, ActiveAny, ActiveOff}, s.Active) {
		bad("active %q is none of port20, any, off", s.Active)
	}
	if s.IdleTimeout < 0 {
		bad("idle_timeout must not be negative")
	}
	for name := range s.Files {
		if clean := path.Clean("/" + name); clean == "/" || strings.ContainsAny(name, "\x00\r\n") || slices.Contains(strings.Split(name, "/"), "..") {
			bad("%q is not the path of a file", name)
		}
	}
	for _, text := range []string{s.Banner, s.Welcome} {
		if strings.ContainsAny(text, "\r\x00") {
			bad("banner and welcome must be lines of text")
		}
	}
	errs = append(errs, s.Close.Validate(), s.DataClose.Validate())
	return errors.Join(errs...)
}

// port resolves the default port.
func (s ServerSpec) port() int {
	switch {
	case s.Port != 0:
		return s.Port
	case s.TLS == TLSImplicit:
		return 990
	}
	return 21
}

// peerCheck resolves the default of PeerCheck.
func (s ServerSpec) peerCheck() bool { return s.PeerCheck == nil || *s.PeerCheck }
