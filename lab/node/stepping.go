package node

import (
	"context"
	"errors"
	"fmt"
)

// This file is what stepping by hand needs of the supervisor: to see the
// frames that are held, and to do something to one.

// frames tells what is held, and looks at the sockets. What it says of the
// lab's processes is older than what it says of those.
func (s *supervisor) frames(ctx context.Context) (FramesReply, error) {
	reply := FramesReply{Idle: idle()}
	reply.Waiting = s.gates.waiting()
	if s.lookers.diag == nil {
		return reply, errors.New("there is no sockdiag to look with")
	}
	var err error
	reply.Sockets, err = s.lookers.diag.Snapshot(ctx)
	return reply, err
}

// hand does something to a frame that is held.
func (s *supervisor) hand(r HandRequest) error {
	g, err := s.gates.of(r.Link)
	if err != nil {
		return err
	}
	switch r.Do {
	case HandPass:
		return g.Pass(r.Frame)
	case HandDrop:
		return g.Drop(r.Frame)
	case HandDuplicate:
		return g.Duplicate(r.Frame)
	}
	return fmt.Errorf("nobody can %q a frame", r.Do)
}
