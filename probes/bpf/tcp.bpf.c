//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records what the kernel says of the TCP sockets of chosen network
 * namespaces. `go generate` compiles it (clang); record.go decodes its records.
 */
#include "kernel.h"

/* bpf_get_socket_cookie and the access by BTF ask for this. */
char _license[] SEC("license") = "Dual BSD/GPL";

/* Kinds of record; record.go has the same numbers. */
enum { KIND_STATE = 1 };

/*
 * A record. Its layout is that of record.go: no holes, little endian.
 * New kinds keep the members up to remote and may add after comm.
 */
struct record {
	u64 time;   /* CLOCK_MONOTONIC, nanoseconds */
	u64 netns;  /* cookie of the network namespace */
	u64 cookie; /* of the socket */
	u64 seq;    /* of this CPU and namespace, from 1 */
	u32 cpu;
	u32 pid;    /* initial pid namespace; 0: no process held the socket */
	u16 kind;
	u16 family;
	u16 lport;  /* host order */
	u16 rport;
	u8 old;     /* include/net/tcp_states.h */
	u8 new;
	u8 pad[6];
	u32 local[4]; /* network order; an IPv4 address is the first */
	u32 remote[4];
	u8 comm[16];
};

/*
 * The namespaces that are watched: cookie -> what was produced there, on each
 * CPU. User space puts keys in and takes them out.
 */
struct tally {
	u64 seq;  /* records produced; the number of the newest */
	u64 lost; /* of these, the ring had no room for so many */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct tally);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

__inline u16 swap16(u16 n) { return (u16)(n << 8 | n >> 8); }

__inline void copy6(u32 *to, const struct in6_addr *from)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		to[i] = from->in6_u.u6_addr32[i];
}

/* Addresses and ports. What the kernel has not chosen or forgot stays zero. */
__inline void tuple(struct record *r, struct sock *sk)
{
	r->family = sk->__sk_common.skc_family;
	if (r->family == AF_INET6) {
		copy6(r->local, &sk->__sk_common.skc_v6_rcv_saddr);
		copy6(r->remote, &sk->__sk_common.skc_v6_daddr);
	} else {
		r->local[0] = sk->__sk_common.skc_rcv_saddr;
		r->remote[0] = sk->__sk_common.skc_daddr;
	}
	r->rport = swap16(sk->__sk_common.skc_dport);
	/* skc_num is 0 at every change to CLOSE already, inet_sport is not. */
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		r->lport = swap16(tp->inet_conn.icsk_inet.inet_sport);
	if (!r->lport)
		r->lport = sk->__sk_common.skc_num;
}

/* A zeroed record of sk with what all kinds have, or 0. */
__inline struct record *begin(struct sock *sk, u16 kind)
{
	u64 netns = sk->__sk_common.skc_net.net->net_cookie;
	struct tally *tally = bpf_map_lookup_elem(&watched, &netns);
	if (!tally)
		return 0;
	/*
	 * The number comes before the time: whoever reads the tally after
	 * time T knows of every record with a time before T.
	 */
	u64 seq = ++tally->seq;
	u64 time = bpf_ktime_get_ns();
	struct record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		tally->lost++;
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->time = time;
	r->netns = netns;
	r->cookie = bpf_get_socket_cookie(sk);
	r->seq = seq;
	r->cpu = bpf_get_smp_processor_id();
	r->kind = kind;
	tuple(r, sk);
	/* Elsewhere, in softirq, current is whoever was interrupted. */
	if (sk->sk_lock.owned) {
		r->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(r->comm, sizeof(r->comm));
	}
	return r;
}

/* Without a wake-up: user space looks every few milliseconds. */
__inline void end(struct record *r) { bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP); }

/* TP_PROTO(const struct sock *sk, const int oldstate, const int newstate) */
SEC("tp_btf/inet_sock_set_state")
int state(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	int old = ctx[1], new = ctx[2];
	/* All 16 bits: the low byte of IPPROTO_MPTCP (262) is IPPROTO_TCP. */
	if (old == new || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	struct record *r = begin(sk, KIND_STATE);
	if (!r)
		return 0;
	r->old = old;
	r->new = new;
	end(r);
	return 0;
}
