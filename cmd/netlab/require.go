package main

import (
	"context"
	"strings"

	"netlab/lab/needs"
	"netlab/lab/suite"
	"netlab/scenarios/words"
)

// require returns an error that names everything of a list that is missing
// here, with what to do about it.
func (e *env) require(ctx context.Context, list []string, jobs []suite.Job) error {
	if len(list) == 0 {
		return nil
	}
	missing, lacks, err := suite.Require(ctx, list, jobs, needs.NewMachine())
	if err != nil || len(missing)+len(lacks) == 0 {
		return err
	}
	var names []string
	for _, m := range missing {
		names = append(names, m.Name)
	}
	for _, n := range lacks {
		names = append(names, n.Name)
	}
	x := &explanation{e: e}
	x.b.WriteString(e.t(words.RequireHead, strings.Join(names, ", ")))
	for _, m := range missing {
		x.line(words.RequireOne, m.Name, m.Reason)
		if !m.Fix.IsZero() {
			x.line(words.LineFix, m.Fix)
		}
	}
	for _, n := range lacks {
		x.b.WriteString("\n  " + e.lack(n))
	}
	if install := needs.Install(lacks); install != "" {
		x.line(words.LineFix, words.M(words.NeedsInstall, install))
	}
	return x.exit(exitInconclusive, nil)
}
