// Package probes is the vocabulary of observation: what an observer of TCP
// can say, in the words of RFC 9293, and the one interface that every
// observer implements. It holds no logic beyond names and conversions and
// imports the standard library only.
//
// An [Event] is one observation by one probe, as recorded. Events are never
// altered afterwards; package timeline joins them into connections.
//
// The probes live in the packages below this one (bpf, sockdiag, ss, wire,
// calls). They never import each other nor the lab: where one needs a socket
// inside a node it is given a [Place].
package probes
