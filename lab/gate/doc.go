// Package gate is the link that netlab itself carries: every frame passes
// through this process, between two veth pairs, and may be held, dropped,
// delayed, duplicated, reordered, changed, or made up.
//
// A gate stands in a network namespace of its own with two interfaces, its
// ports, each the peer of one in a node. It needs no device node and no more
// than CAP_NET_RAW there, so it works in a user namespace. The nodes' ends
// must make whole frames: with checksum offload, frames would come to the
// gate without their checksum, and with segmentation offload larger than any
// wire carries. The namespace has no addresses, and IPv6 switched off before
// its interfaces come up, or its own kernel would talk on the link, too. What
// tc(8) queues at a port does not act on what the gate sends: netem belongs to
// the nodes' ends.
//
// The engine decides what becomes of a frame. It makes no system call and
// reads no clock: what it is given in the same order and at the same times
// meets the same fate. Around it are ports, which bring frames and send them,
// and the Gate, which brings all together under one lock, so that what
// happens on the two sides has one order.
package gate
