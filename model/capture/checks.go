package capture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
)

// checks are what a log can lack, by what it lacks.
var checks = []check{
	// what the export left out
	{"nothing-usable", Error, false, (*doctor).nothing},
	{"drops-only", Error, true, (*doctor).dropsOnly},
	{"l7-only", Error, true, (*doctor).l7Only},
	{"verdicts-only", Warning, true, (*doctor).verdictsOnly},
	{"masked", Warning, true, (*doctor).masked},
	{"aggregated", Warning, true, (*doctor).aggregated},
	{"no-ports", Warning, false, (*doctor).noPorts},
	{"one-protocol", Warning, false, (*doctor).oneProtocol},
	{"one-port", Warning, true, (*doctor).onePort},
	{"one-end", Warning, true, (*doctor).oneEnd},
	{"one-way", Warning, true, (*doctor).oneWay},
	{"outside-only", Warning, true, (*doctor).outsideOnly},
	{"answers-only", Warning, true, (*doctor).answersOnly},
	{"one-namespace", Warning, false, (*doctor).oneNamespace},
	{"one-workload", Warning, true, (*doctor).oneWorkload},
	{"no-answers", Warning, false, (*doctor).noAnswers},
	{"no-openings", Info, false, (*doctor).noOpenings},
	{"one-reporter", Warning, true, (*doctor).oneReporter},
	{"uncounted", Warning, false, (*doctor).uncounted},
	{"networks", Info, false, (*doctor).networks},
	{"sampled", Warning, true, (*doctor).sampled},
	{"agent-options", Warning, true, (*doctor).options},
	{"plugin", Info, false, (*doctor).plugin},
	{"undecided", Warning, false, (*doctor).undecided},
	// what was not watched
	{"one-node", Warning, true, (*doctor).oneNode},
	{"nodes-missing", Warning, true, (*doctor).nodesMissing},
	{"servers", Info, false, (*doctor).servers},
	{"node-unheard", Warning, true, (*doctor).nodeUnheard},
	{"node-absent", Warning, true, (*doctor).nodeAbsent},
	{"node-silent", Warning, false, (*doctor).nodeSilent},
	{"node-clock", Warning, true, (*doctor).nodeClock},
	{"node-gaps", Warning, true, (*doctor).nodeGaps},
	{"lost", Warning, false, (*doctor).lost},
	{"gaps", Warning, false, (*doctor).gaps},
	{"short", Info, false, (*doctor).short},
	{"clock", Warning, false, (*doctor).clock},
	{"damaged", Warning, false, (*doctor).damaged},
	{"old-rows", Info, false, (*doctor).oldRows},
	// what hides behind what was logged
	{"no-dns", Warning, false, (*doctor).noDNS},
	{"no-names", Warning, false, (*doctor).noNames},
	{"mesh", Warning, true, (*doctor).mesh},
	{"gateway", Warning, false, (*doctor).gateway},
	{"nat", Info, false, (*doctor).nat},
	{"unlabelled", Warning, false, (*doctor).unlabelled},
	{"unmanaged", Warning, false, (*doctor).unmanaged},
}

func (d *doctor) nothing() {
	if len(d.shown) == 0 {
		d.found("no record tells of a connection between ends that have a name", "nothing can be learned",
			"capture whole records of all kinds: hubble observe -o jsonpb --last 10000, or an export without filters")
	}
}

// most is the share of records from which on a loss of one kind is told.
const most = 0.05

func (d *doctor) masked() {
	refused := &d.Counts[model.Refused]
	d.unusable(refused[model.FieldMasked]+refused[model.EmptyEndpoint],
		"%.0f %% of the records lack fields by which an end is known",
		"no fieldMask in the export, or one with source, destination, l4, verdict, traffic_direction, is_reply, event_type")
}

// unusable tells of refused records, where they are many. The text has a place for their share.
func (d *doctor) unusable(n uint64, text, mend string) {
	if share := d.share(n); share > most {
		d.found(fmt.Sprintf(text, 100*share), "their connections are in no edge", mend)
	}
}

func (d *doctor) aggregated() {
	d.unusable(d.Counts[model.Refused][model.Aggregated], "%.0f %% of the records were aggregated until port or peer was gone",
		"FlowLogsFileAggregationKindForAllowed 0 or 1 (Calico); no fieldAggregate in the export (Hubble)")
}

func (d *doctor) noPorts() {
	d.unusable(d.Counts[model.Refused][model.NoPort], "%.0f %% of the records have no protocol and port", "keep l4 in the export")
}

func (d *doctor) noAnswers() {
	doubted, known := 0, 0
	for _, e := range d.shown {
		switch {
		case !e.State.Worked() || e.Proto != model.TCP:
		case e.Grade == graph.GradeUnknown && e.Doubt == graph.DoubtNoAnswers:
			doubted++
		case e.Grade != graph.GradeUnknown:
			known++
		}
	}
	if doubted > known {
		d.found(fmt.Sprintf("%d of %d TCP edges have no answer in the log, and others of their nodes neither", doubted, doubted+known),
			"whether a connection worked or was only tried cannot be told: attempts are learned as if they had worked",
			"export answers too: no filter on reply, monitorAggregation at medium or lower")
	}
}

func (d *doctor) noOpenings() {
	tcp, opened := 0, 0
	for _, e := range d.shown {
		if e.Proto == model.TCP && e.State.Worked() {
			tcp++
			if e.Marks&model.MarkSYN != 0 || e.Conns > 0 {
				opened++
			}
		}
	}
	if tcp >= few && opened == 0 {
		d.found("no TCP edge has an opening in the log",
			"connections are not counted, and which end is the server rests on replies and ports alone",
			"export TCP flags, and do not sample")
	}
}

