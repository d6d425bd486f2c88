package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"netlab/lab/needs"
	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// A need is one of netlab needs --json.
type need struct {
	needs.Need
	Missing bool `json:"missing"`
}

func (e *env) needsCommand() *cobra.Command {
	var asJSON, onlyMissing bool
	c := &cobra.Command{
		Use:   "needs FILE|NAME|DIR|SET...",
		Short: e.t(words.HelpNeeds),
		Long:  e.t(words.HelpNeedsLong),
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			files, err := e.find(args)
			if err != nil {
				return err
			}
			parsed, err := e.parse(files)
			if err != nil {
				return err
			}
			var all []*scenarios.Scenario
			for _, sc := range parsed {
				all = append(all, needs.WithVariants(sc)...)
			}
			list := needs.Of(all...)
			lacks := map[needs.Need]string{}
			if asJSON || onlyMissing {
				for _, n := range needs.NewMachine().Missing(c.Context(), list) {
					lacks[needs.Need{Kind: n.Kind, Name: n.Name}] = n.Reason
				}
			}
			return e.printNeeds(list, lacks, asJSON, onlyMissing)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, e.t(words.HelpJSON))
	c.Flags().BoolVar(&onlyMissing, "missing", false, e.t(words.HelpMissing))
	return c
}

// printNeeds prints the packages, fit for apt-get, or everything as JSON. lacks
// has what is missing, with the reasons, as far as that was asked for.
func (e *env) printNeeds(list []needs.Need, lacks map[needs.Need]string, asJSON, onlyMissing bool) error {
	shown := []need{}
	for _, n := range list {
		reason, missing := lacks[n]
		if missing || !onlyMissing {
			n.Reason = reason
			shown = append(shown, need{n, missing})
		}
	}
	if asJSON {
		encoder := json.NewEncoder(e.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(shown)
	}
	for _, n := range shown {
		switch {
		case n.Kind == needs.Package:
			fmt.Fprintln(e.stdout, n.Name)
		case n.Missing:
			fmt.Fprintln(e.stderr, e.t(words.NeedsAlsoLacked, e.lack(n.Need)))
		}
	}
	return nil
}

// lack says what is missing.
func (e *env) lack(n needs.Need) string {
	switch n.Kind {
	case needs.Package:
		return e.t(words.NeedsPackage, n.Name)
	case needs.Program:
		if strings.Contains(n.Name, "/") {
			return e.t(words.NeedsFile, n.Name)
		}
		return e.t(words.NeedsProgram, n.Name)
	case needs.Kernel:
		return e.t(words.NeedsKernel, n.Name, strings.TrimPrefix(n.Reason, "this is Linux "))
	}
	return e.t(words.NeedsFeature, n.Name, strings.TrimPrefix(n.Reason, n.Name+": "))
}

// unmet explains that the machine lacks what a scenario needs, and what to
// install.
func (x *explanation) unmet(scenario string, lacks *needs.Error) error {
	x.b.WriteString(x.e.t(words.NeedsMissing, scenario))
	for _, n := range lacks.Missing {
		x.b.WriteString("\n  " + x.e.lack(n))
	}
	lacksOne := func(kind needs.Kind, names ...string) bool {
		return slices.ContainsFunc(lacks.Missing, func(n needs.Need) bool {
			return n.Kind == kind && (len(names) == 0 || slices.Contains(names, n.Name))
		})
	}
	if install := needs.Install(lacks.Missing); install != "" {
		x.line(words.LineFix, words.M(words.NeedsInstall, install))
	} else if lacksOne(needs.Program) {
		x.line(words.LineFix, words.M(words.NeedsByHand))
	}
	if lacksOne(needs.Feature, string(scenarios.FeatureBPF), string(scenarios.FeatureUserNS)) {
		x.line(words.LineFix, words.M(words.NeedsDoctor))
	}
	x.line(words.NothingStarted)
	return x.exit(exitInconclusive, nil)
}

// refuseExec refuses jobs that run programs of the host.
func refuseExec(jobs []suite.Job) error {
	for _, j := range jobs {
		if names := needs.RunsPrograms(j.Scenario); len(names) > 0 {
			name := j.Scenario.Name
			if j.Variant != run.Base {
				name += "/" + j.Variant
			}
			return words.Err(words.ExecRefused, name, strings.Join(names, ", "))
		}
	}
	return nil
}
