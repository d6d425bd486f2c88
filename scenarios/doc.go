// Package scenarios is the scenario language: it turns strict YAML into a
// [Scenario] that cannot be wrong, and holds the gallery.
//
// The Go types of this package are the one definition of the language. Their
// struct tags give the parser, the JSON Schema and the reference:
//
//	key:"name"       the key in the file; "name,required" if it must be there
//	doc:"..."        one sentence for the reference and the schema
//	default:"..."    the value of an absent key, as it would be written
//
// A slice whose elements have a Name field is written as a mapping from names
// to values; order is that of the file. Types with texts of their own
// (durations, patterns, counts) parse themselves.
package scenarios
