package wire

import (
	"fmt"
	"os"
	"time"

	"netlab/probes"
)

// Sizes of rings, in bytes.
const (
	defaultMemory = 256 << 20
	defaultRing   = 16 << 20
	maxBlock      = 128 << 10 // a frame of 64 KiB, which offloads make, fits
	minBlocks     = 8         // fewer, and the kernel waits for us at each
	frameStep     = 256       // any multiple of 16 would do
	minSnaplen    = 256       // link, network and transport headers, with options
	maxSnaplen    = 256 << 10 // larger than any frame
	maxShare      = 8         // of a place with many ports, in places with one
	minRetire     = 4 * time.Millisecond
)

// A geometry is the shape of a ring.
type geometry struct {
	block, count int           // bytes of a block; blocks
	retire       time.Duration // how long a frame may wait for its block to fill
}

// geometries shares memory out over places: three quarters to the rings at
// most; the rest is for what the disk is behind. A place
// with several ports, such as a switch, sees the traffic of several and gets
// more.
//
// The kernel's timer of a ring runs all the time, so the more rings, the
// slower it is set: 1000 rings at 4 ms would take a quarter of a processor
// for nothing.
func geometries(places []probes.Place, memory, most int) (shapes []geometry, rest int, err error) {
	if memory == 0 {
		memory = defaultMemory
	}
	if most == 0 {
		most = defaultRing
	}
	shares := 0
	for _, p := range places {
		shares += share(p)
	}
	retire := max(minRetire, time.Duration(len(places))*50*time.Microsecond)
	shapes, rest = make([]geometry, len(places)), memory
	for i, p := range places {
		size := min(memory/4*3/shares*share(p), most)
		least := blockFor(p)
		block := least
		for block*2 <= min(size/64, maxBlock) {
			block *= 2
		}
		count := size / block
		if count < minBlocks {
			return nil, 0, fmt.Errorf("share out %d bytes of capture memory: node %s gets %d, its interfaces need %d at least",
				memory, p.Node, size, least*minBlocks)
		}
		rest -= count * block
		shapes[i] = geometry{block: block, count: count, retire: retire.Truncate(time.Millisecond)}
	}
	return shapes, rest, nil
}

func share(p probes.Place) int { return min(max(len(p.Ports), 1), maxShare) }

// blockFor returns the least block that holds a frame of any port of p: a
// power of two, and whole pages.
func blockFor(p probes.Place) int {
	need := 0
	for _, port := range p.Ports {
		need = max(need, port.MTU+frameRoom)
	}
	block := os.Getpagesize()
	for block < need {
		block *= 2
	}
	return block
}
