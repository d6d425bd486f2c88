package bpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// The kernel describes its types in 5 MB of BTF (Documentation/bpf/btf.rst).
// Decoding and indexing all of it costs 25 ms and 20 MB of heap; the programs
// touch a handful of structs. So a first pass over the raw form, of about a
// millisecond, picks those out, and the library sees only them.

// vmlinux is where the kernel shows its types.
const vmlinux = "/sys/kernel/btf/vmlinux"

// readKernelBTF returns the kernel's raw type information and a function that
// gives it back.
func readKernelBTF() ([]byte, func(), error) {
	f, err := os.Open(vmlinux)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	// Before Linux 6.16 the file cannot be mapped.
	raw, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err == nil {
		return raw, func() { _ = unix.Munmap(raw) }, nil
	}
	if raw, err = os.ReadFile(vmlinux); err != nil {
		return nil, nil, err
	}
	return raw, func() {}, nil
}

// The kinds of BTF type that matter here (include/uapi/linux/btf.h).
const (
	btfInt      = 1
	btfPtr      = 2
	btfArray    = 3
	btfStruct   = 4
	btfUnion    = 5
	btfEnum     = 6
	btfFwd      = 7
	btfTypedef  = 8
	btfVolatile = 9
	btfConst    = 10
	btfRestrict = 11
	btfFloat    = 16
	btfTypeTag  = 18
)

const (
	btfMagic      = 0xeb9f
	btfHeaderSize = 24
	btfTypeSize   = 12 // struct btf_type
	btfMemberSize = 12 // struct btf_member
	btfEnumSize   = 8  // struct btf_enum
)

// btfExtra is how many bytes follow struct btf_type, by kind: so many, and so
// many for each of its vlen parts. Kind 0 is none.
var btfExtra = [...]struct{ fixed, each int }{
	1: {4, 0}, 3: {12, 0}, 4: {0, 12}, 5: {0, 12}, 6: {0, 8}, 13: {0, 8}, 14: {4, 0}, 15: {0, 12}, 17: {4, 0}, 19: {0, 12},
}

var errBTF = errors.New("malformed BTF")

// A rawBTF is type information as the kernel shows it.
type rawBTF struct {
	types   []byte
	strings []byte
	offset  []uint32 // into types, by type id; [0] is void
}

// parseBTF finds where each type is. It keeps raw.
func parseBTF(raw []byte) (*rawBTF, error) {
	le := binary.LittleEndian
	if len(raw) < btfHeaderSize || le.Uint16(raw) != btfMagic {
		return nil, fmt.Errorf("%w: no header", errBTF)
	}
	part := func(at int) ([]byte, bool) {
		start := uint64(le.Uint32(raw[4:])) + uint64(le.Uint32(raw[at:]))
		end := start + uint64(le.Uint32(raw[at+4:]))
		if end > uint64(len(raw)) {
			return nil, false
		}
		return raw[start:end], true
	}
	types, ok := part(8)
	strings, ok2 := part(16)
	if !ok || !ok2 {
		return nil, fmt.Errorf("%w: sections outside the file", errBTF)
	}
	b := &rawBTF{types: types, strings: strings, offset: make([]uint32, 1, 1+len(types)/20)}
	for at := 0; at < len(types); {
		if len(types)-at < btfTypeSize {
			return nil, fmt.Errorf("%w: type %d is cut off", errBTF, len(b.offset))
		}
		b.offset = append(b.offset, uint32(at))
		info := le.Uint32(types[at+4:])
		extra := btfExtra[0]
		if k := kindOf(info); k < len(btfExtra) {
			extra = btfExtra[k]
		}
		at += btfTypeSize + extra.fixed + extra.each*vlenOf(info)
		if at > len(types) {
			return nil, fmt.Errorf("%w: type %d is cut off", errBTF, len(b.offset)-1)
		}
	}
	return b, nil
}

func kindOf(info uint32) int { return int(info >> 24 & 0x1f) }
func vlenOf(info uint32) int { return int(info & 0xffff) }

