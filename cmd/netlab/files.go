package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"netlab/lab/plan"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// A file is a scenario's text.
type file struct {
	name string // as errors show it
	dir  string // that its own paths are relative to
	data []byte
}

// find reads what the arguments name: files, directories of *.yaml, or
// scenarios of the gallery and sets of them. What there is on disk comes first.
func (e *env) find(args []string) ([]file, error) {
	var files []file
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			some, err := e.findIn(arg)
			if err != nil {
				return nil, err
			}
			files = append(files, some...)
		case err == nil && info.Mode().IsRegular():
			f, err := readFile(arg)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		case err == nil:
			return nil, words.Err(words.NotAFile, arg)
		case isPath(arg):
			return nil, err
		default:
			some, err := e.findInGallery(arg)
			if err != nil {
				return nil, err
			}
			files = append(files, some...)
		}
	}
	return files, nil
}

// findInGallery reads a scenario of the gallery, or all of a set.
func (e *env) findInGallery(name string) ([]file, error) {
	names := members(name)
	if names == nil {
		names = []string{name}
	}
	files := make([]file, len(names))
	for i, n := range names {
		data, err := scenarios.Load(n)
		if err != nil {
			return nil, words.Err(words.NoScenario, n, e.nearest(n))
		}
		files[i] = file{name: n + ".yaml", dir: ".", data: data}
	}
	return files, nil
}

// isPath reports whether an argument can only be a path. What begins as the
// scenarios of a set of the gallery do is none.
func isPath(arg string) bool {
	set, _, _ := strings.Cut(arg, "/")
	return strings.HasSuffix(arg, ".yaml") || strings.ContainsRune(arg, filepath.Separator) && !isSet(set)
}

// isSet reports whether an argument is the name of a set or a topic of the
// gallery.
func isSet(arg string) bool { return len(members(arg)) > 0 }

// nearest suggests the scenario of the gallery, or the set, that arg may have
// meant. What stands in a set may have been named without it.
func (e *env) nearest(arg string) string {
	all := scenarios.Gallery()
	best := scenarios.Nearest(arg, append(collections(), all...))
	if i := slices.IndexFunc(all, func(name string) bool { return path.Base(name) == arg }); i >= 0 {
		best = all[i]
	}
	if best != "" {
		return "; " + e.t(words.FileDidYouMean, fmt.Sprintf("%q", best))
	}
	return ""
}

// findIn reads the scenarios below a directory, in the order of their paths:
// all files named *.yaml, but none of those that runs have left behind, nor any
// in directories whose names begin with a dot.
func (e *env) findIn(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (strings.HasPrefix(d.Name(), ".") || isRunDir(path)):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".yaml":
			return nil
		}
		f, err := readFile(path)
		files = append(files, f)
		return err
	})
	if err == nil && len(files) == 0 {
		err = words.Err(words.NoYAML, dir)
	}
	return files, err
}

// isRunDir reports whether a directory is one that a run has left.
func isRunDir(path string) bool {
	_, err := os.Stat(filepath.Join(path, run.EventsFile))
	return err == nil
}

// readFile reads a scenario's file, one byte more than the parser takes at
// most: a larger one is for the parser to refuse.
func readFile(path string) (file, error) {
	f, err := os.Open(path)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, scenarios.MaxBytes+1))
	if err != nil {
		return file{}, fmt.Errorf("read %s: %w", path, err)
	}
	return file{name: path, dir: dirOf(path), data: data}, nil
}

// parse parses all files and prints the errors of all.
func (e *env) parse(files []file) ([]*scenarios.Scenario, error) {
	var parsed []*scenarios.Scenario
	count := 0
	for _, f := range files {
		sc, err := scenarios.Parse(f.name, f.data)
		if err == nil {
			err = run.FindDirs(sc, f.dir)
		}
		if err != nil {
			var wrong *scenarios.Errors
			if !errors.As(err, &wrong) {
				return nil, err
			}
			count += wrong.Count()
			fmt.Fprintln(e.stderr, strings.TrimRight(wrong.In(e.lang), "\n"))
			continue
		}
		parsed = append(parsed, sc)
	}
	if count > 0 {
		said := e.t(words.NothingRun, count)
		if count == 1 {
			said = e.t(words.NothingRunOne)
		}
		fmt.Fprintf(e.stderr, "  %s\n", said)
		return nil, &exit{code: exitUsage}
	}
	return parsed, nil
}

func (e *env) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE...",
		Short: e.t(words.HelpValidate),
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := e.find(args)
			if err != nil {
				return err
			}
			parsed, err := e.parse(files)
			if err != nil {
				return err
			}
			for i, sc := range parsed {
				if _, err := plan.New(sc); err != nil {
					return fmt.Errorf("%s: %w", files[i].name, err)
				}
				fmt.Fprintln(e.stdout, e.t(words.Valid, files[i].name))
			}
			return nil
		},
	}
}

func (e *env) planCommand() *cobra.Command {
	var variant string
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan FILE|NAME",
		Short: e.t(words.HelpPlan),
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := e.find(args)
			if err != nil {
				return err
			}
			jobs, err := e.jobs(files, runFlags{variant: variant, repeat: 1})
			if err != nil {
				return err
			}
			for _, j := range jobs {
				p, err := plan.New(j.Scenario)
				if err != nil {
					return err
				}
				if asJSON {
					err = p.WriteJSON(e.stdout)
				} else {
					err = p.WriteText(e.stdout)
				}
				if err != nil {
					return &exit{exitError, err}
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&variant, "variant", "base", e.t(words.HelpVariant))
	c.Flags().BoolVar(&asJSON, "json", false, e.t(words.HelpJSON))
	return c
}

func (e *env) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: e.t(words.HelpSchema),
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := scenarios.Schema()
			if err != nil {
				return &exit{exitError, err}
			}
			_, err = e.stdout.Write(schema)
			return err
		},
	}
}

// glossaryTopic is a page of help on the terms of the course, in both
// languages.
func (e *env) glossaryTopic() *cobra.Command {
	c := &cobra.Command{Use: "glossary", Short: e.t(words.HelpGlossary)}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) {
		list := make([]report.Listed, 0, len(words.Glossary()))
		for _, term := range words.Glossary() {
			list = append(list, report.Listed{Name: term.EN, Title: term.ZH})
		}
		_ = report.List(c.OutOrStdout(), list, report.Options{Lang: e.lang, Width: e.width}, false) // output remembers what failed
	})
	return c
}

// layersTopic is a page of help on the models that the course teaches.
func (e *env) layersTopic() *cobra.Command {
	c := &cobra.Command{Use: "layers", Short: e.t(words.HelpLayers)}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), e.t(words.LayersPage)) })
	return c
}

// languageTopic is a page of help, not a command: netlab help language. The
// page is made only when it is asked for.
func (e *env) languageTopic() *cobra.Command {
	c := &cobra.Command{Use: "language", Short: e.t(words.HelpLanguage)}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), scenarios.Reference()) })
	return c
}
