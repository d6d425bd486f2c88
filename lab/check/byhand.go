package check

import (
	"slices"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// Where a person lets frames on, that decides what is sent before what: data
// that waits is not acknowledged before what follows it is sent, too. It
// decides when things happen, and what is sent again.

// handDoubt says that what was not seen may have been prevented by hand; nil
// where nothing was let on by hand.
func (j *judge) handDoubt() *doubt {
	byHand := func(a timeline.Act) bool { return a.Rule == probes.ByHand }
	if !slices.ContainsFunc(j.tl.Acts, byHand) {
		return nil
	}
	return because(words.CheckByHand).remedied(words.M(words.CheckRunFree))
}
