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

/* include/uapi/linux/bpf.h */
enum { BPF_MAP_TYPE_PERCPU_HASH = 5, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1 };

/* include/uapi/linux/in.h, include/linux/socket.h */
enum { IPPROTO_TCP = 6 };
enum { AF_INET = 2, AF_INET6 = 10 };

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

/* include/net/sock.h */
struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport; /* network order */
	u16 skc_num;   /* host order */
	u16 skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
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
};

#pragma clang attribute pop

/* The helpers, by their numbers in include/uapi/linux/bpf.h. */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_current_comm)(void *buf, u32 size) = (void *)16;
static u64 (*const bpf_get_socket_cookie)(void *ctx) = (void *)46;
static void *(*const bpf_ringbuf_reserve)(void *map, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static struct tcp_sock *(*const bpf_skc_to_tcp_sock)(void *sk) = (void *)137;

#define SEC(name) __attribute__((section(name), used))
#define __inline static inline __attribute__((always_inline))

/* How a map is declared in BTF: a number is the length of an array. */
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
