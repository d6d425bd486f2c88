// Package step is the program behind netlab step: it shows the frames that
// wait at the gates of a lab, and lets them on one by one.
//
// What is shown and what a key does is a pure model; [Play] connects it to a
// terminal, [Script.Run] drives the same choices from a text, without one.
// Neither knows how a lab is built: they step whatever is a [Lab].
//
// Wire, scenario and programs are not to be trusted: whatever of theirs is
// shown is shown escaped.
package step
