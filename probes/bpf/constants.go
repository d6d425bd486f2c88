package bpf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// The constants of tcp.bpf.c are in one read-only map, and the verifier reads
// it while it loads a program. They are known at different times: kallsyms is
// long. So each program has a map with those that it needs.

// rodata is the name of that map in the object.
const rodata = ".rodata"

// constants makes the map.
func constants(spec *ebpf.CollectionSpec, values map[string]any) (*ebpf.Map, error) {
	of := spec.Maps[rodata]
	content := make([]byte, of.ValueSize)
	for name, value := range values {
		v := spec.Variables[name]
		if v == nil {
			return nil, fmt.Errorf("object has no constant %s", name)
		}
		v = v.Copy()
		if err := v.Set(value); err != nil {
			return nil, err
		}
		copy(content[v.Offset:], v.Value)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "constants", Type: ebpf.Array, KeySize: of.KeySize, ValueSize: of.ValueSize, MaxEntries: 1,
		Flags: unix.BPF_F_RDONLY_PROG, Contents: []ebpf.MapKV{{Key: uint32(0), Value: content}},
	})
	if err != nil {
		return nil, refused("BPF_MAP_CREATE", "constants", err)
	}
	return m, nil
}

// dropConstants returns the reasons that program drop knows.
func (k *kernel) dropConstants() (map[string]any, error) {
	numbers := make(map[string]uint32)
	for n, name := range k.drops {
		numbers[name] = n
	}
	values := make(map[string]any)
	for constant, name := range map[string]string{
		"not_specified": "SKB_DROP_REASON_NOT_SPECIFIED", "no_socket": "SKB_DROP_REASON_NO_SOCKET", "tcp_csum": "SKB_DROP_REASON_TCP_CSUM",
	} {
		n, ok := numbers[name]
		if !ok {
			return nil, &lacksError{"reason " + name}
		}
		values[constant] = n
	}
	return values, nil
}

// kallsyms is where the kernel lists its functions.
const kallsyms = "/proc/kallsyms"

// The functions that the timers of mini-sockets call.
const (
	timeWaitHandler = "tw_timer_handler"
	requestHandler  = "reqsk_timer_handler"
)

// Why the kernel's functions cannot be found: it does not tell this user where
// they are (kptr_restrict, or no CAP_SYSLOG), or has no list of them.
var (
	errHidden    = errors.New(kallsyms + " hides the addresses")
	errNoSymbols = errors.New("no list of the kernel's functions")
)

// handlerConstants finds the handlers in a list of the kernel's functions.
func handlerConstants(open func() (io.ReadCloser, error)) (map[string]any, error) {
	f, err := open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoSymbols, err)
	}
	defer f.Close()
	constants := map[string]string{timeWaitHandler: "tw_handler", requestHandler: "request_handler"}
	values := make(map[string]any)
	lines := bufio.NewScanner(f)
	for lines.Scan() && len(values) < len(constants) {
		// "ffffffff82006870 t tw_timer_handler"
		address, rest, _ := bytes.Cut(lines.Bytes(), []byte{' '})
		if len(rest) < 2 {
			continue
		}
		name, _, _ := bytes.Cut(rest[2:], []byte{'\t'}) // of a module, its name follows
		constant := constants[string(name)]
		if constant == "" {
			continue
		}
		n, err := strconv.ParseUint(string(address), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kallsyms, err)
		}
		if n == 0 {
			return nil, errHidden
		}
		values[constant] = n
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	for name, constant := range constants {
		if values[constant] == nil {
			return nil, &lacksError{"function " + name}
		}
	}
	return values, nil
}

// openKallsyms opens the running kernel's list.
func openKallsyms() (io.ReadCloser, error) { return os.Open(kallsyms) }
