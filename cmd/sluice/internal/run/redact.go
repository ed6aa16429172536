package run

import (
	"errors"
	"fmt"
	"os"

	"sluice/ingest"
	"sluice/model"
	"sluice/model/redact"
	"sluice/model/store"
	"sluice/synth"
)

// NewRedactor makes what replaces names and addresses by the key in a file.
func NewRedactor(file string) (*redact.Redactor, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--redact: %w", err)
	}
	r, err := redact.New(key)
	if err != nil {
		return nil, Usagef("--redact %s: %w: write one with head -c 32 /dev/urandom > %s", file, err, file)
	}
	return r, nil
}

// redactable is the error for what a configuration says in names that are replaced: it would mean nothing, or show
// them.
func (c *Config) redactable() error {
	switch {
	case len(c.Decisions) > 0:
		return Usagef("--redact: the decisions of the configuration name what is replaced: give --config FILE without them")
	case len(c.Networks) > 0:
		return Usagef("--redact: the networks of the configuration name what is replaced: give --config FILE without them")
	case c.declarations() > 0 || len(c.InForce.Set.Policies) > 0:
		return Usagef("--redact: manifests name what is replaced: leave --manifests out")
	}
	return nil
}

// add takes rows into the log, under pseudonyms where that is asked for.
func (l *Log) add(t model.Tables, rows []model.Observation) {
	if l.Redact != nil {
		t, rows = l.Redact.Rows(t, rows)
	}
	l.Builder.Add(t, rows)
}

// hide takes the names out of what the log holds beside rows.
func (l *Log) hide() error {
	r := l.Redact
	if r == nil {
		return nil
	}
	for i := range l.Sources {
		l.Sources[i].Name = r.Text(l.Sources[i].Name)
	}
	for i := range l.Stored {
		l.Stored[i].Name = r.Text(l.Stored[i].Name)
		l.Stored[i].Nodes = nil // those of all are below
		hideNodes(r, l.Stored[i].Stream)
	}
	nodes := l.Report.Nodes.Bounded()
	l.Report.Nodes = nil
	for name, hours := range nodes {
		for hour, n := range hours {
			l.Report.Nodes.Add(r.Text(name), hour, n)
		}
	}
	l.Scanned.Cluster = r.Text(l.Scanned.Cluster)
	for i := range l.Failed {
		l.Failed[i] = errors.New("a source could not be read whole (its name and the reason are left out: --redact)")
	}
	if l.Twice != nil {
		l.Twice = errors.New("sources begin with the same record: what they have counts twice " +
			"(their names are left out: --redact)")
	}
	for i := range l.Empty {
		l.Empty[i] = errors.New("a source is empty (its name is left out: --redact)")
	}
	l.Config.hide(r)
	samples := l.Report.Samples
	l.Report.Samples = nil
	for _, s := range samples {
		l.Report.Samples = append(l.Report.Samples, ingest.Rejection{Source: r.Text(s.Source), Line: s.Line, Fate: s.Fate,
			Reason: s.Reason})
	}
	l.Report.Policies = nil // a pseudonym is no name that a cluster has
	logged := l.Report.Logged
	l.Report.Logged = nil
	for text, n := range logged {
		l.Report.Logged.Add(r.Text(text), n)
	}
	return r.Err()
}

// hideNodes gives the nodes of a stream pseudonyms; nil has none.
func hideNodes(r *redact.Redactor, s *store.Stream) {
	if s == nil {
		return
	}
	all := func(of map[string]int64) map[string]int64 {
		out := map[string]int64{}
		for node, n := range of {
			out[r.Text(node)] = n
		}
		return out
	}
	s.Last, s.Breaks = all(s.Last), all(s.Breaks)
	for i := range s.Lost {
		s.Lost[i].Node = r.Text(s.Lost[i].Node)
	}
	for i := range s.Gaps {
		s.Gaps[i].Node = r.Text(s.Gaps[i].Node)
	}
}

// hide gives what a configuration names the pseudonyms of the log.
func (c *Config) hide(r *redact.Redactor) {
	if c.SystemNamespaces == nil {
		c.SystemNamespaces = synth.DefaultSystemNamespaces()
	}
	c.SystemNamespaces = renamed(c.SystemNamespaces, r.Text)
	c.VolatileLabels.Add = renamed(c.VolatileLabels.Add, r.Key)
	c.VolatileLabels.Keep = renamed(c.VolatileLabels.Keep, r.Key)
	if c.Resolver == nil {
		return
	}
	c.Resolver.Namespace, c.Resolver.Workload = r.Text(c.Resolver.Namespace), r.Text(c.Resolver.Workload)
	if labels := c.Resolver.Labels; labels != nil {
		c.Resolver.Labels = map[string]string{}
		for k, v := range labels {
			c.Resolver.Labels[r.Key(k)] = r.Text(v)
		}
	}
}

func renamed(list []string, as func(string) string) []string {
	var out []string
	for _, s := range list {
		out = append(out, as(s))
	}
	return out
}
