// Package ss looks at sockets as a person at a terminal does: it runs ss(8)
// of iproute2 inside each node's network namespace and reads its text.
//
// ss and package sockdiag ask the same part of the kernel, so that they agree
// proves nothing; ss is here because it is what people use, as a check of
// netlab's own decoder. A look costs a process for each node, about 3 ms, so
// the usual use is one [Probe.Look] when everything has settled.
//
// The text has no grammar, and no JSON. [Parse] takes what iproute2 4.3 to 6.x
// print: padded columns, then tokens whose set differs from one version to
// the next.
package ss
