// Package sockdiag looks at the kernel's table of TCP sockets through
// inet_diag over netlink (sock_diag(7), net/ipv4/inet_diag.c), node by node.
//
// It is a sampler of states, not a recorder. What lives longer than the time between
// two looks is seen, TIME-WAIT above all; a LAST-ACK of fifty microseconds is
// not. It sees what the state tracepoint cannot: request sockets
// (SYN-RECEIVED of RFC 9293) and the mini-sockets of TIME-WAIT and orphaned
// FIN-WAIT-2.
//
// A look takes a while, so an event bounds its moment: the socket came into
// the state that the event names after the event's Sample.Since, which is the
// beginning of the look before, and not after its Time, which is the end of
// the look that found it. One look of one address family in one namespace
// costs about 300 microseconds of CPU, as the kernel walks a hash table that is
// shared with every other namespace; in a namespace with a small table of its
// own (net.ipv4.tcp_child_ehash_entries of its parent) it costs a tenth.
//
// A look at one socket alone ([Probe.LookAt]) costs some 15 microseconds; its
// sample has Single set, as it tells nothing of other sockets. After a round of
// looks at all places in which something was new, and after the next one, comes
// the mark probes.Looked, whose Time is the beginning of the round: what is not
// listed in two such rounds was not there.
//
// Two things it is told, or counts, and does not sample: what a full socket had
// done when the kernel destroyed it (a probes.Tally, from the multicast groups
// SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, which anyone may
// join in a namespace of theirs; its Time is when it was read, milliseconds
// later), and how the namespace's counters moved (probes.Counter, from
// /proc/net/netstat and /proc/net/snmp).
//
// The package also answers two questions that need no probe running: is
// anyone listening ([Listening], [WaitListen]), and it can end connections
// ([Destroy]), so that a namespace is not kept alive by one that nobody
// acknowledges.
package sockdiag
