//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records what the kernel says of the TCP sockets of chosen network
 * namespaces. `go generate` compiles it (clang); record.go decodes its records.
 */
#include "kernel.h"

/* bpf_get_socket_cookie and the access by BTF ask for this. */
char _license[] SEC("license") = "Dual BSD/GPL";

/* What differs between kernels and is known to the loader only; see constants.go. */
const volatile u32 not_specified = 0; /* SKB_DROP_REASON_NOT_SPECIFIED */
const volatile u32 no_socket = 0;     /* SKB_DROP_REASON_NO_SOCKET */
const volatile u32 tcp_csum = 0;      /* SKB_DROP_REASON_TCP_CSUM */

/*
 * What the timers of mini-sockets call. The addresses are learned, while
 * learning is not 0, from mini-sockets of the namespace with that cookie: the
 * kernel shows those of its functions to few, and slowly. User space reads and
 * writes these; see handlers.go.
 */
struct {
	u64 learning;
	u64 time_wait; /* tw_timer_handler */
	u64 request;   /* reqsk_timer_handler */
} handlers;

/* Kinds of record; record.go has the same numbers. */
enum {
	KIND_STATE = 1,
	KIND_RESET_SENT,
	KIND_RESET_RECEIVED,
	KIND_RESENT,
	KIND_RESENT_SYNACK,
	KIND_FAULT,
	KIND_TALLY,
	KIND_DROP,
	KIND_MINI_START,  /* a mini-socket's timer was set */
	KIND_MINI_CANCEL, /* ... taken out: to be set anew, to expire, or for good */
	KIND_MINI_EXPIRE, /* ... is over */
	KIND_MINI_SEEN,   /* a mini-socket dealt with a segment */
};

/*
 * What every record begins with. The layout is that of record.go: no holes,
 * little endian.
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
	u16 reason; /* of a reset or a drop; of a request, how often its SYN+ACK was resent */
	u32 value;  /* errno; of MINI_START, jiffies until the timer fires */
	u32 local[4]; /* network order; an IPv4 address is the first */
	u32 remote[4];
};

/* A full socket's, or one that had none. */
struct full {
	struct record r;
	u8 comm[16];
};

struct sum {
	struct full full;
	u64 bytes_out;
	u64 bytes_in;
	u32 segs_out;
	u32 segs_in;
	u32 resent;
	u32 srtt_us; /* eight times the smoothed round-trip time */
};

struct segment {
	struct record r;
	u32 seq; /* network order, as in the segment */
	u32 ack;
	u32 flags;
	u32 pad;
};

struct mini {
	struct record r;
	u64 place; /* its address: tells mini-sockets that live at a time apart */
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

/* A zeroed record of a namespace, or 0 if it is not watched. */
__inline struct record *begin(u64 netns, u16 kind, u32 size)
{
	struct tally *tally = bpf_map_lookup_elem(&watched, &netns);
	if (!tally)
		return 0;
	/*
	 * The number comes before the time: whoever reads the tally after
	 * time T knows of every record with a time before T. Programs of other
	 * tracepoints may run in between, in an interrupt.
	 */
	u64 seq = __sync_fetch_and_add(&tally->seq, 1) + 1;
	u64 time = bpf_ktime_get_ns();
	struct record *r = bpf_ringbuf_reserve(&ring, size, 0);
	if (!r) {
		__sync_fetch_and_add(&tally->lost, 1);
		return 0;
	}
	__builtin_memset(r, 0, size);
	r->time = time;
	r->netns = netns;
	r->seq = seq;
	r->cpu = bpf_get_smp_processor_id();
	r->kind = kind;
	return r;
}

/* Without a wake-up: user space looks every few milliseconds. */
__inline void end(void *r) { bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP); }

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

/* Whether it is a mini-socket: of struct sock it has the common part only. */
__inline int is_mini(struct sock *sk)
{
	u8 state = sk->__sk_common.skc_state;
	return state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV;
}

