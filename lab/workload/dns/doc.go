// Package dns holds a name server and a client for it (RFC 1034, RFC 1035).
//
// A server answers from its records, with authority. With an upstream it is a
// recursive resolver for all other names: it asks there, keeps what it learnt
// for as long as it may, refusals included (RFC 2308), and bounds what it
// keeps. Without, a name that it has no records of does not exist (NXDOMAIN).
// It listens on UDP and TCP; what does not fit into a datagram (512 bytes, or
// what the question's EDNS option allows) is cut short with TC set.
package dns
