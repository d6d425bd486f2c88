// Package scenarios is the scenario language: it turns strict YAML into a
// [Scenario] that cannot be wrong, and holds the gallery.
//
// The Go types of this package are the one definition of the language. Their
// struct tags give the parser, the JSON Schema and the reference:
//
//	key:"name"       the key in the file; "name,required" if it must be there,
//	                 "name,kind" if it is one of several of which exactly one
//	                 must be; ",inline" for the keys of an embedded struct
//	doc:"..."        one sentence for the reference and the schema
//	default:"..."    the value of an absent key, as it would be written
//	min:"..."        the least number, duration or size, as it would be written
//	max:"..."        the largest
//	ref:"..."        what a name must refer to: node, server, session, step...
//	text:"..."       what a string, or each of a list, may hold: one line if
//	                 absent; prose; any
//
// A slice whose elements have a Name field is written as a mapping from names
// to values; order is that of the file. Types with texts of their own
// (durations, patterns, counts) parse themselves.
//
// A file goes through these stages, each in a file of this package: load
// (text, measured, to a YAML tree), tree (aliases written out, places kept),
// variant (patches merged into the tree), decode (tree to values, by the
// tags), names, fit, the check files, expected and tally (what refers to what,
// and whether it fits).
// Every stage reports all that it finds; [Errors] says it in the file's order.
package scenarios
