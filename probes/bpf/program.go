package bpf

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// A kernel is what loading programs needs to know of the running kernel.
type kernel struct {
	types       *btf.Spec         // of the structs that the programs use, only
	tracepoints map[string]uint32 // BTF ids
	resets      map[uint32]string // enum sk_rst_reason
	drops       map[uint32]string // enum skb_drop_reason
}

// newKernel reads the kernel's type information, as far as the object needs
// it.
func newKernel(spec *ebpf.CollectionSpec) (*kernel, error) {
	var names []string
	for _, p := range spec.Programs {
		name, err := tracepointOf(p)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	raw, release, err := readKernelBTF()
	if err != nil {
		return nil, &noTypesError{err}
	}
	defer release()
	k, err := kernelTypes(raw, spec.Types, names)
	if err != nil {
		return nil, &noTypesError{fmt.Errorf("%s: %w", vmlinux, err)}
	}
	return k, nil
}

// load loads one program. It does what [ebpf.NewProgram] would, without the
// full decoding of the kernel's types which that needs to find a tracepoint.
func (k *kernel) load(p *ebpf.ProgramSpec, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
	tracepoint, err := tracepointOf(p)
	if err != nil {
		return nil, err
	}
	id, ok := k.tracepoints[tracepoint]
	if !ok {
		return nil, &lacksError{"tracepoint " + tracepoint}
	}
	code, err := k.link(p, maps)
	if err != nil {
		return nil, err
	}
	fd, err := progLoad(p, code, id)
	runtime.KeepAlive(maps)
	if err != nil {
		return nil, refused("BPF_PROG_LOAD", p.Name, err)
	}
	return ebpf.NewProgramFromFD(fd)
}

// link puts the running kernel's offsets (CO-RE) and the maps into the
// program, and returns its byte code.
func (k *kernel) link(p *ebpf.ProgramSpec, maps map[string]*ebpf.Map) ([]byte, error) {
	code := make(asm.Instructions, len(p.Instructions))
	copy(code, p.Instructions)

	var relos []*btf.CORERelocation
	var where []*asm.Instruction
	for i := range code {
		ins := &code[i]
		if relo := btf.CORERelocationMetadata(ins); relo != nil {
			relos, where = append(relos, relo), append(where, ins)
		}
		if !ins.IsLoadFromMap() {
			continue
		}
		m := maps[ins.Reference()]
		if m == nil {
			return nil, fmt.Errorf("program %s uses unknown map %q", p.Name, ins.Reference())
		}
		if err := ins.AssociateMap(m); err != nil {
			return nil, fmt.Errorf("link program %s: %w", p.Name, err)
		}
	}
	fixups, err := btf.CORERelocate(relos, []*btf.Spec{k.types}, p.ByteOrder, noLocalID)
	if err != nil {
		return nil, fmt.Errorf("relocate program %s: %w", p.Name, err)
	}
	for i := range fixups {
		// The library would load an invalid instruction and let the
		// verifier stumble over it.
		if strings.HasSuffix(fixups[i].String(), "=poison") {
			return nil, &lacksError{relos[i].String()}
		}
		if err := fixups[i].Apply(where[i]); err != nil {
			return nil, fmt.Errorf("relocate program %s: %s: %w", p.Name, relos[i], err)
		}
	}
	var out bytes.Buffer
	if err := code.Marshal(&out, p.ByteOrder); err != nil {
		return nil, fmt.Errorf("marshal program %s: %w", p.Name, err)
	}
	return out.Bytes(), nil
}

// noLocalID refuses relocations that name a type of the object itself: it is
// loaded without its types.
func noLocalID(t btf.Type) (btf.TypeID, error) {
	return 0, fmt.Errorf("type %s is not loaded", t.TypeName())
}

// progLoadAttr is the beginning of union bpf_attr for BPF_PROG_LOAD
// (include/uapi/linux/bpf.h). Pointers are 64 bits wide on every machine.
type progLoadAttr struct {
	progType, insnCnt            uint32
	insns, license               uint64
	logLevel, logSize            uint32
	logBuf                       uint64
	kernVersion, progFlags       uint32
	progName                     [16]byte
	progIfindex, attachType      uint32
	progBTFFD, funcInfoRecSize   uint32
	funcInfo                     uint64
	funcInfoCnt, lineInfoRecSize uint32
	lineInfo                     uint64
	lineInfoCnt, attachBTFID     uint32
}

// progLoad loads byte code for a tracepoint. The error has the last words of
// the verifier, if it was the verifier's.
func progLoad(p *ebpf.ProgramSpec, code []byte, tracepoint uint32) (int, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	pointer := func(b []byte) uint64 {
		pin.Pin(&b[0])
		return uint64(uintptr(unsafe.Pointer(&b[0])))
	}
	attr := progLoadAttr{
		progType:    unix.BPF_PROG_TYPE_TRACING,
		insnCnt:     uint32(len(code) / asm.InstructionSize),
		insns:       pointer(code),
		license:     pointer(append([]byte(p.License), 0)),
		attachType:  unix.BPF_TRACE_RAW_TP,
		attachBTFID: tracepoint,
	}
	copy(attr.progName[:len(attr.progName)-1], p.Name)
	fd, errno := sysProgLoad(&attr)
	if errno == 0 {
		return fd, nil
	}
	if errno != unix.EACCES && errno != unix.EINVAL && errno != unix.E2BIG {
		return 0, errno
	}
	log := make([]byte, 1<<16)
	attr.logLevel, attr.logSize, attr.logBuf = 1, uint32(len(log)), pointer(log)
	if fd, again := sysProgLoad(&attr); again == 0 {
		return fd, nil
	}
	if last := lastLine(log); last != "" {
		return 0, &verifierError{errno, last}
	}
	return 0, errno
}

func sysProgLoad(attr *progLoadAttr) (int, unix.Errno) {
	for {
		fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
		// The verifier gives up for signals, and the Go runtime sends some.
		if errno != unix.EAGAIN && errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

// lastLine returns the last line of a verifier log that is no statistics.
func lastLine(log []byte) string {
	text, _, _ := bytes.Cut(log, []byte{0})
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if !strings.HasPrefix(lines[i], "processed ") {
			return strings.TrimSpace(lines[i])
		}
	}
	return ""
}

// errno returns the errno in the chain of err, 0 if there is none.
func errno(err error) unix.Errno {
	var n unix.Errno
	if errors.As(err, &n) {
		return n
	}
	return 0
}