/* Whether it is a full socket of TCP. */
__inline int is_tcp(struct sock *sk)
{
	/* All 16 bits: the low byte of IPPROTO_MPTCP (262) is IPPROTO_TCP. */
	return !is_mini(sk) && sk->sk_protocol == IPPROTO_TCP;
}

/* A record of a full socket, or 0. */
__inline void *begin_full(struct sock *sk, u16 kind, u32 size)
{
	struct full *f = (void *)begin(sk->__sk_common.skc_net.net->net_cookie, kind, size);
	if (!f)
		return 0;
	f->r.cookie = bpf_get_socket_cookie(sk);
	f->r.old = sk->__sk_common.skc_state;
	tuple(&f->r, sk);
	/* Elsewhere, in softirq, current is whoever was interrupted. */
	if (sk->sk_lock.owned) {
		f->r.pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(f->comm, sizeof(f->comm));
	}
	return f;
}

/* TP_PROTO(const struct sock *sk, const int oldstate, const int newstate) */
SEC("tp_btf/inet_sock_set_state")
int state(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	int old = ctx[1], new = ctx[2];
	if (old == new || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	struct full *f = begin_full(sk, KIND_STATE, sizeof(*f));
	if (!f)
		return 0;
	f->r.old = old;
	f->r.new = new;
	end(f);
	return 0;
}

/* The kinds that say no more than that something happened to a socket. */
__inline void note(struct sock *sk, u16 kind, u32 value)
{
	if (!is_tcp(sk))
		return;
	struct full *f = begin_full(sk, kind, sizeof(*f));
	if (!f)
		return;
	f->r.value = value;
	end(f);
}

/* TP_PROTO(struct sock *sk) */
SEC("tp_btf/tcp_receive_reset")
int reset_received(u64 *ctx)
{
	note((struct sock *)ctx[0], KIND_RESET_RECEIVED, 0);
	return 0;
}

/* TP_PROTO(const struct sock *sk, const struct sk_buff *skb), and perhaps more */
SEC("tp_btf/tcp_retransmit_skb")
int resent(u64 *ctx)
{
	note((struct sock *)ctx[0], KIND_RESENT, 0);
	return 0;
}

/* TP_PROTO(const struct sock *sk) */
SEC("tp_btf/inet_sk_error_report")
int fault(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	/* Without an error, connect(2) has taken it and starts afresh. */
	if (sk->sk_err)
		note(sk, KIND_FAULT, sk->sk_err);
	return 0;
}

/* TP_PROTO(struct sock *sk) */
SEC("tp_btf/tcp_destroy_sock")
int destroyed(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	struct sum *s = begin_full(sk, KIND_TALLY, sizeof(*s));
	if (!s)
		return 0;
	s->bytes_out = tp->bytes_acked;
	s->bytes_in = tp->bytes_received;
	s->segs_out = tp->segs_out;
	s->segs_in = tp->segs_in;
	s->resent = tp->total_retrans;
	s->srtt_us = tp->srtt_us;
	end(s);
	return 0;
}

/* The headers of a received segment. Local is whom it was sent to. */
struct headers {
	u16 family; /* 0: it is none of TCP */
	u16 rport;  /* network order, as all that follows */
	u16 lport;
	u8 flags;
	u32 local[4];
	u32 remote[4];
	u32 seq;
	u32 ack;
};

__inline void parse(struct headers *h, struct sk_buff *skb)
{
	unsigned char *ip = skb->head + skb->network_header;
	unsigned char *tcp = skb->head + skb->transport_header;
	u8 protocol = 0;

	if (skb->protocol == swap16(ETH_P_IP)) {
		h->family = AF_INET;
		bpf_probe_read_kernel(&protocol, 1, ip + 9);
		bpf_probe_read_kernel(h->remote, 4, ip + 12);
		bpf_probe_read_kernel(h->local, 4, ip + 16);
	} else if (skb->protocol == swap16(ETH_P_IPV6)) {
		h->family = AF_INET6;
		bpf_probe_read_kernel(&protocol, 1, ip + 6);
		bpf_probe_read_kernel(h->remote, 16, ip + 8);
		bpf_probe_read_kernel(h->local, 16, ip + 24);
	}
	if (protocol != IPPROTO_TCP) {
		h->family = 0;
		return;
	}
	bpf_probe_read_kernel(&h->rport, 4, tcp);
	bpf_probe_read_kernel(&h->seq, 8, tcp + 4);
	bpf_probe_read_kernel(&h->flags, 1, tcp + 13);
}

__inline void copy_tuple(struct record *r, const struct headers *h)
{
	r->family = h->family;
	r->lport = swap16(h->lport);
	r->rport = swap16(h->rport);
	__builtin_memcpy(r->local, h->local, sizeof(r->local));
	__builtin_memcpy(r->remote, h->remote, sizeof(r->remote));
}

/* TP_PROTO(const struct sock *sk, const struct sk_buff *skb, const enum sk_rst_reason reason) */
SEC("tp_btf/tcp_send_reset")
int reset_sent(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sk_buff *skb = (struct sk_buff *)ctx[1];
	struct headers h = {};
	u64 netns = 0;
	if (skb)
		parse(&h, skb);
	/* Without a socket, the segment that it answers says for whom it is. */
	if (sk)
		netns = sk->__sk_common.skc_net.net->net_cookie;
	else if (skb)
		netns = skb->dev->nd_net.net->net_cookie;
	struct full *f = (void *)begin(netns, KIND_RESET_SENT, sizeof(*f));
	if (!f)
		return 0;
	f->r.reason = ctx[2];
	copy_tuple(&f->r, &h);
	if (sk) {
		f->r.cookie = sk->__sk_common.skc_cookie.counter;
		f->r.old = sk->__sk_common.skc_state;
		if (!is_mini(sk)) {
			f->r.cookie = bpf_get_socket_cookie(sk);
			if (!h.family)
				tuple(&f->r, sk);
			if (sk->sk_lock.owned) {
				f->r.pid = bpf_get_current_pid_tgid() >> 32;
				bpf_get_current_comm(f->comm, sizeof(f->comm));
			}
		} else if (f->r.old == TCP_TIME_WAIT) {
			f->r.old = READ(((struct inet_timewait_sock *)sk)->tw_substate);
		}
	}
	end(f);
	return 0;
}

/* What mini-sockets have in common; the state is the inner one. */
__inline struct mini *begin_mini(struct sock_common *common, u16 kind)
{
	struct net *net = READ(common->skc_net.net);
	struct mini *m = (void *)begin(READ(net->net_cookie), kind, sizeof(*m));
	if (!m)
		return 0;
	struct record *r = &m->r;
	m->place = (u64)common;
	r->cookie = READ(common->skc_cookie.counter);
	r->old = READ(common->skc_state);
	r->family = READ(common->skc_family);
	r->lport = READ(common->skc_num);
	r->rport = swap16(READ(common->skc_dport));
	if (r->family == AF_INET6) {
		bpf_probe_read_kernel(r->local, 16, &common->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(r->remote, 16, &common->skc_v6_daddr);
	} else {
		bpf_probe_read_kernel(r->local, 4, &common->skc_rcv_saddr);
		bpf_probe_read_kernel(r->remote, 4, &common->skc_daddr);
	}
	if (r->old == TCP_TIME_WAIT) {
		r->new = READ(((struct inet_timewait_sock *)common)->tw_substate);
	} else {
		r->new = r->old;
		r->reason = READ(((struct request_sock *)common)->num_retrans);
	}
	return m;
}

/* Whether it looks like a mini-socket in a state, of the namespace to learn from. */
__inline int is_lesson(struct sock_common *common, u8 state)
{
	if (READ(common->skc_state) != state)
		return 0;
	struct net *net = READ(common->skc_net.net);
	return READ(net->net_cookie) == handlers.learning;
}

__inline void learn(struct timer_list *t)
{
	if (is_lesson(&CONTAINER(t, struct inet_timewait_sock, tw_timer)->__tw_common, TCP_TIME_WAIT))
		handlers.time_wait = (u64)t->function;
	else if (is_lesson(&CONTAINER(t, struct request_sock, rsk_timer)->__req_common, TCP_NEW_SYN_RECV))
		handlers.request = (u64)t->function;
}

/* What happened to a timer, if it is one of a mini-socket. */
__inline void timer(struct timer_list *t, u16 kind)
{
	u64 handler = (u64)t->function;
	struct sock_common *common;
	if (handler == handlers.time_wait)
		common = &CONTAINER(t, struct inet_timewait_sock, tw_timer)->__tw_common;
	else if (handler == handlers.request)
		common = &CONTAINER(t, struct request_sock, rsk_timer)->__req_common;
	else
		return;
	struct mini *m = begin_mini(common, kind);
	if (!m)
		return;
	if (kind == KIND_MINI_START)
		m->r.value = t->expires - bpf_jiffies64();
	end(m);
}

/* TP_PROTO(struct timer_list *timer, ...), all three */
SEC("tp_btf/timer_start")
int mini_start(u64 *ctx)
{
	if (handlers.learning)
		learn((struct timer_list *)ctx[0]);
	timer((struct timer_list *)ctx[0], KIND_MINI_START);
	return 0;
}

SEC("tp_btf/timer_cancel")
int mini_cancel(u64 *ctx)
{
	timer((struct timer_list *)ctx[0], KIND_MINI_CANCEL);
	return 0;
}

SEC("tp_btf/timer_expire_entry")
int mini_expire(u64 *ctx)
{
	timer((struct timer_list *)ctx[0], KIND_MINI_EXPIRE);
	return 0;
}

/* TP_PROTO(const struct sock *sk, const struct request_sock *req) */
SEC("tp_btf/tcp_retransmit_synack")
int resent_synack(u64 *ctx)
{
	struct request_sock *request = (struct request_sock *)ctx[1];
	struct mini *m = begin_mini(&request->__req_common, KIND_RESENT_SYNACK);
	if (m)
		end(m);
	return 0;
}

/* TP_PROTO(struct sk_buff *skb, void *location, enum skb_drop_reason reason, struct sock *rx_sk) */
SEC("tp_btf/kfree_skb")
int drop(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct sock *sk = (struct sock *)ctx[3];
	struct headers h = {};
	u32 reason = ctx[2];
	u64 netns;
	u8 state = 0;

	if (sk) {
		state = sk->__sk_common.skc_state;
		if (!is_mini(sk) && sk->sk_protocol != IPPROTO_TCP)
			return 0;
		if (reason == not_specified && state == TCP_TIME_WAIT) {
			/* No drop: TIME-WAIT has dealt with it. */
			struct mini *m = begin_mini(&sk->__sk_common, KIND_MINI_SEEN);
			if (m)
				end(m);
			return 0;
		}
		/* So have the other states: an ACK without data is freed like this. */
		if (reason == not_specified && state != TCP_LISTEN && state != TCP_NEW_SYN_RECV)
			return 0;
		netns = sk->__sk_common.skc_net.net->net_cookie;
	} else {
		if (reason != no_socket && reason != tcp_csum)
			return 0;
		netns = skb->dev->nd_net.net->net_cookie;
	}
	parse(&h, skb);
	if (!sk && !h.family)
		return 0;
	struct segment *s = (void *)begin(netns, KIND_DROP, sizeof(*s));
	if (!s)
		return 0;
	s->r.reason = reason;
	s->r.old = state;
	if (sk)
		s->r.cookie = sk->__sk_common.skc_cookie.counter;
	copy_tuple(&s->r, &h);
	s->seq = h.seq;
	s->ack = h.ack;
	s->flags = h.flags;
	end(s);
	return 0;
}
