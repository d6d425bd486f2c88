package step

import (
	"strings"

	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/scenarios/words"
)

// A Foretold is what RFC 9293 says that a segment will do to the endpoint
// that it comes to: see timeline.Prediction.
type Foretold struct {
	Node    string               // where it comes to: the frame's To where the record does not know it
	Via     string               // who is to send it on first, "" if nobody is
	From    probes.State         // of the endpoint, or of the listener
	Taken   []rfc9293.Transition // what it changes, in order
	Answer  string               // "" if with nothing
	Section string               // of RFC 9293
	Why     string               // English, technical
}

// Lines says it as [Options.Predict] does: the states and the answer, then
// where the RFC says so. Nothing is said of an endpoint that is not known.
func (x Foretold) Lines(lang words.Lang) []string {
	if x.From == probes.Unknown {
		return nil
	}
	said := words.M(words.StepWillStay, x.Node, x.From.String())
	if len(x.Taken) > 0 {
		path := []string{x.Taken[0].From.String()}
		for _, t := range x.Taken {
			path = append(path, t.To.String())
		}
		said = words.M(words.StepWillGo, x.Node, strings.Join(path, " -> "))
	}
	if x.Answer != "" {
		said = words.M(words.StepAnswers, said, x.Answer)
	} else {
		said = words.M(words.StepNoAnswer, said)
	}
	if x.Via != "" {
		said = words.M(words.StepOnward, x.Via, said)
	}
	lines := []string{said.In(lang)}
	if x.Section != "" {
		lines = append(lines, words.M(words.StepSection, x.Section, x.Why).In(lang))
	}
	return lines
}
