package run

import (
	"fmt"
	"os"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/ingest"
	"sluice/ingest/source"
	"sluice/model"
	"sluice/model/capture"
	"sluice/model/graph"
	"sluice/model/redact"
	"sluice/model/store"
	"sluice/synth/eval"
)

// Log is what was read, and the graph of it.
type Log struct {
	Tables  model.Tables
	Report  ingest.Report
	Sources []source.Source
	Failed  []error          // sources that could not be read, wholly or in part
	Empty   []error          // sources without a record, beside others
	Twice   error            // sources that begin with the record of another one
	PutOff  []error          // what was put off: it is done another time
	Stored  []store.Source   // of a store
	Scanned Scanned          // of a store
	Gaps    int              // times from which records of servers may be missing
	gaps    []store.Gap      // the newest of them
	unheard model.Losses     // the hours of evidence of a former bundle in which silence meant nothing
	begin   model.Micros     // of the log that evidence is a part of; 0: it is none
	through model.Micros     // the same
	Servers []capture.Server // that were read, where they say what they are
	Config  *Config
	Builder *graph.Builder   // nil once a bundle has its evidence
	Graph   *graph.Graph     // nil before Build
	Redact  *redact.Redactor // replaces names and addresses; nil: nothing does
}

// Scanned is what reading a store took. Requests and Bytes are 0 where it lies in files of this machine.
type Scanned struct {
	Cluster         string // that was asked for; "": all
	Segments, Of    int    // read for the cluster, and there are
	Requests, Bytes int64  // of the service that it lies at
	// Saved and SavedBytes are files that a cache had; CacheErr is why it keeps no more.
	Saved, SavedBytes int64
	CacheErr          error
}

// Fates is the order that fates are listed in: what counts first.
var Fates = []model.Fate{
	model.Used,
	model.Reply,
	model.Duplicate,
	model.Denied,
	model.Irrelevant,
	model.Refused,
	model.Malformed,
}

// NewLog returns a log that nothing was read into yet.
func NewLog(cfg *Config) *Log {
	l := &Log{Tables: model.NewTables(), Config: cfg}
	l.Builder = graph.NewBuilder(l.Tables)
	return l
}

// Build makes the graph of what was read so far.
func (l *Log) Build() error {
	l.Graph = l.Builder.Build(l.graphConfig())
	if err := l.Config.checkNetworks(l.Graph); err != nil {
		return err
	}
	if os.Getenv("SLUICE_VALIDATE") != "" {
		if err := l.Validate(); err != nil {
			return fmt.Errorf("invariant broken: %w", err)
		}
	}
	return nil
}

// graphConfig is how the graph is made: silence means nothing in hours of which records may be missing.
func (l *Log) graphConfig() graph.Config {
	c := l.Config.graph()
	c.Begin, c.Through = l.begin, l.through
	if missing := l.missing(); len(missing) > 0 {
		c.Incomplete = missing.Has
	}
	return c
}

// Counts are the final fates: what the graph decided, and what never reached it.
func (l *Log) Counts() model.Counts {
	c := l.Graph.Fates
	c.Add(&l.Report.Rejected)
	return c
}

// Validate checks the graph and that every record read has exactly one fate.
func (l *Log) Validate() error {
	counts := l.Counts()
	if sum, total := counts.Total(), l.Report.Total(); sum != total {
		return fmt.Errorf("fates add up to %d of %d records", sum, total)
	}
	return l.Graph.Check()
}

// Incomplete is the error that sources could not be read, nil if all were.
func (l *Log) Incomplete() error {
	if len(l.Failed) == 0 {
		return nil
	}
	return &Incomplete{l.Failed}
}

// Partial names what could not be read whole.
func (l *Log) Partial() []string {
	var out []string
	for _, err := range l.Failed {
		out = append(out, err.Error())
	}
	if n := l.Report.Counts[model.Malformed][model.Truncated]; n > 0 && len(out) == 0 {
		for _, s := range l.Report.Samples {
			if s.Reason == model.Truncated {
				return append(out, fmt.Sprintf("%s:%d: the input ends inside a record", s.Source, s.Line))
			}
		}
		out = append(out, "an input ends inside a record")
	}
	return out
}

// Learnable returns how many records edges can be made of.
func (l *Log) Learnable() uint64 {
	r := &l.Report
	return r.Fate(model.Used) + r.Fate(model.Reply) + r.Fate(model.Undecided) + r.Fate(model.Denied)
}

// Usable is the error where no record was found that edges can be made of: what there was, and what to do.
func (l *Log) Usable() error {
	if l.Learnable() > 0 {
		return nil
	}
	err := l.unusable()
	switch {
	case len(l.Failed) > 0 && l.Report.Total() == 0 && l.Report.OutLast == 0:
		return l.Incomplete() // that nothing could be read says it all
	case len(l.Failed) > 0:
		return fmt.Errorf("%w\n%w", l.Incomplete(), err)
	}
	return err
}

