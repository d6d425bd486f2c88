package check

import (
	"fmt"

	"netlab/probes"
	"netlab/scenarios/words"
)

// edits doubts a run in which a proxy never made the change that it is for:
// what is expected of the change could be met without it. Every proxy tells,
// at its end, how often it made which.
func (j *judge) edits() {
	for i := range j.sc.Servers {
		s := &j.sc.Servers[i]
		if s.Proxy == nil {
			continue
		}
		if s.Proxy.Flip != nil {
			j.edit(s.Name, "flip", i)
		}
		if s.Proxy.Cut != nil {
			j.edit(s.Name, "cut", i)
		}
	}
}

// edit judges one change of the server with an index, if there is a doubt.
func (j *judge) edit(server, change string, index int) {
	v := Verdict{Name: fmt.Sprintf("%s.%s", server, change), Kind: EditKind, Want: "made", Got: "never made", At: j.sc.Servers[index].At}
	told := 0
	for i := range j.tl.Events {
		e := &j.tl.Events[i]
		if e.Kind != probes.KindEdit || e.Edit.Server != server || e.Edit.Change != change {
			continue
		}
		if e.Edit.Made > 0 {
			return
		}
		told++
		v.Evidence.Events = append(v.Evidence.Events, e.Seq)
		v.SeenBy = nil
		v.seen(probes.Lab, probes.Recorded, told, told, e.Seq)
	}
	if !j.tl.Complete {
		return // runDoubt says so of the whole run
	}
	v.inconclusive(because(words.CheckNotMade, server, change).remedied(words.M(words.CheckPlace)))
	j.add(v)
}
