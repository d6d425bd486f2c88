package plan

import "netlab/scenarios"

// Rings are made of memory that the kernel clears first, some fifty
// microseconds for a MiB: a lab that moves little gets small ones.
const (
	smallRing = 16 << 20
	largeRing = 96 << 20
	bulk      = 8 << 20 // bytes that a scenario moves, from which on rings are large
)

// ring returns how much memory the capture of one node may take.
func ring(sc *scenarios.Scenario) int {
	if moved, known := sc.Moves(); !known || moved >= bulk {
		return largeRing
	}
	return smallRing
}
