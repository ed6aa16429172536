package show

import (
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/collect"
)

// alert is a condition that somebody should look at.
type alert struct{ name, expr, after, severity, summary string }

// alerts are about a collector: what they ask for is among what it declares.
var alerts = []alert{
	{"SluiceAbsent", `absent(sluice_connected)`, "15m", "warning", "No collector of flow logs is scraped."},
	{"SluiceDisconnected", `sluice_connected == 0`, "10m", "warning", "The collector has had no answer of {{ $labels.source }} for ten minutes."},
	{"SluiceBehind", `sluice_lag_seconds > 300`, "10m", "warning", "What {{ $labels.source }} sends is stored more than five minutes late."},
	{"SluiceSilent", `time() - sluice_watermark_timestamp_seconds > 3600 and sluice_connected == 1`, "15m", "warning",
		"{{ $labels.source }} answers and has sent no flow for an hour."},
	{"SluiceEventsLost", `increase(sluice_events_lost_total[15m]) > 0`, "15m", "warning",
		"Node {{ $labels.node }} loses flows ({{ $labels.cause }}): what is learned of these hours is not whole."},
	{"SluiceGap", `increase(sluice_gaps_total[1h]) > 0`, "0m", "info", "Records of {{ $labels.source }} may be missing for some time."},
	{"SluiceNodeUnavailable", `sluice_node_unavailable == 1`, "15m", "warning", "Node {{ $labels.node }} is {{ $labels.state }}: its flows are not seen."},
	{"SluiceNewEdges", `increase(sluice_new_edges_total[1h]) > 0 and sluice_edges offset 1h > 0`, "0m", "info",
		"Connections were seen for the first time: a policy in force may not allow them yet."},
}

// Alerts prints rules for Prometheus.
func Alerts(w io.Writer) error {
	var b strings.Builder
	b.WriteString("groups:\n- name: sluice\n  rules:\n")
	for _, a := range alerts {
		fmt.Fprintf(&b, "  - alert: %s\n    expr: %q\n    for: %s\n    labels: {severity: %s}\n    annotations: {summary: %q}\n",
			a.name, a.expr, a.after, a.severity, a.summary)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// panelView is one picture of a dashboard.
type panelView struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Datasource  sourceView   `json:"datasource"`
	GridPos     gridView     `json:"gridPos"`
	FieldConfig configView   `json:"fieldConfig"`
	Targets     []targetView `json:"targets"`
}

type (
	sourceView struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	gridView struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	configView struct {
		Defaults map[string]string `json:"defaults"`
		Override []string          `json:"overrides"`
	}
	targetView struct {
		RefID  string `json:"refId"`
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat"`
	}
)

// Dashboard prints one for Grafana: a panel for each metric that a collector declares, counters as what comes a second.
func Dashboard(w io.Writer) error {
	const wide, high, columns = 8, 7, 3
	source := sourceView{"prometheus", "${datasource}"}
	var panels []panelView
	for i, m := range collect.Metrics() {
		expr, unit := m.Name, "short"
		if m.Counter {
			expr, unit = "rate("+m.Name+"[$__rate_interval])", "cps"
		}
		for suffix, of := range map[string]string{"_bytes": "bytes", "_seconds": "s", "_timestamp_seconds": "s"} {
			if strings.HasSuffix(m.Name, suffix) {
				unit = of
			}
		}
		if strings.HasSuffix(m.Name, "_timestamp_seconds") {
			expr = "time() - " + m.Name
		}
		if len(m.Labels) > 1 {
			expr = "sum by (" + strings.Join(m.Labels, ", ") + ") (" + expr + ")"
		}
		var legend []string
		for _, l := range m.Labels {
			legend = append(legend, "{{"+l+"}}")
		}
		panels = append(panels, panelView{
			ID: i + 1, Type: "timeseries", Title: strings.TrimPrefix(m.Name, "sluice_"), Description: m.Help, Datasource: source,
			GridPos:     gridView{high, wide, i % columns * wide, i / columns * high},
			FieldConfig: configView{map[string]string{"unit": unit}, []string{}},
			Targets:     []targetView{{"A", expr, strings.Join(legend, " ")}},
		})
	}
	return printObject(w, JSON, object{
		{"title", "sluice collector"}, {"uid", "sluice-collector"}, {"schemaVersion", 39}, {"editable", true}, {"refresh", "1m"},
		{"time", map[string]string{"from": "now-24h", "to": "now"}},
		{"templating", map[string]any{"list": []map[string]string{
			{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}}}},
		{"panels", panels},
	})
}
