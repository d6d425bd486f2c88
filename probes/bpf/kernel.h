/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What tcp.bpf.c uses of the kernel and of the BPF helpers, written by hand.
 *
 * Every struct has only the members used. preserve_access_index makes the
 * compiler note each access by name, and the loader puts in the offsets of the
 * running kernel (CO-RE). A member's kind (integer, struct, pointer) has to be
 * the kernel's, its place and its size need not.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

/* include/uapi/linux/bpf.h */
enum { BPF_MAP_TYPE_PERCPU_HASH = 5, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1 };

/* include/uapi/linux/in.h, include/linux/socket.h, include/uapi/linux/if_ether.h */
enum { IPPROTO_TCP = 6 };
enum { AF_INET = 2, AF_INET6 = 10 };
enum { ETH_P_IP = 0x0800, ETH_P_IPV6 = 0x86dd };

/* include/net/tcp_states.h */
enum { TCP_TIME_WAIT = 6, TCP_CLOSE = 7, TCP_LISTEN = 10, TCP_NEW_SYN_RECV = 12 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/net/net_namespace.h */
struct net {
	u64 net_cookie;
};

typedef struct {
	struct net *net;
} possible_net_t;

/* include/uapi/linux/in6.h */
struct in6_addr {
	union {
		u32 u6_addr32[4];
	} in6_u;
};

/* include/linux/types.h */
typedef struct {
	s64 counter;
} atomic64_t;

/* include/net/sock.h */
struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport; /* network order */
	u16 skc_num;   /* host order */
	u16 skc_family;
	u8 skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	int sk_err;
	u16 sk_protocol;
};

/* include/net/inet_sock.h, inet_connection_sock.h, include/linux/tcp.h */
struct inet_sock {
	u16 inet_sport; /* network order */
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 segs_out;
	u32 segs_in;
	u32 total_retrans;
	u32 srtt_us; /* eight times the smoothed round-trip time */
	u64 bytes_acked;
	u64 bytes_received;
};

/* include/linux/timer_types.h */
struct timer_list {
	unsigned long expires; /* jiffies */
	void (*function)(struct timer_list *);
};

/* include/net/inet_timewait_sock.h, request_sock.h */
struct inet_timewait_sock {
	struct sock_common __tw_common;
	u8 tw_substate;
	struct timer_list tw_timer;
};

struct request_sock {
	struct sock_common __req_common;
	u8 num_retrans;
	struct timer_list rsk_timer;
};

/* include/linux/netdevice.h, skbuff.h */
struct net_device {
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
	u16 protocol; /* network order */
	u16 transport_header;
	u16 network_header;
	unsigned char *head;
};

#pragma clang attribute pop

/* The helpers, by their numbers in include/uapi/linux/bpf.h. */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_current_comm)(void *buf, u32 size) = (void *)16;
static u64 (*const bpf_get_socket_cookie)(void *ctx) = (void *)46;
static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static u64 (*const bpf_jiffies64)(void) = (void *)118;
static void *(*const bpf_ringbuf_reserve)(void *map, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static struct tcp_sock *(*const bpf_skc_to_tcp_sock)(void *sk) = (void *)137;

#define SEC(name) __attribute__((section(name), used))
#define __inline static inline __attribute__((always_inline))

/* What lies at a place that the verifier knows no type of; zero if nothing does. */
#define READ(place) ({ typeof(place) __v; bpf_probe_read_kernel(&__v, sizeof(__v), &(place)); __v; })

/* The object that a member at ptr is part of. */
#define CONTAINER(ptr, type, member) \
	((type *)((u64)(ptr) - __builtin_preserve_field_info(((type *)0)->member, 0)))

/* How a map is declared in BTF: a number is the length of an array. */
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
