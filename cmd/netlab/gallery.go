package main

import (
	"fmt"
	"slices"
	"strings"

	"netlab/lab/plan"
	"netlab/lab/report"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// This file shows the gallery: its scenarios by topic of the course, and the
// sets of them that belong to none.

// topics returns the topics of the course. That it can be read, tests see to.
func topics() []scenarios.Topic {
	course, err := scenarios.TheCourse()
	if err != nil {
		return nil
	}
	return course.Topics
}

// topic returns the topic of a name, nil if there is none.
func topic(name string) *scenarios.Topic {
	course := scenarios.Course{Topics: topics()}
	return course.Topic(name)
}

// collections names what stands for many scenarios of the gallery: topics,
// then sets.
func collections() []string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.Name)
	}
	return append(names, scenarios.Sets()...)
}

// members returns the scenarios of a topic or set, nil if it is neither.
func members(name string) []string {
	if t := topic(name); t != nil {
		return slices.Clone(t.Scenarios)
	}
	if name == "." {
		return nil
	}
	return scenarios.Set(name)
}

func (e *env) listCommand() *cobra.Command {
	var names bool
	c := &cobra.Command{
		Use:     "list [TOPIC|SET]...",
		Short:   e.t(words.HelpList),
		Long:    e.t(words.HelpListLong),
		Example: "  netlab list\n  netlab list cookie\n  netlab list --names",
		RunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				if !isSet(arg) {
					near := ""
					if best := scenarios.Nearest(arg, collections()); best != "" {
						near = "; " + e.t(words.FileDidYouMean, fmt.Sprintf("%q", best))
					}
					return words.Err(words.NoCollection, arg, near, strings.Join(collections(), ", "))
				}
			}
			if len(args) == 0 {
				args = collections()
			}
			for i, arg := range args {
				if !names && i > 0 {
					fmt.Fprintln(e.stdout)
				}
				if err := e.listOne(strings.TrimSuffix(arg, "/"), names); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&names, "names", false, e.t(words.HelpNames))
	return c
}

// listOne prints the scenarios of a topic or set.
func (e *env) listOne(name string, namesAlone bool) error {
	list := members(name)
	if namesAlone {
		for _, n := range list {
			fmt.Fprintln(e.stdout, n)
		}
		return nil
	}
	if t := topic(name); t != nil {
		fmt.Fprintln(e.stdout, e.t(words.ListTopic, name, t.Title.In(e.lang), len(list)))
	} else {
		fmt.Fprintln(e.stdout, e.t(words.SetOfScenarios, name+"/", len(list), name))
	}
	entries := make([]report.Listed, len(list))
	for i, n := range list {
		sc, err := e.load(n)
		if err != nil {
			return err
		}
		entries[i] = report.Listed{Name: n, Title: sc.Title.In(e.lang)}
	}
	return printed(report.List(e.stdout, entries, report.Options{Lang: e.lang, Width: e.width}, e.terminal))
}

// load parses a scenario of the gallery.
func (e *env) load(name string) (*scenarios.Scenario, error) {
	data, err := scenarios.Load(name)
	if err != nil {
		return nil, words.Err(words.NoScenario, name, e.nearest(name))
	}
	sc, err := scenarios.Parse(name+".yaml", data)
	if err != nil {
		return nil, &exit{exitError, err}
	}
	return sc, nil
}

func (e *env) showCommand() *cobra.Command {
	var answer, source bool
	c := &cobra.Command{
		Use:     "show NAME",
		Short:   e.t(words.HelpShow),
		Long:    e.t(words.HelpShowLong),
		Example: "  netlab show ftp-close\n  netlab show ftp-close --answer\n  netlab show ftp-close --source >my.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			sc, err := e.load(args[0])
			switch {
			case err != nil:
				return err
			case source:
				data, err := scenarios.Load(args[0])
				if err != nil {
					return &exit{exitError, err}
				}
				_, err = e.stdout.Write(data)
				return err
			}
			return e.explainScenario(args[0], sc, answer)
		},
	}
	c.Flags().BoolVar(&answer, "answer", false, e.t(words.HelpAnswer))
	c.Flags().BoolVar(&source, "source", false, e.t(words.HelpSource))
	c.MarkFlagsMutuallyExclusive("answer", "source")
	return c
}

// explainScenario prints what there is to say of a scenario.
func (e *env) explainScenario(name string, sc *scenarios.Scenario, answer bool) error {
	p, err := plan.New(sc)
	if err != nil {
		return &exit{exitError, err}
	}
	course, err := scenarios.TheCourse()
	if err != nil {
		return &exit{exitError, err}
	}
	x := report.Explanation{Name: name, Scenario: sc, Plan: p, Sentences: course.SentencesOf(name), Answer: answer}
	return printed(report.Explain(e.stdout, x, report.Options{Lang: e.lang, Width: e.width}))
}

// printed says of what could not be printed that it is no wrong usage.
func printed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{exitError, fmt.Errorf("print: %w", err)}
}
