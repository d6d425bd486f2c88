// Package smtp holds a mail server that takes mails and drops them, and a
// client that delivers one (RFC 5321). Both close connections in the styles of
// package workload; AUTH PLAIN (RFC 4954) goes in clear text, as a lesson in
// what whoever reads along learns.
package smtp
