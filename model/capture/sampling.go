package capture

import (
	"fmt"
	"time"

	"sluice/model"
)

// sampled looks for connections that were opened while everything was watched, and whose opening is in no record: on
// its way somebody took a part of the records. Without sampling an opening is always logged, whatever the agent's
// monitorAggregation, and a connection from before shows within the first hour.
func (d *doctor) sampled() {
	watched := map[uint32]bool{}
	for _, h := range d.Hours {
		watched[h.Hour] = h.Records > 0 && d.LostHours[h.Hour] == 0
	}
	late, lacking, opened, tcp := 0, 0, 0, 0
	for _, e := range d.shown {
		if e.Proto != model.TCP || !e.State.Worked() {
			continue
		}
		tcp++
		opens := e.Conns > 0 || e.Marks&model.MarkSYN != 0
		if opens {
			opened++
		}
		hour := uint32(e.First / model.Micros(time.Hour/time.Microsecond))
		if e.First-d.Graph.Begin <= quiet || !watched[hour] || !watched[hour-1] {
			continue
		}
		late++
		if !opens {
			lacking++
		}
	}
	const least, share = 3, 0.2
	if lacking < least || float64(lacking) < share*float64(late) || opened == 0 || 10*opened < tcp {
		return
	}
	d.found(fmt.Sprintf("%d of %s first seen after an hour have no opening in the log, and others have", lacking,
		several(late, "TCP edge")),
		"the records are a sample, or limited by rate: an edge of few connections may be in none of them",
		"no sampling and no rate limit on the way of the export, and none of events in the agent "+
			"(bpf-events-default-rate-limit 0); monitorAggregation takes no opening away")
}
