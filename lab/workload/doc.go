// Package workload holds what the servers and clients of a lab have in
// common: above all how they close a connection. The workloads themselves
// live in the packages below. They run inside a process of a node and know
// nothing of the lab.
//
// # Who closes first
//
// TCP closes each direction of a connection by itself (RFC 9293, section
// 3.6), so which side sends the first FIN, whether there are three segments
// or four, who is left in TIME-WAIT and whether the end is a reset are the
// programs' choices. A [Close] is such a choice, in one set of words for
// clients and servers.
package workload
