// Package wire captures every frame that passes the link ends of a lab, tells
// TCP segments as events, and writes all frames to a pcapng file.
//
// One AF_PACKET socket with a TPACKET_V3 ring is made inside each namespace
// (Documentation/networking/packet_mmap.rst, net/packet/af_packet.c). The
// kernel copies frames into blocks of the ring and hands over a block when it
// is full or when a few milliseconds have passed; one goroutine reads all
// rings, merges them by time, and gives the blocks back.
//
// The kernel stamps frames with CLOCK_REALTIME. Events carry CLOCK_MONOTONIC:
// the two are compared at the start, every second, before each block and at
// the end, and the comparisons are events too.
//
// What a tap sees is what the interface was given. Where segmentation or
// checksum offloads are on, that is more than one segment at a time, and
// checksums that are not yet complete; such are not called bad.
package wire
