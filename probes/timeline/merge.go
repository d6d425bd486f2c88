package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// compare makes the histories of both ends of a connection, with what there is
// to say about how the observers differ.
func (b *builder) compare(inc *incarnation) {
	for _, l := range inc.lanes {
		b.reconcile(l)
	}
	b.noteOpening(inc)
	for _, l := range inc.lanes {
		b.findResets(l)
		b.judgeTimes(l)
		b.noteQueued(l)
		b.noteState(l)
		b.noteResets(l)
		b.noteOffloads(l)
	}
	b.noteOverflow(inc.lanes[1])
	b.noteMiddlebox(inc)
}

// reconcile makes an endpoint's history: the paths of kernel and model laid
// side by side, then what the samplers saw added.
func (b *builder) reconcile(l *lane) {
	model, kernel := l.Views[probes.Model].Visits, l.Views[probes.KernelEvents].Visits
	over := b.handedOver(l)
	if over {
		kernel = kernel[:len(kernel)-1]
	}
	l.told = kernel
	model = b.notAccepted(l, model, kernel)
	model = b.notKept(l, model, kernel)
	model = b.notWaited(l, model)
	model = b.notReset(l, model, kernel)
	path := align(model, kernel)
	b.judgeLone(l, path, over)
	path = b.addSamples(l, path, over)
	l.History = b.polish(path)
}

// handedOver reports whether the kernel's last CLOSED is the end of the full
// socket only: a mini-socket lives on, in TIME-WAIT or FIN-WAIT-2.
func (b *builder) handedOver(l *lane) bool {
	kernel := l.Views[probes.KernelEvents].Visits
	if b.records(probes.KindLife) && l.Views[probes.KernelEvents].Whole {
		return false // then it said so
	}
	if l.mini || l.died == nil || len(kernel) < 2 || kernel[len(kernel)-1].State != probes.Closed {
		return false
	}
	if from := kernel[len(kernel)-2].State; from != probes.FinWait1 && from != probes.FinWait2 && from != probes.Closing {
		return false
	}
	at := l.died.Time
	for _, e := range l.events { // a mini-socket was seen
		if e.Kind == probes.KindSample && e.Time >= at-slack && mini(e) {
			name := HandOver
			if e.New == probes.FinWait2 {
				name = OrphanFinWait2
			}
			b.note(l, name, l.died.Seq, e.Seq)
			return true
		}
	}
	model := l.Views[probes.Model].Visits
	if v := find(model, probes.TimeWait); v != nil {
		name := HandOver
		if v.From-at > slack {
			name = OrphanFinWait2
		}
		b.note(l, name, append([]uint64{l.died.Seq}, ordinals(*v)...)...)
		return true
	}
	if len(model) == 0 { // nobody else can tell; a reset is the rarer case
		looked := b.complete && (b.present(probes.SockDiag) || b.present(probes.SS))
		if !looked {
			b.note(l, HandOver, l.died.Seq)
		}
		return !looked
	}
	last := model[len(model)-1]
	if last.State == probes.FinWait2 || last.State == probes.Closed && len(model) > 1 &&
		model[len(model)-2].State == probes.FinWait2 && at < l.trigger() {
		b.note(l, OrphanFinWait2, append([]uint64{l.died.Seq}, ordinals(last)...)...)
		return true
	}
	if !b.complete { // who saw it live on may not have come so far
		b.note(l, HandOver, l.died.Seq)
		return true
	}
	return false
}

func mini(e *probes.Event) bool {
	return e.Sample.Object == probes.MiniObject || e.New == probes.TimeWait
}

// trigger returns when the segment arrived that the model's last step answers:
// a RST, or the segment that our own RST answers.
func (l *lane) trigger() probes.Mono {
	if len(l.taken) == 0 {
		return 0
	}
	last := l.taken[len(l.taken)-1]
	var at probes.Mono
	for _, in := range l.inputs {
		if in.Kind == rfc9293.Received && in.Time <= last.Time {
			at = max(at, in.Time)
		}
	}
	return at
}

