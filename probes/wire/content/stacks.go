package content

import (
	"strings"

	"netlab/probes"
	"netlab/probes/wire/layers"
)

// maxStacks bounds the ways in which frames can be made up that are told.
const maxStacks = 256

// stacks gathers how frames are made up.
type stacks struct {
	dissector *layers.Dissector
	index     map[string]int
	list      []probes.Event // in the order of their first frames
	frames    uint64
	last      moment
	more      bool // than maxStacks
}

func newStacks(ports map[uint16]probes.Protocol) *stacks {
	return &stacks{dissector: layers.New(ports), index: map[string]int{}}
}

// frame takes a frame into account, as a tap at a node saw it.
func (s *stacks) frame(data []byte, node string, at moment) {
	s.frames++
	s.last = at
	stack := s.dissector.Dissect(data)
	if len(stack) == 0 {
		return
	}
	names := make([]string, len(stack))
	for i := range stack {
		names[i] = string(stack[i].Name)
	}
	key := strings.Join(names, "/")
	if i, ok := s.index[key]; ok {
		s.list[i].Stack.Count++
		return
	}
	if len(s.list) >= maxStacks {
		s.more = true
		return
	}
	s.index[key] = len(s.list)
	s.list = append(s.list, probes.Event{
		Time: at.time, Source: probes.Wire, Kind: probes.KindStack, Grade: probes.Recorded, Node: node,
		Stack: &probes.Stack{Layers: stack, Count: 1, Capture: at.frame},
	})
}

// finish emits what was gathered and, if that is all, that it is.
func (s *stacks) finish(emit func(probes.Event)) {
	for _, e := range s.list {
		emit(e)
	}
	if !s.more {
		emit(probes.Event{Time: s.last.time, Source: probes.Wire, Kind: probes.KindStack, Grade: probes.Recorded, Stack: &probes.Stack{Count: s.frames}})
	}
}