func (l *Log) unusable() error {
	r := &l.Report
	if r.OutLast != 0 && r.Total() == r.Counts[model.Irrelevant][model.NotAFlow] { // of which many have no time
		return fmt.Errorf(
			"no record lies between --since and --until: the flows are of %s to %s",
			model.StampSecond(r.OutFirst),
			model.StampSecond(r.OutLast),
		)
	}
	if r.Total() == 0 {
		return fmt.Errorf("no record came: there is nothing to learn from or to judge by")
	}
	var fates []string
	all := l.Counts()
	for _, f := range Fates {
		n, why := all.Fate(f), map[string]uint64{}
		for r, c := range all.Reasons(f) {
			why[r.String()] = c
		}
		if n == 0 {
			continue
		}
		fate := text.Count(n) + " " + f.String()
		if len(why) > 0 {
			fate += " (" + text.Reasons(why) + ")"
		}
		fates = append(fates, fate)
	}
	return fmt.Errorf(
		"no usable record in %s: %s%s. %s",
		text.Plural(r.Total(), "record", "records"),
		strings.Join(fates, ", "),
		l.firstRefusal(),
		l.remedy(),
	)
}

func (l *Log) firstRefusal() string {
	for _, s := range l.Report.Samples {
		return text.Printable(fmt.Sprintf("; the first refusal: %s:%d: %s", s.Source, s.Line, s.Detail), 300)
	}
	return ""
}

// LeftOut says what a list that is made of the records does not show: all of them where none can be used, else those
// that could not be read. It is "" where there are none.
func (l *Log) LeftOut() string {
	if l.Learnable() == 0 {
		return l.unusable().Error()
	}
	all, why := l.Counts(), map[string]uint64{}
	n := all.Fate(model.Malformed)
	if n == 0 {
		return ""
	}
	for r, c := range all.Reasons(model.Malformed) {
		why[r.String()] = c
	}
	return fmt.Sprintf("%s of %s could not be read (%s)%s", text.Plural(n, "record", "records"), text.Count(l.Report.Total()),
		text.Reasons(why), l.firstRefusal())
}

// Losses says what the log and its collectors lack by their own account, each for itself.
func (l *Log) Losses() (all []string) {
	if n := l.Report.Lost; n > 0 {
		all = append(all, "the log says that "+text.Plural(n, "event was lost", "events were lost")+": edges may be missing")
	}
	if n := l.Gaps; n > 0 {
		all = append(all, "collectors found "+text.Plural(n, "time with possible gaps", "times with possible gaps")+": edges may be missing")
	}
	return all
}

// remedy is the one thing to try where no record can be used.
func (l *Log) remedy() string {
	most, n := model.Malformed, uint64(0)
	for _, f := range []model.Fate{model.Malformed, model.Irrelevant, model.Refused} {
		if c := l.Report.Fate(f); c > n {
			most, n = f, c
		}
	}
	switch most {
	case model.Irrelevant:
		return "These records are of no traffic between workloads: capture without filters, hubble observe -o jsonpb --last 10000"
	case model.Refused:
		if l.Report.Counts[model.Refused][model.BadTime] == n {
			return "They have no time, or one outside the years 2000 to 2100: leave time in field masks, and look at the nodes' clocks"
		}
		return "These records do not say who talked to whom: capture them whole, without field masks and aggregation"
	default:
	}
	return "Is it a flow log? One record a line, as hubble observe -o jsonpb writes them, or Calico's flow log"
}

// Format is the one format of all sources that records came from, "" where they differ.
func (l *Log) Format() string {
	format := ""
	for _, s := range l.Sources {
		if s.Format == "" || s.Err != nil && s.Records == 0 {
			continue
		}
		if format != "" && s.Format != format {
			return ""
		}
		format = s.Format
	}
	return format
}

// Semantics are those of a name, or without one of the plugin that wrote the flows.
func (l *Log) Semantics(name string) (eval.Semantics, error) {
	if name != "" {
		sem, err := eval.ParseSemantics(name)
		if err != nil {
			return sem, Usagef("--cni: %w", err)
		}
		return sem, nil
	}
	switch l.Format() {
	case "hubble":
		return eval.Cilium, nil
	case "calico":
		return eval.Calico, nil
	}
	return eval.Spec, nil
}

// evidence keeps rows, the observations behind the edges, as a store of its own. Its one source is what was read. What
// it was built from goes: with what the store takes it would be the most that is ever in memory.
func (l *Log) evidence(dir string, rows []model.Observation) error {
	src := store.Source{
		Name:      "evidence",
		Format:    l.Format(),
		Lost:      int64(l.Report.Lost),
		LostHours: l.missing(),
		Logged:    l.Report.Logged,
		Policies:  l.Report.Policies.List(),
		First:     l.Graph.First,
		Last:      l.Graph.Last,
		Begin:     l.Graph.Begin,
		Through:   l.Graph.Through,
	}
	for i := range rows {
		src.Records += int64(rows[i].Records)
	}
	tables := l.Builder.Tables()
	l.Builder = nil
	st, err := store.Create(dir)
	if err != nil {
		return err
	}
	w, err := st.Writer(store.WriterOptions{Sorted: true})
	if err != nil {
		return err
	}
	if err := w.Write(tables, rows); err != nil { // it keeps them, and nobody else does
		_ = w.Abort()
		return err
	}
	return w.Commit([]store.Source{src})
}
