package capture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// servers tells the versions of servers and of the nodes behind them.
func (d *doctor) servers() {
	for i := range d.Servers {
		s := &d.Servers[i]
		of := map[string]int{}
		for _, n := range s.Nodes {
			of[n.Version]++
		}
		text, means := s.Name+" is "+s.Version, "the version decides which fields and which defects its records have"
		if len(of) > 0 {
			var versions []string
			for _, v := range slices.Sorted(maps.Keys(of)) {
				versions = append(versions, fmt.Sprintf("%s (%d)", v, of[v]))
			}
			text += fmt.Sprintf(", with %s: %s", several(len(s.Nodes), "node"), strings.Join(versions, ", "))
		}
		if len(of) > 1 {
			means = "nodes of several versions: fields that an older one does not know are missing from its records"
		}
		d.found(text, means, "")
	}
}

// bare is a node's name without the cluster that servers put before it.
func bare(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// nodeUnheard looks for nodes that a server has and that sent nothing.
func (d *doctor) nodeUnheard() {
	for i := range d.Servers {
		s := &d.Servers[i]
		heard := map[string]bool{}
		for _, name := range s.Heard {
			heard[bare(name)] = true
		}
		var names []string
		for _, n := range s.Nodes {
			switch {
			case !n.Connected:
				names = append(names, n.Name+" (not connected)")
			case !heard[bare(n.Name)] && !s.Chosen:
				names = append(names, fmt.Sprintf("%s (%d flows seen since its start, none came)", n.Name, n.Seen))
			}
		}
		if len(names) > 0 {
			d.found(fmt.Sprintf("%d of %d nodes of %s are not in the log: %s", len(names), len(s.Nodes), s.Name, some(names)),
				"what their pods do is missing", "look at the agents of these nodes, and at the relay's peers: hubble list nodes")
		}
	}
}

// nodeAbsent looks for nodes of the manifests of which no record came, where the log says of which nodes it is.
func (d *doctor) nodeAbsent() {
	heard := map[string]bool{}
	for _, n := range d.Nodes {
		heard[bare(n.Name)] = n.Last > 0
	}
	for i := range d.Servers {
		for _, name := range d.Servers[i].Heard {
			heard[bare(name)] = true
		}
	}
	var names []string
	for _, name := range d.Declared {
		if !heard[name] {
			names = append(names, name)
		}
	}
	if len(heard) > 0 && len(names) > 0 {
		d.found(fmt.Sprintf("%d of %d nodes of the manifests are not in the log: %s", len(names), len(d.Declared), some(names)),
			"what their pods do is missing", "capture from every node: through the relay, or the export of each agent")
	}
}
