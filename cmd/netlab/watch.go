package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"netlab/lab/node"
	"netlab/lab/watch"
	"netlab/probes"
	"netlab/probes/bpf"
	"netlab/probes/clock"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// watchFlags are the flags of netlab watch.
type watchFlags struct {
	netns  []string
	pids   []int
	ports  []uint
	addrs  []string
	states []string
	only   []string
	count  int
	during time.Duration
	fresh  bool
	json   bool
}

func (e *env) watchCommand() *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use:     "watch",
		Short:   e.t(words.HelpWatch),
		Long:    e.t(words.HelpWatchLong),
		Example: "  sudo netlab watch --netns red --port 443\n  sudo netlab watch --netns all --only reset,fault --json\n  sudo netlab watch --pid 4711 --state TIME-WAIT --for 10s",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return e.watch(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.netns, "netns", nil, e.t(words.HelpWatchNetNS))
	flags.IntSliceVar(&f.pids, "pid", nil, e.t(words.HelpWatchPID))
	flags.UintSliceVar(&f.ports, "port", nil, e.t(words.HelpWatchPort))
	flags.Lookup("port").DefValue = "" // not "[]"
	flags.StringSliceVar(&f.addrs, "addr", nil, e.t(words.HelpWatchAddr))
	flags.StringSliceVar(&f.states, "state", nil, e.t(words.HelpWatchState))
	flags.StringSliceVar(&f.only, "only", nil, e.t(words.HelpWatchOnly))
	flags.IntVar(&f.count, "count", 0, e.t(words.HelpWatchCount))
	flags.DurationVar(&f.during, "for", 0, e.t(words.HelpWatchFor))
	flags.BoolVar(&f.fresh, "new", false, e.t(words.HelpWatchNew))
	flags.BoolVar(&f.json, "json", false, e.t(words.HelpJSON))
	return c
}

// filter reads what lines are wanted.
func (f *watchFlags) filter() (watch.Filter, error) {
	var filter watch.Filter
	for _, p := range f.ports {
		if p == 0 || p > 65535 {
			return filter, words.Err(words.BadWord, "--port", strconv.FormatUint(uint64(p), 10), "1 - 65535")
		}
		filter.Ports = append(filter.Ports, uint16(p))
	}
	for _, text := range f.addrs {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return filter, words.Err(words.WatchBadAddr, text)
		}
		filter.Addrs = append(filter.Addrs, a.Unmap())
	}
	for _, text := range f.states {
		s, err := probes.ParseState(strings.ToUpper(text))
		if err != nil {
			return filter, words.Err(words.WatchBadState, text, joined(probes.States()))
		}
		filter.States = append(filter.States, s)
	}
	for _, text := range f.only {
		k := probes.Kind(text)
		if !slices.Contains(watch.AllKinds(), k) {
			return filter, words.Err(words.BadWord, "--only", text, joined(watch.AllKinds()))
		}
		filter.Kinds = append(filter.Kinds, k)
	}
	return filter, nil
}

// joined lists what can be written.
func joined[T any](list []T) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = fmt.Sprint(x)
	}
	return strings.Join(parts, ", ")
}

// watch watches until there is enough, time is over, or it is interrupted,
// which is how watching usually ends.
func (e *env) watch(ctx context.Context, f watchFlags) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	if f.count < 0 || f.during < 0 {
		return words.Err(words.WatchBadCount)
	}
	config, err := e.scopes(&f)
	if err != nil {
		return err
	}
	config.New = f.fresh
	tracer, err := e.tracer()
	if err != nil {
		return &exit{exitError, err}
	}
	if config.Tracer = tracer; tracer != nil {
		defer tracer.Close() // nothing that was seen depends on it
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if f.during > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, f.during)
		defer stop()
	}
	shown, lost := 0, uint64(0)
	text := watch.Text{Lang: e.lang, Offset: clock.Compare().Offset}
	for _, scope := range config.Scopes {
		text.Names = max(text.Names, len(scope.Name))
	}
	if !f.json {
		fmt.Fprintln(e.stdout, text.Head())
	}
	config.Emit = func(l watch.Line) {
		if l.Kind == probes.KindLoss {
			lost += l.Loss.Count
		}
		if !filter.Passes(&l) || f.count > 0 && shown >= f.count {
			return
		}
		shown++
		e.show(text, l, f.json)
		if f.count > 0 && shown >= f.count {
			cancel()
		}
	}
	if err := watch.Run(ctx, config); err != nil {
		return &exit{exitError, err}
	}
	if lost > 0 {
		return &exit{exitInconclusive, words.Err(words.WatchLostAll, shown, lost)}
	}
	fmt.Fprintln(e.stderr, e.t(words.WatchSummary, shown))
	return nil
}

// show prints a line.
func (e *env) show(text watch.Text, l watch.Line, asJSON bool) {
	if !asJSON {
		fmt.Fprintln(e.stdout, text.Line(l))
		return
	}
	line, err := watch.JSON(l)
	if err != nil {
		line = []byte(strconv.Quote(err.Error())) // an event of ours can be written
	}
	fmt.Fprintln(e.stdout, string(line))
}

// tracer loads what tells kernel events. Where they are not to be had it says
// so, and what is done instead.
func (e *env) tracer() (*bpf.Tracer, error) {
	tracer, err := node.LoadTracer()
	if u, ok := errors.AsType[*probes.Unavailable](err); ok {
		fmt.Fprintln(e.stderr, "netlab: "+e.t(words.WatchSampled, u.Reason))
		if u.Remedy != "" {
			fmt.Fprintln(e.stderr, e.t(words.WatchSampleFix, u.Remedy))
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, l := range tracer.Status().Lacks {
		fmt.Fprintln(e.stderr, "netlab: "+e.t(words.WatchLacks, string(l.Kind), l.Reason))
	}
	return tracer, nil
}

// scopes opens the namespaces that are wanted; its own where none are named.
func (e *env) scopes(f *watchFlags) (watch.Config, error) {
	var config watch.Config
	var every *watch.Every
	add := func(name string, s watch.Scope, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return &exit{exitInconclusive, words.Err(words.WatchDenied, strconv.Quote(name)).Because(err)}
		}
		if err != nil {
			return words.Err(words.WatchNoNetNS, strconv.Quote(name), err.Error()).Because(err)
		}
		for _, other := range config.Scopes {
			if other.NS.Cookie() == s.NS.Cookie() {
				return s.NS.Close() // named twice
			}
		}
		config.Scopes = append(config.Scopes, s)
		return nil
	}
	for _, name := range f.netns {
		if name == watch.All {
			every = new(watch.Every)
			config.More = every.Look
			continue
		}
		s, err := watch.Open(name)
		if err := add(name, s, err); err != nil {
			return config, err
		}
	}
	for _, pid := range f.pids {
		s, err := watch.OfProcess(pid)
		if err := add(strconv.Itoa(pid), s, err); err != nil {
			return config, err
		}
	}
	if every != nil {
		scopes, _, err := every.Look()
		if err != nil {
			return config, &exit{exitError, err}
		}
		if every.Denied > 0 {
			fmt.Fprintln(e.stderr, "netlab: "+e.t(words.WatchSkipped, every.Denied))
		}
		for _, s := range scopes {
			if err := add(s.Name, s, nil); err != nil {
				return config, err
			}
		}
	}
	if len(f.netns)+len(f.pids) == 0 {
		s, err := watch.Own()
		return config, add("own", s, err)
	}
	return config, nil
}
