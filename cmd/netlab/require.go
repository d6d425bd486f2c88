package main

import (
	"context"
	"slices"
	"strings"

	"netlab/lab/suite"
	"netlab/scenarios/words"
)

// require returns an error that names everything of a list that is missing
// here, with what to do about it.
func (e *env) require(ctx context.Context, list []string) error {
	if len(list) == 0 {
		return nil
	}
	missing, err := suite.Require(ctx, list)
	if err != nil || len(missing) == 0 {
		return err
	}
	var names []string
	x := &explanation{e: e}
	for _, m := range missing {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	x.b.WriteString(e.t(words.RequireHead, strings.Join(names, ", ")))
	for _, m := range missing {
		x.line(words.RequireOne, m.Name, m.Reason)
		if !m.Fix.IsZero() {
			x.line(words.LineFix, m.Fix)
		}
	}
	return x.exit(exitInconclusive, nil)
}
