// Package conntrack records what the connection trackers of routers believe:
// an event for every entry of a TCP connection that is made, changed or
// removed, with its tuples of both directions. Where a router translates
// addresses, the two tell how one connection is called on either side of it.
//
// A tracker is a middlebox's model of a connection that others have: it is
// wrong where the router saw only half of the segments, and it is late. So it
// is no witness of what the ends did, and has no observer class. What it
// reports it has recorded.
//
// An event bears the time at which it was read, which is when the entry
// changed and however long the probe then waited for a processor: some ten
// microseconds, milliseconds on a busy machine.
//
// Entries are kept only in namespaces where something asks for them, such as a
// rule that translates addresses; elsewhere the probe sees nothing.
package conntrack
