package bpf

import (
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// rodata is the name, in the object, of the map of constants: the verifier
// reads it while it loads a program.
const rodata = ".rodata"

// constants makes that map.
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
