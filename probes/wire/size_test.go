package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"netlab/probes"
)

// star is a switch with n nodes.
func star(n, mtu int) []probes.Place {
	places := []probes.Place{{Node: "switch", Forwards: true}}
	for i := range n {
		port := probes.Port{Ifindex: i + 2, MTU: mtu}
		places[0].Ports = append(places[0].Ports, port)
		places = append(places, probes.Place{Node: fmt.Sprint(i), Ports: []probes.Port{port}})
	}
	return places
}

func TestGeometries(t *testing.T) {
	for _, tt := range []struct {
		name         string
		places       []probes.Place
		memory, most int
		node, hub    int // KiB of the rings
		block        int // KiB of a node's
		retire       time.Duration
	}{
		{name: "two nodes", places: star(2, 1500), node: 16 << 10, hub: 16 << 10, block: 128, retire: 4 * time.Millisecond},
		{name: "larger rings", places: star(2, 1500), most: 64 << 20, node: 48 << 10, hub: 64 << 10, block: 128, retire: 4 * time.Millisecond},
		{name: "little memory", places: star(2, 1500), memory: 1 << 20, node: 192, hub: 384, block: 4, retire: 4 * time.Millisecond},
		{name: "a thousand nodes", places: star(1000, 1500), node: 192, hub: 1552, block: 4, retire: 50 * time.Millisecond},
		{name: "large frames", places: star(2, 9000), memory: 2 << 20, node: 384, hub: 768, block: 16, retire: 4 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shapes, rest, err := geometries(tt.places, tt.memory, tt.most)
			check(t, err)
			hub, node := shapes[0], shapes[1]
			if got := node.block * node.count >> 10; got != tt.node {
				t.Errorf("a node's ring has %d KiB, want %d", got, tt.node)
			}
			if got := hub.block * hub.count >> 10; got != tt.hub {
				t.Errorf("the switch's ring has %d KiB, want %d", got, tt.hub)
			}
			if node.block != tt.block<<10 || node.retire != tt.retire {
				t.Errorf("block of %d KiB every %v, want %d and %v", node.block>>10, node.retire, tt.block, tt.retire)
			}
			total := rest
			for _, g := range shapes {
				total += g.block * g.count
			}
			memory := tt.memory
			if memory == 0 {
				memory = defaultMemory
			}
			if total != memory || rest < memory/4 {
				t.Errorf("%d bytes shared out, and %d of them left for the disk, of %d", total, rest, memory)
			}
		})
	}
}

func TestGeometriesTooLittle(t *testing.T) {
	_, _, err := geometries(star(2, 1500), 64<<10, 0)
	if err == nil || !strings.Contains(err.Error(), "node switch gets 24576, its interfaces need 32768") {
		t.Errorf("error %v", err)
	}
}