// at returns the bytes of a type, and of all after it.
func (b *rawBTF) at(id uint32) ([]byte, error) {
	if id == 0 || int(id) >= len(b.offset) {
		return nil, fmt.Errorf("%w: no type %d", errBTF, id)
	}
	return b.types[b.offset[id]:], nil
}

// name returns a string of the string section, without its end.
func (b *rawBTF) name(offset uint32) ([]byte, error) {
	if int64(offset) >= int64(len(b.strings)) {
		return nil, fmt.Errorf("%w: no string at %d", errBTF, offset)
	}
	s, _, ok := bytes.Cut(b.strings[offset:], []byte{0})
	if !ok {
		return nil, fmt.Errorf("%w: string without an end", errBTF)
	}
	return s, nil
}

// find returns the ids of the types of one kind whose name is wanted, in
// order.
func (b *rawBTF) find(kind int, wanted map[string]bool) (map[string][]uint32, error) {
	found := make(map[string][]uint32)
	for id := 1; id < len(b.offset); id++ {
		t := b.types[b.offset[id]:]
		if kindOf(binary.LittleEndian.Uint32(t[4:])) != kind {
			continue
		}
		name, err := b.name(binary.LittleEndian.Uint32(t))
		if err != nil {
			return nil, err
		}
		if wanted[string(name)] {
			found[string(name)] = append(found[string(name)], uint32(id))
		}
	}
	return found, nil
}

// A pruner copies chosen structs of a rawBTF, with what is needed to find
// members in them: pointers point to void, and other structs are empty.
type pruner struct {
	from    *rawBTF
	keep    map[uint32]bool
	ids     map[uint32]uint32 // old -> new
	types   [][]byte          // by new id - 1
	strings []byte
}

// prune returns BTF with the structs of the given ids.
func (b *rawBTF) prune(structs map[string][]uint32) ([]byte, error) {
	p := &pruner{from: b, keep: make(map[uint32]bool), ids: map[uint32]uint32{0: 0}, strings: []byte{0}}
	for _, ids := range structs {
		for _, id := range ids {
			p.keep[id] = true
		}
	}
	for id := range p.keep {
		if _, err := p.copy(id, 0); err != nil {
			return nil, err
		}
	}
	var types []byte
	for _, t := range p.types {
		types = append(types, t...)
	}
	le := binary.LittleEndian
	out := le.AppendUint16(nil, btfMagic)
	out = append(out, 1, 0) // version, flags
	for _, n := range []int{btfHeaderSize, 0, len(types), len(types), len(p.strings)} {
		out = le.AppendUint32(out, uint32(n))
	}
	return append(append(out, types...), p.strings...), nil
}

// btfDepth bounds how deep one type may lie in another; the kernel's own
// limit is 32 (MAX_RESOLVE_DEPTH).
const btfDepth = 64

// copy copies a type, unless that was done, and returns its new id.
func (p *pruner) copy(id uint32, depth int) (uint32, error) {
	if done, ok := p.ids[id]; ok {
		return done, nil
	}
	if depth > btfDepth {
		return 0, fmt.Errorf("%w: type %d is nested too deeply", errBTF, id)
	}
	t, err := p.from.at(id)
	if err != nil {
		return 0, err
	}
	p.types = append(p.types, nil)
	fresh := uint32(len(p.types))
	p.ids[id] = fresh // before its parts are copied, which may lead back here

	le := binary.LittleEndian
	name, info, sizeOrType := le.Uint32(t), le.Uint32(t[4:]), le.Uint32(t[8:])
	text, err := p.from.name(name)
	if err != nil {
		return 0, err
	}
	var extra []byte
	switch kindOf(info) {
	case btfInt:
		extra = t[btfTypeSize : btfTypeSize+4]
	case btfPtr:
		sizeOrType = 0
	case btfFwd, btfFloat:
	case btfTypedef, btfVolatile, btfConst, btfRestrict, btfTypeTag:
		if sizeOrType, err = p.copy(sizeOrType, depth+1); err != nil {
			return 0, err
		}
	case btfArray:
		extra = bytes.Clone(t[btfTypeSize : btfTypeSize+12])
		for _, at := range []int{0, 4} { // of the elements, of the index
			part, err := p.copy(le.Uint32(extra[at:]), depth+1)
			if err != nil {
				return 0, err
			}
			le.PutUint32(extra[at:], part)
		}
	case btfStruct, btfUnion:
		if len(text) > 0 && !p.keep[id] {
			info &^= 0xffff
			break
		}
		if extra, err = p.members(t, vlenOf(info), depth); err != nil {
			return 0, err
		}
	default: // enumerations: their names do not matter, only that they are none of the above
		info &^= 0xffff
	}
	out := le.AppendUint32(nil, p.intern(text))
	out = le.AppendUint32(out, info)
	out = le.AppendUint32(out, sizeOrType)
	p.types[fresh-1] = append(out, extra...)
	return fresh, nil
}