// notAccepted drops what follows SYN-RECEIVED in the model of an acceptor
// whose third segment the kernel recorded no child for: its queue was full,
// and the segment was dropped after the tap; or its listener had gone.
func (b *builder) notAccepted(l *lane, model, kernel []Visit) []Visit {
	child := slices.ContainsFunc(kernel, func(v Visit) bool {
		return v.State != probes.SynReceived && v.State != probes.Closed && v.State != probes.Listen
	})
	if !l.passive || child || l.child() != nil || !l.Views[probes.KernelEvents].Whole {
		return model
	}
	for _, e := range l.events {
		if e.Kind == probes.KindCall || e.Kind == probes.KindSample && e.Sample.Object != probes.RequestObject {
			return model
		}
	}
	i := slices.IndexFunc(model, func(v Visit) bool { return v.State == probes.Established })
	if i < 0 {
		return model
	}
	cut := slices.Clone(model[:i])
	last := model[len(model)-1]
	if k := len(kernel); last.State == probes.Closed && k > 0 && kernel[k-1].State == probes.Closed && b.overflowed(l, kernel[k-1].From) {
		cut = append(cut, last) // its RST, instead
	}
	return cut
}

// align lays two paths side by side: the longest common sequence of states is
// common ground, what lies between is sorted by time.
func align(model, kernel []Visit) []Visit {
	n, m := len(model), len(kernel)
	if n*m > 1<<16 { // no real path is that long
		return byTime(model, kernel)
	}
	common := make([][]int, n+1)
	for i := range common {
		common[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if model[i].State == kernel[j].State {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var path []Visit
	i, j, gapI, gapJ := 0, 0, 0, 0
	for i < n && j < m {
		switch {
		case model[i].State == kernel[j].State:
			path = append(path, byTime(model[gapI:i], kernel[gapJ:j])...)
			path = append(path, both(model[i], kernel[j]))
			i, j = i+1, j+1
			gapI, gapJ = i, j
		case common[i+1][j] >= common[i][j+1]:
			i++
		default:
			j++
		}
	}
	return append(path, byTime(model[gapI:], kernel[gapJ:])...)
}

// byTime merges what the paths do not share.
func byTime(model, kernel []Visit) []Visit {
	list := slices.Concat(model, kernel)
	for i := range list {
		list[i].Witnesses = slices.Clone(list[i].Witnesses)
	}
	slices.SortStableFunc(list, func(x, y Visit) int { return cmp.Compare(x.From, y.From) })
	return list
}

// both joins two views of one visit. The kernel's word counts for when it
// began, unless it is a child's SYN-RECEIVED: that is the request socket's
// end, not its beginning.
func both(model, kernel Visit) Visit {
	v := kernel
	if kernel.State == probes.SynReceived && model.From < kernel.From {
		v.From = model.From
	}
	v.Witnesses = slices.Concat(kernel.Witnesses, model.Witnesses)
	return v
}

// judgeLone looks at what only one of kernel and model shows, and finds a
// contradiction where the other should have.
func (b *builder) judgeLone(l *lane, path []Visit, over bool) {
	model, kernel := l.Views[probes.Model], l.Views[probes.KernelEvents]
	died := false // the full socket is gone: the kernel's events say no more
	for _, v := range path {
		inKernel, inModel := v.Seen(probes.KernelEvents), v.Seen(probes.Model)
		if over && v.State == probes.TimeWait {
			died = true
		}
		switch {
		case b.teardown(v.From), inKernel && inModel:
		case inModel && kernel.Whole && !died && b.kernelShows(l, v, over):
			b.conflict(l, ordinals(v), "the model is in %s, the kernel never was", v.State)
		case inKernel && model.Whole && modelShows(v.State):
			b.conflict(l, ordinals(v), "the kernel was in %s, the model never", v.State)
		}
	}
}

// kernelShows reports whether a whole record of kernel events must show a
// visit of the model's.
func (b *builder) kernelShows(l *lane, v Visit, over bool) bool {
	switch v.State {
	case probes.Listen:
		return false
	case probes.TimeWait:
		if b.records(probes.KindLife) {
			return l.Views[probes.KernelEvents].Sees(v.State)
		}
		return !over && l.died == nil
	case probes.SynReceived:
		return !l.passive || l.Views[probes.KernelEvents].Sees(v.State)
	case probes.Closed:
		return !over
	}
	return true
}

// modelShows reports whether the model must know a state that the kernel
// recorded. It has no clock, so it may miss the end of a connection, and a FIN
// that is queued is none yet.
func modelShows(s probes.State) bool {
	switch s {
	case probes.Closed, probes.FinWait1, probes.LastAck:
		return false
	}
	return true
}
