package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/capture"
	"sluice/synth"
	"sluice/synth/readiness"
)

// ReadyConfig says whose readiness is asked for.
type ReadyConfig struct {
	Namespaces []string
	All        bool         // all but the system's
	Cluster    string       // where the log has several
	AsOf       model.Micros // 0: the end of the log
}

// Ready is what was judged.
type Ready struct {
	*readiness.Report
	Schedules bool           // manifests were given
	Covered   []Standing     // how far policies isolate the namespaces; nil: no policies were given
	Lacks     []string       // what the log cannot show, however long it is
	at        map[string]int // of the namespaces by their names
}

// Standing is what a baseline keeps of a namespace: how ready it was, and which of its workloads nothing isolated.
type Standing struct {
	Name        string   `json:"name"`
	State       string   `json:"state"`
	Workloads   int      `json:"workloads"`
	OpenIngress []string `json:"openIngress"`
	OpenEgress  []string `json:"openEgress"`
	Enforced    bool     `json:"enforced"` // every pod is isolated in both directions, those to come among them
}

// Ready judges whether enough was seen of the chosen namespaces. All of the log is judged, since they borrow from each
// other; of the others nothing is told.
func (l *Log) Ready(cfg ReadyConfig) (*Ready, error) {
	r, err := l.judge(cfg, l.examine())
	if err == nil && len(r.Namespaces) == 0 {
		err = fmt.Errorf("nothing was seen of the chosen namespaces before %s", model.StampSecond(r.AsOf))
		if l.Graph.Ahead > 0 {
			err = fmt.Errorf("%w, by the clock of this machine: the flows are dated after it, set the one that is wrong", err)
		}
	}
	return r, err
}

// judge is Ready without that error. found is what the log can show.
func (l *Log) judge(cfg ReadyConfig, found []capture.Finding) (*Ready, error) {
	src, chosen, err := l.watched(&cfg, found)
	if err != nil {
		return nil, err
	}
	judge, err := l.Config.readiness()
	if err != nil {
		return nil, err
	}
	r := readiness.Judge(readiness.FromGraph(src), l.asOf(cfg.AsOf), judge)
	r.Namespaces = slices.DeleteFunc(r.Namespaces, func(n readiness.Namespace) bool { return !chosen(n.Name) })
	r.Sides = slices.DeleteFunc(r.Sides, func(s readiness.Side) bool { return !chosen(s.Namespace) })
	r.Unseen = slices.DeleteFunc(r.Unseen, func(u readiness.Unseen) bool { return !chosen(u.Namespace) })
	out := &Ready{Report: r, Schedules: len(l.Config.Manifests) > 0, Lacks: src.Caps, at: map[string]int{}}
	for i := range r.Namespaces {
		out.at[r.Namespaces[i].Name] = i
	}
	return out, nil
}

// Findings is the error that something is below Stable.
func (r *Ready) Findings() error { return found(r.below()) }

