package bpf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"testing"

	"netlab/lab/netns/netnstest"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
)

// haveTypes is nil where the kernel shows its types, privileges or not.
func haveTypes() error {
	_, release, err := readKernelBTF()
	if err == nil {
		release()
	}
	return err
}

// Loading through the pruned types has to give the very code that the
// library's full decoding gives.
func TestPrunedTypesAreTheKernels(t *testing.T) {
	netnstest.Require(t, "btf", haveTypes())
	spec, err := loadTcp()
	if err != nil {
		t.Fatal(err)
	}
	pruned, err := newKernel(spec)
	if err != nil {
		t.Fatal(err)
	}
	full, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}

	names := map[string]uint32{}
	for _, p := range spec.Programs {
		var typedef *btf.Typedef
		if err := full.TypeByName("btf_trace_"+p.AttachTo, &typedef); err != nil {
			t.Fatal(err)
		}
		id, err := full.TypeID(typedef)
		if err != nil {
			t.Fatal(err)
		}
		names[p.AttachTo] = uint32(id)

		want, got := offsets(t, p, full), offsets(t, p, pruned.types)
		if len(want) == 0 {
			t.Errorf("program %s has no relocations", p.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("program %s, relocations (-full +pruned):\n%s", p.Name, diff)
		}
	}
	if diff := cmp.Diff(names, pruned.tracepoints); diff != "" {
		t.Errorf("ids of tracepoints (-full +pruned):\n%s", diff)
	}
}

// smallBTF returns the types of the committed object, which are as the
// kernel's but few.
func smallBTF(tb testing.TB) ([]byte, *btf.Spec) {
	tb.Helper()
	object, err := elf.NewFile(bytes.NewReader(_TcpBytes))
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := object.Section(".BTF").Data()
	if err != nil {
		tb.Fatal(err)
	}
	types, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	return raw, types
}

func TestMalformedBTF(t *testing.T) {
	good, object := smallBTF(t)
	change := func(at int, value uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[at:], value)
		return b
	}
	tests := []struct {
		name string
		raw  []byte
		ok   bool
	}{
		{"good", good, true},
		{"empty", nil, false},
		{"magic", change(0, 0), false},
		{"header only", good[:btfHeaderSize], false},
		{"types outside", change(12, 1<<31), false},
		{"types beyond 32 bits", change(8, 1<<32-1), false},
		{"strings outside", change(20, 1<<31), false},
		{"no strings", change(20, 0), false},
		{"cut in a type", change(12, 13), false},
		{"name outside", change(btfHeaderSize, 1<<31), true}, // of an unwanted type
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kernelTypes(tt.raw, object, nil)
			if tt.ok != (err == nil) {
				t.Errorf("error %v", err)
			}
			if err != nil && !errors.Is(err, errBTF) {
				t.Errorf("error %v is not %v", err, errBTF)
			}
		})
	}
}

func FuzzPrune(f *testing.F) {
	raw, _ := smallBTF(f)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBTF(raw)
		if err != nil {
			return
		}
		structs, err := b.find(btfStruct, map[string]bool{"sock": true, "sock_common": true, "net": true})
		if err != nil {
			return
		}
		pruned, err := b.prune(structs)
		if err != nil {
			return
		}
		if _, err := parseBTF(pruned); err != nil {
			t.Errorf("pruned BTF cannot be read: %v", err)
		}
	})
}

// offsets returns what relocation puts into each instruction of a program.
func offsets(tb testing.TB, p *ebpf.ProgramSpec, types *btf.Spec) []string {
	tb.Helper()
	var relos []*btf.CORERelocation
	for i := range p.Instructions {
		if relo := btf.CORERelocationMetadata(&p.Instructions[i]); relo != nil {
			relos = append(relos, relo)
		}
	}
	fixups, err := btf.CORERelocate(relos, []*btf.Spec{types}, p.ByteOrder, noLocalID)
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	for i := range fixups {
		out = append(out, relos[i].String()+" "+fixups[i].String())
	}
	return out
}