func (d *doctor) undecided() {
	d.unusable(d.Counts[model.Refused][model.UnknownDirection], "of %.0f %% of the records nobody can tell which end is the server",
		"keep is_reply and the TCP flags in the export; capture longer")
}

// nodesMissing looks for workloads that others were seen to reach, and that nothing reported at their own end, while
// that end is reported for others: the nodes that they run on do not export.
func (d *doctor) nodesMissing() {
	reached, reported := map[graph.WorkloadID]bool{}, map[graph.WorkloadID]bool{}
	for _, e := range d.shown {
		w := d.Graph.Peers[e.Dst].Workload
		if w < 0 || d.Graph.Peers[e.Src].Workload < 0 || !e.State.Worked() {
			continue
		}
		reached[w] = true
		if e.FromDst || e.Observers.Has(model.ToProxy) {
			reported[w] = true
		}
	}
	var names []string
	for w := range reached {
		if !reported[w] {
			names = append(names, d.Graph.Workloads[w].ID)
		}
	}
	if len(reported) < 2 || len(names) == 0 {
		return
	}
	slices.Sort(names)
	d.found(fmt.Sprintf("%d of %d workloads were reached, and no record is from their own end: %s", len(names), len(reached), some(names)),
		"the nodes they run on are not in the log: what only these see, such as clients outside the cluster, is missing",
		"capture from every node: through the relay, or the export of each agent")
}

// quiet is how long before the newest record of all a node may have had its last.
const quiet = model.Micros(time.Hour / time.Microsecond)

func (d *doctor) nodeSilent() {
	var newest model.Micros
	for _, n := range d.Nodes {
		newest = max(newest, n.Last)
	}
	var names []string
	for _, n := range d.Nodes {
		if newest-n.Last > quiet || n.Gaps > 0 || n.Breaks > 0 {
			names = append(names, fmt.Sprintf("%s (last record %s, %d gaps, %d breaks)", n.Name, model.StampSecond(n.Last), n.Gaps, n.Breaks))
		}
	}
	if len(names) > 0 {
		d.found(fmt.Sprintf("%d of %d nodes were not watched all the time: %s", len(names), len(d.Nodes), some(names)),
			"what their pods did then is missing", "sluice ingest --follow keeps watching; see the agents of these nodes")
	}
}

func (d *doctor) lost() {
	if d.Lost == 0 {
		return
	}
	part := float64(d.Lost) / float64(d.Lost+d.Counts.Total())
	hours := 0
	for h, n := range d.LostHours {
		if h != model.AnyHour && n > 0 {
			hours++
		}
	}
	when := fmt.Sprintf("in %d of its hours", hours)
	if d.LostHours[model.AnyHour] > 0 || hours == 0 {
		when = "and not when"
	}
	d.found(fmt.Sprintf("the log says that %d events were lost (%.1f %%), %s", d.Lost, 100*part, when),
		"edges of which few records come may be missing; that no answer was seen in such an hour proves nothing", "a larger ring buffer and perf buffer of the agent; more often read")
}

func (d *doctor) gaps() {
	missing := 0
	for i := 1; i < len(d.Hours); i++ {
		missing += int(d.Hours[i].Hour - d.Hours[i-1].Hour - 1)
	}
	if missing > 0 {
		span := int(d.Hours[len(d.Hours)-1].Hour-d.Hours[0].Hour) + 1
		d.found(fmt.Sprintf("%d of %d hours have no record", missing, span), "nobody watched then: what runs at these hours is missing",
			"keep the collector running: sluice ingest --follow")
	}
}

const day = model.Micros(24 * time.Hour / time.Microsecond)

func (d *doctor) short() {
	if span := d.Graph.End - d.Graph.Begin; len(d.shown) > 0 && span < day {
		d.found("the log spans "+(time.Duration(span)*time.Microsecond).Round(time.Second).String(),
			"what happens daily or less often need not be in it", "watch for days; sluice ready says when it is enough")
	}
}

func (d *doctor) clock() {
	if n := d.Graph.Ahead; n > 0 {
		d.found(fmt.Sprintf("%s dated after the clock of this machine, %s", several(n, "record"), model.StampSecond(d.Graph.AsOf)),
			"no time counts as watched for them", "set the clock that is wrong: of this machine, or of the nodes, by NTP")
	}
	if n := d.Graph.Late - d.Graph.Ahead + d.Counts[model.Refused][model.BadTime]; n > 0 {
		d.found(fmt.Sprintf("%s with a time that no others have, or none that can be", several(n, "record")),
			"a clock is wrong, or they are forged: ages are counted without them", "set the clocks of the nodes by NTP")
	}
}

func (d *doctor) damaged() {
	if n := d.Counts.Fate(model.Malformed); n > 0 {
		d.found(fmt.Sprintf("%s that cannot be read", several(n, "record")), "what they tell is in no edge",
			"sluice show flows names them; copy files whole")
	}
}

func (d *doctor) oldRows() {
	old := 0
	for _, e := range d.shown {
		if e.Doubt == graph.DoubtOld {
			old++
		}
	}
	if old > 0 {
		d.found(fmt.Sprintf("%s stored before answers were noted", several(old, "edge")), "they are learned as if they had worked", "")
	}
}

// some names the first few of a list.
func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}
