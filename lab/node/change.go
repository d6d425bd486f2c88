package node

import "context"

// change changes the network while the lab is alive.
func (s *supervisor) change(ctx context.Context, r ChangeRequest) error { return errNotYet }
