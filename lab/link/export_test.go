package link

// BuildTimed is Build; it calls done with the name of each phase that is over.
var BuildTimed = build
