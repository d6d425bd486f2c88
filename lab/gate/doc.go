// Package gate is the link that netlab itself carries: every frame passes
// through this process, between two veth pairs, and may be held, dropped,
// delayed, duplicated, reordered, changed, or made up.
package gate
