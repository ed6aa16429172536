package capture

import (
	"fmt"
	"slices"
	"strings"
)

// Plugin is what objects of the cluster say of the network plugin that wrote a log.
type Plugin struct {
	Name     string   // "Cilium" or "Calico", "" for nothing
	Versions []string // of its agents, sorted
	Options  map[string]string
}

// option is the value of the first of some options that is set, with its name.
func (d *doctor) option(names ...string) (name, value string) {
	for _, n := range names {
		if v := strings.TrimSpace(d.Plugin.Options[n]); v != "" {
			return n, v
		}
	}
	return "", ""
}

// plugin says how the agents are set up, which bounds what their records can show.
func (d *doctor) plugin() {
	if d.Plugin.Name == "" {
		return
	}
	what := []string{d.Plugin.Name + " " + strings.Join(d.Plugin.Versions, ", ")}
	if len(d.Plugin.Versions) == 0 {
		what = []string{d.Plugin.Name + " of a version that they do not tell"}
	}
	means := "it is what runs there now; the log may be older"
	if _, level := d.option("monitor-aggregation"); level != "" {
		_, every := d.option("monitor-aggregation-interval")
		what = append(what, strings.TrimSpace("monitorAggregation "+level+" "+every))
		if level != "none" {
			means = "openings, resets and ends of connections are all logged, other packets now and then: " +
				"records count no packets; " + means
		}
	}
	d.found("the objects of the cluster say "+strings.Join(what, ", "), means, "")
}

// options are those that keep records back, whatever traffic there is.
func (d *doctor) options() {
	for _, name := range []string{"enable-hubble", "bpf-events-trace-enabled"} {
		if _, v := d.option(name); v == "false" {
			d.found("cilium-config says "+name+": false", "forwarded packets are not logged: what works is in no record",
				"set it to true, restart the agents, and capture anew")
		}
	}
	if name, v := d.option("bpf-events-default-rate-limit"); v != "" && v != "0" {
		d.found(fmt.Sprintf("cilium-config says %s: %s", name, v),
			"events beyond so many a second are dropped and not counted: an edge of few connections may be in no record",
			"set it to 0 for the time of the capture")
	}
	const export = "hubble-export-"
	if name, v := d.option(export+"allowlist", export+"denylist", export+"fieldmask"); v != "" && len(d.Servers) == 0 {
		d.found("cilium-config says "+name, "where the log is the agents' export, it leaves out what the filter does",
			"export whole records of all kinds, or read the relay")
	}
	kinds := []string{"flowLogsFileAggregationKindForAllowed", "flowLogsFileAggregationKindForDenied"}
	for _, name := range kinds {
		if _, v := d.option(name); slices.Contains([]string{"2", "3"}, v) {
			d.found("FelixConfiguration says "+name+": "+v,
				"pods of one name stand for each other, or ports are gone: their edges cannot be told apart",
				"set it to 0 or 1 for the time of the capture")
		}
	}
}
