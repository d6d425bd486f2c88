// Package bpf records what the kernel itself says of its TCP sockets, through
// eBPF programs on its tracepoints: every state that a full socket takes, when
// (CLOCK_MONOTONIC), and by whose hand; the lives of the mini-sockets that
// stand before and after it, which no state tracepoint tells of (request
// sockets; TIME-WAIT, and FIN-WAIT-2 without a process), read from what is
// done to their timers; resets, resent segments, errors and dropped segments
// with the kernel's reasons; and what a socket had done when it went.
//
// Each kind of event is found by trying, and believed after a self-check
// ([Tracer.Check]): a kernel that has not all of it gives what it has, and
// [Tracer.Status] says what is missing and why. What was recorded and could
// not be kept is told as a loss, at its place.
//
// One [Tracer] serves all runs of a process: [Load] puts the programs into the
// kernel, and [Tracer.Probe] makes a run's [probes.Probe], which records the
// network namespaces of that run alone. Sockets of all other namespaces are
// dropped inside the kernel.
//
// Loading needs CAP_BPF and CAP_PERFMON in the first user namespace (or
// CAP_SYS_ADMIN), Linux 5.14 and a kernel with type information (BTF).
// Programs and maps vanish with the process, however it ends.
//
// The programs are tcp.bpf.c. The object made of it is committed, so only who
// changes it needs a compiler: clang 14 and llvm-strip, the defaults of Debian
// 12 (apt-get install clang llvm), and
//
//	go generate ./probes/bpf
package bpf

//go:generate go tool bpf2go -go-package bpf -target bpfel -no-global-types tcp tcp.bpf.c -- -nostdinc -O2 -mcpu=v3 -Wall -Wextra -Werror
