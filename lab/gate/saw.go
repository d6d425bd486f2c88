package gate

import "netlab/probes"

// Saw reports whether a segment of a flow has come from an end: of both
// directions of a connection, and of its addresses on either side of a
// translator, only one has.
func (g *Gate) Saw(end string, f probes.Flow) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.engine.flows.find(f)
	return known != nil && known.sent && g.cfg.Ends[known.end] == end
}
