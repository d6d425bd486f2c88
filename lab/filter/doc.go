// Package filter makes a node's firewall and its translation of addresses,
// with nftables, in the node's network namespace.
//
// A node has one table, netlab, of family inet: what a rule says holds for
// IPv4 and IPv6 alike. In its chains input, forward and output stand
//
//   - what a node sends to itself over its loopback, which always passes: the
//     answer to a program whose packets are refused goes there, too,
//   - neighbour discovery, which always passes, as ARP does: a rule about
//     ICMP must not cut the link itself off,
//   - the rules that steps have made, the newest first, in chains of their own
//     (steps_input, ...), so that they can be taken away again,
//   - the rules of the scenario, in their order,
//   - on a router that translates addresses, what translation implies: what
//     comes in from the outside passes only if it belongs or is related to a
//     connection that is known, and nothing leaves untranslated. So home
//     routers do.
//
// The first rule that matches counts; what none matches passes. Every rule
// counts its packets (nft list table inet netlab).
//
// Without the FTP helper nothing reads what passes: a PORT command names
// whatever the client wrote. With it the kernel's nf_conntrack_ftp and
// nf_nat_ftp rewrite the address and let the data connection in.
package filter