// below says which namespaces are below Stable.
func (r *Ready) below() []string {
	var names []string
	for i := range r.Namespaces {
		if n := &r.Namespaces[i]; n.State != readiness.Stable {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"not Stable: " + text.Some(names)}
}

// Namespace returns what was judged of a namespace, nil for nothing.
func (r *Ready) Namespace(name string) *readiness.Namespace {
	if i, ok := r.at[name]; ok {
		return &r.Namespaces[i]
	}
	return nil
}

// watched is what readiness is judged by, and which namespaces were chosen. found is what the log can show.
func (l *Log) watched(cfg *ReadyConfig, found []capture.Finding) (readiness.Source, func(string) bool, error) {
	var none readiness.Source
	if err := l.Usable(); err != nil {
		return none, nil, err
	}
	sc := synth.Config{Namespaces: cfg.Namespaces, All: cfg.All, Cluster: cfg.Cluster}
	if err := l.Config.synth(&sc, Given{}); err != nil {
		return none, nil, err
	}
	if err := l.chosen(&sc); err != nil {
		return none, nil, err
	}
	clusters := map[string]bool{}
	for i := range l.Graph.Workloads {
		if w := &l.Graph.Workloads[i]; w.Observed {
			clusters[w.Cluster] = true
		}
	}
	if len(clusters) > 1 && cfg.Cluster == "" {
		return none, nil, Usagef(
			"the flows are of several clusters, and each is judged by itself: choose one with --cluster",
		)
	}
	src := readiness.Source{
		Graph:     l.Graph,
		Several:   len(clusters) > 1,
		Cluster:   sc.Cluster,
		Decisions: sc.Decisions,
		Manifest:  l.Config.Manifests,
		Hours:     l.hours(),
	}
	for _, n := range sc.Networks {
		src.Networks = append(src.Networks, readiness.Network{Name: n.Name, CIDRs: n.CIDRs})
	}
	src.Silent = l.silent()
	src.Caps = capture.Caps(found)
	system := sc.SystemNamespaces
	if system == nil {
		system = synth.DefaultSystemNamespaces()
	}
	return src, func(ns string) bool {
		return slices.Contains(cfg.Namespaces, ns) || cfg.All && !slices.Contains(system, ns)
	}, nil
}

// hours are the records of the log by hour, with the events that its sources say they lost: those of no known hour are
// spread over all.
func (l *Log) hours() []readiness.Hour {
	var out []readiness.Hour
	for _, h := range l.Builder.Hours() {
		out = append(out, readiness.Hour{Hour: h.Hour, Records: h.Records})
	}
	const hour = model.Micros(time.Hour / time.Microsecond)
	lost := l.Report.Lost
	for h, n := range l.Report.LostHours {
		if at := model.Micros(h) * hour; n > 0 && h != model.AnyHour && at <= l.Graph.Last && at+hour > l.Graph.First {
			out = append(out, readiness.Hour{Hour: h, Lost: n})
			lost -= n
		}
	}
	return readiness.Spread(out, l.Graph.First, l.Graph.Last, lost)
}

// silent are the hours in which all nodes that the store knows of were missing.
func (l *Log) silent() []uint32 {
	var nodes []string
	var gaps []readiness.Gap
	for i := range l.Stored {
		if s := l.Stored[i].Stream; s != nil {
			for node := range s.Last {
				nodes = append(nodes, node)
			}
			for _, g := range s.Gaps {
				gaps = append(gaps, readiness.Gap{Node: g.Node, From: g.From, To: g.To})
			}
		}
	}
	slices.Sort(nodes)
	return readiness.Silent(slices.Compact(nodes), gaps)
}

// asOf is the time that a log is judged at: what was asked for, else the end of the hour of its last records, never
// after the clock.
func (l *Log) asOf(asked model.Micros) model.Micros {
	if asked != 0 {
		return asked
	}
	const hour = model.Micros(time.Hour / time.Microsecond)
	return min((l.Graph.AsOf/hour+1)*hour, now())
}

// Backtest says what would have been lost, had the rest been denied earlier.
func (l *Log) Backtest(cfg ReadyConfig, step time.Duration) (*readiness.Backtest, error) {
	src, chosen, err := l.watched(&cfg, l.examine())
	if err != nil {
		return nil, err
	}
	judge, err := l.Config.readiness()
	if err != nil {
		return nil, err
	}
	t := readiness.Trial{AsOf: l.asOf(cfg.AsOf), Step: step.Microseconds(), Chosen: chosen,
		Drifted: readiness.Drift(src, l.Builder.Observations(), l.Config.graph())}
	return readiness.Try(readiness.FromGraph(src), judge, t), nil
}

// Denied says what policies would have denied on each day of the log.
func (l *Log) Denied(ctx context.Context, p *Policies, cfg VerifyConfig) ([]readiness.Denied, error) {
	r, err := Verify(ctx, l, p, cfg)
	if err != nil {
		return nil, err
	}
	return readiness.ByDay(l.Graph, &r), nil
}