// members copies the members of a struct or union, and their types.
func (p *pruner) members(t []byte, n, depth int) ([]byte, error) {
	le := binary.LittleEndian
	var out []byte
	for i := range n {
		m := t[btfTypeSize+i*btfMemberSize:]
		text, err := p.from.name(le.Uint32(m))
		if err != nil {
			return nil, err
		}
		id, err := p.copy(le.Uint32(m[4:]), depth+1)
		if err != nil {
			return nil, err
		}
		out = le.AppendUint32(out, p.intern(text))
		out = le.AppendUint32(out, id)
		out = le.AppendUint32(out, le.Uint32(m[8:]))
	}
	return out, nil
}

// intern puts a string into the new string section.
func (p *pruner) intern(s []byte) uint32 {
	if len(s) == 0 {
		return 0
	}
	at := uint32(len(p.strings))
	p.strings = append(append(p.strings, s...), 0)
	return at
}

// enumerators returns the names of an enumeration by their numbers; nil if
// there is none of its name.
func (b *rawBTF) enumerators(enum string) (map[uint32]string, error) {
	found, err := b.find(btfEnum, map[string]bool{enum: true})
	if err != nil || len(found[enum]) == 0 {
		return nil, err
	}
	t, err := b.at(found[enum][0])
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	names := make(map[uint32]string)
	for i := range vlenOf(le.Uint32(t[4:])) {
		e := t[btfTypeSize+i*btfEnumSize:]
		name, err := b.name(le.Uint32(e))
		if err != nil {
			return nil, err
		}
		names[le.Uint32(e[4:])] = string(name)
	}
	return names, nil
}

// kernelTypes picks out of raw the structs that the object's programs know of,
// the ids of the typedefs that stand for the tracepoints (btf_trace_NAME), and
// the kernel's names of the reasons that it gives.
func kernelTypes(raw []byte, object *btf.Spec, tracepoints []string) (*kernel, error) {
	b, err := parseBTF(raw)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool)
	for typ, err := range object.All() {
		if err != nil {
			return nil, err
		}
		if s, ok := typ.(*btf.Struct); ok && s.Name != "" {
			wanted[s.Name] = true
		}
	}
	structs, err := b.find(btfStruct, wanted)
	if err != nil {
		return nil, err
	}
	pruned, err := b.prune(structs)
	if err != nil {
		return nil, err
	}
	k := &kernel{tracepoints: make(map[string]uint32)}
	if k.types, err = btf.LoadSpecFromReader(bytes.NewReader(pruned)); err != nil {
		return nil, err
	}

	wanted = make(map[string]bool)
	for _, name := range tracepoints {
		wanted["btf_trace_"+name] = true
	}
	typedefs, err := b.find(btfTypedef, wanted)
	if err != nil {
		return nil, err
	}
	for _, name := range tracepoints {
		// Several would be of modules of one name; the first is as good.
		if found := typedefs["btf_trace_"+name]; len(found) > 0 {
			k.tracepoints[name] = found[0]
		}
	}
	if k.resets, err = b.enumerators("sk_rst_reason"); err != nil {
		return nil, err
	}
	k.drops, err = b.enumerators("skb_drop_reason")
	return k, err
}
