package run

import (
	"slices"
	"sync"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// Sayers returns what names the dialects that can say an edge at all its ends, but for those of another plugin than
// that of the flows; of a log that is not there none can. What sluice.yaml names and widens counts.
func (l *Log) Sayers() (func(*bundle.Edge) []string, error) {
	if l == nil {
		return func(*bundle.Edge) []string { return nil }, nil
	}
	cfg := synth.Config{All: true, SystemNamespaces: []string{}, Unnamed: true}
	if err := l.Config.synth(&cfg, Given{}); err != nil {
		return nil, err
	}
	return l.sayers(cfg), nil
}

// sayers is Sayers for the ends that cfg chooses. The dialects are asked when the first edge is, and by one at a time:
// the pages of a bundle are written beside each other.
func (l *Log) sayers(cfg synth.Config) func(*bundle.Edge) []string {
	type key [3]string
	var asked sync.Mutex
	var of *synth.Sayers
	var edges map[key]graph.EdgeID
	return func(e *bundle.Edge) []string {
		asked.Lock()
		defer asked.Unlock()
		if edges == nil {
			edges = map[key]graph.EdgeID{}
			for i, x := range l.Graph.AllEdges() {
				edges[key{l.Graph.Peers[x.Src].ID, l.Graph.Peers[x.Dst].ID, x.PortString()}] = i
			}
			of, _ = synth.NewSayers(l.Graph, cfg, l.dialects()) // of several clusters none: nobody chose one
		}
		src, dst, port := e.Example()
		i, ok := edges[key{src, dst, port}]
		if !ok || of == nil {
			return nil
		}
		return of.Say(i)
	}
}

// dialects are those that the plugin which wrote the flows may enforce, each as sluice.yaml asks for it.
func (l *Log) dialects() []render.Dialect {
	var out []render.Dialect
	for _, d := range all.Dialects() {
		other := slices.ContainsFunc(ownKinds, func(k ownKind) bool {
			return k.dialect == d.Name() && k.format != "" && l.Format() != "" && k.format != l.Format()
		})
		if !other {
			out = append(out, l.Config.written(d))
		}
	}
	return out
}
