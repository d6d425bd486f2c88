package scenarios

import (
	"strconv"
	"strings"
)

// String returns what is made worse, as people read it: "delay 10ms, loss
// 1%". The queue is told where it is not the usual one.
func (i *Impair) String() string {
	var parts []string
	say := func(given bool, what, value string) {
		if given {
			parts = append(parts, what+" "+value)
		}
	}
	say(i.Delay.Duration > 0, "delay", i.Delay.String())
	say(i.Jitter.Duration > 0, "jitter", i.Jitter.String())
	say(i.Loss > 0, "loss", i.Loss.String())
	say(i.Duplicate > 0, "duplicate", i.Duplicate.String())
	say(i.Reorder > 0, "reorder", i.Reorder.String())
	say(i.Corrupt > 0, "corrupt", i.Corrupt.String())
	say(i.Rate > 0, "rate", i.Rate.String())
	say(i.Queue != usualQueue, "queue", strconv.Itoa(i.Queue))
	return strings.Join(parts, ", ")
}

// usualQueue is how many frames wait at most where nobody says otherwise; a
// test compares it with the default of the key.
const usualQueue = 1000
