package capture_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/capture"
	"sluice/model/graph"
	"sluice/synth/graphtest"
)

// whole is a log that lacks nothing: look-ups, a day and more, several namespaces.
const whole = `shop/web -> shop/cart 8080/tcp
shop/cart -> shop/db 5432/tcp
shop/web -> kube-system/dns 53/udp
shop/cart -> kube-system/dns 53/udp
mon/prom -> shop/web 9090/tcp
mon/prom -> shop/cart 9090/tcp
mon/prom -> shop/db 9090/tcp
mon/prom -> kube-system/dns 9153/tcp
ci/run -> mon/prom 9090/tcp hour=30
ci/run -> shop/web 8080/tcp hour=30 times=9
`

// TestExamine has for each fact a log that has it, and beside it the whole log, which has none.
func TestExamine(t *testing.T) {
	many := func(line string, n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(line, i))
		}
		return strings.Join(out, "\n")
	}
	for _, c := range []struct {
		name, flows string
		in          func(*capture.Input)
		want        []string
	}{
		{"whole", whole, nil, nil},
		{"nothing", "", nil, []string{"nothing-usable"}},
		{"drops", "shop/web -> shop/cart 8080/tcp denied\nshop/a -> shop/b 53/udp denied hour=30 times=9", nil, []string{"drops-only"}},
		{"proxy only", "shop/web -> shop/cart 8080/tcp l7\nshop/web -> shop/db 53/udp l7 hour=30 times=9", nil, []string{"l7-only"}},
		{"verdicts only", "shop/web -> shop/cart 8080/tcp verdict\nshop/web -> shop/db 53/udp verdict hour=30 times=9", nil, []string{"verdicts-only"}},
		{"masked", whole, func(in *capture.Input) { in.Counts[model.Refused][model.FieldMasked] = 10 }, []string{"masked"}},
		{"aggregated", whole, func(in *capture.Input) { in.Counts[model.Refused][model.Aggregated] = 10 }, []string{"aggregated"}},
		{"few aggregated", whole, func(in *capture.Input) {
			in.Counts[model.Refused][model.Aggregated], in.Counts[model.Used][0] = 1, 100
		}, nil},
		{"no ports", whole, func(in *capture.Input) { in.Counts[model.Refused][model.NoPort] = 10 }, []string{"no-ports"}},
		{"sampled", whole + many("shop/web -> shop/s%d 80/tcp hour=30", 6), func(in *capture.Input) {
			in.Hours = hours(in.Graph)
			lateWithout(in.Graph, 3)
		}, []string{"sampled"}},
		{"two without an opening", whole + many("shop/web -> shop/s%d 80/tcp hour=30", 6), func(in *capture.Input) {
			in.Hours = hours(in.Graph)
			lateWithout(in.Graph, 2)
		}, nil},
		{"opened while nobody watched", whole + many("shop/web -> shop/s%d 80/tcp hour=30", 6), func(in *capture.Input) {
			in.Hours = slices.Delete(hours(in.Graph), 29, 30)
			lateWithout(in.Graph, 3)
		}, []string{"gaps"}},
		{"opened while events were lost", whole + many("shop/web -> shop/s%d 80/tcp hour=30", 6), func(in *capture.Input) {
			in.Hours = hours(in.Graph)
			in.Lost, in.LostHours = 1, model.Losses{in.Hours[29].Hour: 1}
			lateWithout(in.Graph, 3)
		}, []string{"lost"}},
		{"an agent that says how it logs", whole, func(in *capture.Input) {
			in.Plugin = capture.Plugin{Name: "Cilium", Versions: []string{"v1.19.1"}, Options: map[string]string{
				"monitor-aggregation": "medium", "bpf-events-default-rate-limit": "0", "enable-hubble": "true"}}
		}, []string{"plugin"}},
		{"an agent that logs no more than so much", whole, func(in *capture.Input) {
			in.Plugin = capture.Plugin{Name: "Cilium", Options: map[string]string{"bpf-events-default-rate-limit": "500"}}
		}, []string{"agent-options", "plugin"}},
		{"an agent that exports a part", whole, func(in *capture.Input) {
			in.Plugin = capture.Plugin{Name: "Cilium", Options: map[string]string{"hubble-export-denylist": "{}"}}
		}, []string{"agent-options", "plugin"}},
		{"a server is not the export", whole, func(in *capture.Input) {
			in.Plugin = capture.Plugin{Name: "Cilium", Options: map[string]string{"hubble-export-denylist": "{}"}}
			in.Servers = []capture.Server{{Name: "hubble://r", Version: "v1.20.2"}}
		}, []string{"plugin", "servers"}},
		{"an agent that does not log what passes", whole, func(in *capture.Input) {
			in.Plugin = capture.Plugin{Name: "Cilium", Options: map[string]string{"bpf-events-trace-enabled": "false"}}
		}, []string{"agent-options", "plugin"}},
		{"logs of Calico that fold ports", whole, func(in *capture.Input) {
			in.Plugin = capture.Plugin{Name: "Calico", Options: map[string]string{"flowLogsFileAggregationKindForAllowed": "2"}}
		}, []string{"agent-options", "plugin"}},
		{"undecided", whole, func(in *capture.Input) { in.Counts[model.Refused][model.UnknownDirection] = 10 }, []string{"undecided"}},
		{"damaged", whole, func(in *capture.Input) { in.Counts[model.Malformed][model.BadJSON] = 1 }, []string{"damaged"}},
		{"bad times", whole, func(in *capture.Input) { in.Counts[model.Refused][model.BadTime] = 1 }, []string{"clock"}},
		{"unlabelled", whole, func(in *capture.Input) { in.Counts[model.Refused][model.Unlabelled] = 10 }, []string{"unlabelled"}},
		{"servers", whole, func(in *capture.Input) {
			in.Servers = []capture.Server{{Name: "hubble://r", Version: "v1.20.2", Heard: []string{"default/n1"},
				Nodes: []capture.ServerNode{{Name: "n1", Version: "v1.20.2", Connected: true}}}}
			in.Declared = []string{"n1"}
		}, []string{"servers"}},
		{"nodes that sent nothing", whole, func(in *capture.Input) {
			in.Servers = []capture.Server{{Name: "hubble://r", Version: "v1.20.2", Heard: []string{"n1"}, Nodes: []capture.ServerNode{
				{Name: "n1", Connected: true}, {Name: "n2", Connected: true}, {Name: "n3"}}}}
		}, []string{"node-unheard", "servers"}},
		{"some namespaces of two nodes", whole, func(in *capture.Input) {
			in.Servers = []capture.Server{{Version: "v1.20.2", Chosen: true, Nodes: []capture.ServerNode{{Name: "n2", Connected: true}}}}
		}, []string{"servers"}},
		{"a declared node that sent nothing", whole, func(in *capture.Input) {
			in.Nodes, in.Declared = []capture.Node{{Name: "east/n1", Last: 1}}, []string{"n1", "n2"}
		}, []string{"node-absent"}},
		{"declared nodes, and a log that names none", whole, func(in *capture.Input) { in.Declared = []string{"n1"} }, nil},
		{"lost", whole, func(in *capture.Input) { in.Lost = 3 }, []string{"lost"}},
		{"a gap", whole, func(in *capture.Input) { in.Hours = []graph.Hour{{Hour: 5, Records: 1}, {Hour: 9, Records: 1}} }, []string{"gaps"}},
		{"a silent node", whole, func(in *capture.Input) {
			in.Nodes = []capture.Node{{Name: "n1", Last: 9e9}, {Name: "n2", Last: 1e9}}
		}, []string{"node-silent"}},
		{"a node's clock", whole, func(in *capture.Input) {
			in.NodeHours = nodeHours("n1", 0, 30, "n2", 0, 31, "n3", 5, 35)
		}, []string{"node-clock"}},
		{"a clock that is late", whole, func(in *capture.Input) {
			in.NodeHours = nodeHours("n1", 40, 70, "n2", 40, 71, "n3", 5, 35)
		}, []string{"node-clock"}},
		{"a node that came later", whole, func(in *capture.Input) { in.NodeHours = nodeHours("n1", 0, 30, "n2", 9, 30) }, nil},
		{"a node that was silent for a while", whole, func(in *capture.Input) {
			in.NodeHours = nodeHours("n1", 0, 30, "n2", 0, 30)
			delete(in.NodeHours["n2"], 12)
		}, []string{"node-gaps"}},
		{"a node of few records", whole, func(in *capture.Input) {
			in.NodeHours = nodeHours("n1", 0, 30)
			in.NodeHours["n2"] = map[uint32]uint64{0: 1, 30: 1}
		}, nil},
		{"short", strings.ReplaceAll(whole, " hour=30", ""), nil, []string{"short"}},
		{"TCP alone", many("shop/web -> shop/a%d 80/tcp", 12) + " hour=30 times=9", nil, []string{"no-dns", "one-port", "one-protocol", "one-workload"}},
		{"UDP alone", strings.ReplaceAll(whole, "tcp", "udp"), nil, []string{"one-protocol"}},
		{"one port", strings.NewReplacer("5432", "8080", "9090", "8080", "9153", "8080", "53/udp", "8080/udp").Replace(whole), nil,
			[]string{"no-dns", "one-port"}},
		{"the outside alone", many("shop/web -> 192.0.2.%d 80/tcp", 12) + "\n192.0.2.9 -> shop/cart 53/udp hour=30 times=9", nil,
			[]string{"outside-only"}},
		{"what goes out alone", strings.NewReplacer("tcp", "tcp source", "udp", "udp source").Replace(whole), func(in *capture.Input) { in.Format = "hubble" },
			[]string{"one-end"}},
		{"what goes to one namespace, of Calico", many("n%d/a -> shop/web 80/tcp", 6) + many("\nn%d/a -> shop/api 53/udp source", 6) + " hour=30 times=9",
			func(in *capture.Input) { in.Format = "calico" }, []string{"one-namespace", "one-way"}},
		{"what comes from one namespace, of Calico", many("shop/web -> n%d/a 80/tcp", 6) + many("\nshop/api -> n%d/a 53/udp source", 6) + " hour=30 times=9",
			func(in *capture.Input) { in.Format = "calico" }, []string{"one-namespace", "one-way"}},
		{"one node of several", whole, func(in *capture.Input) {
			in.NodeHours, in.OtherNodes = nodeHours("n1", 0, 30), func() bool { return true }
		}, []string{"one-node"}},
		{"the only node", whole, func(in *capture.Input) {
			in.NodeHours, in.OtherNodes = nodeHours("n1", 0, 30), func() bool { return false }
		}, nil},
		{"two namespaces", many("shop/web -> n%d/a 80/tcp", 6) + many("\ndata/db -> m%d/b 81/tcp", 6) + "\nshop/web -> kube-system/dns 53/udp hour=30 times=9", nil,
			[]string{"one-namespace"}},
		{"two namespaces, and one more pair", many("shop/web -> n%d/a 80/tcp", 6) + many("\ndata/db -> m%d/b 81/tcp", 6) + "\nn1/a -> m1/b 82/tcp" +
			"\nn2/a -> m2/b 82/tcp\nn3/a -> m3/b 82/tcp\nn4/a -> m4/b 82/tcp\nshop/web -> kube-system/dns 53/udp hour=30 times=9", nil, nil},
		{"one namespace", many("shop/web -> n%d/a 80/tcp", 12) + "\nshop/a -> kube-system/dns 53/udp hour=30 times=9", nil, []string{"one-namespace"}},
		{"one namespace, and noise of others", many("shop/web -> n%d/a 80/tcp", 12) + "\nshop/a -> kube-system/dns 53/udp hour=30 times=9", func(in *capture.Input) {
			in.Apart = func(among func(*model.Endpoint) bool) bool { return among(&model.Endpoint{Namespace: "shop"}) }
		}, nil},
		{"one pod", many("shop/web -> shop/a%d 80/tcp", 6) + "\nshop/web -> kube-system/dns 53/udp\nshop/b -> shop/web 8080/tcp hour=30 times=99", nil, []string{"one-workload"}},
		{"one pod, and noise of others", many("shop/web -> shop/a%d 80/tcp", 6) + "\nshop/web -> kube-system/dns 53/udp\nshop/b -> shop/web 8080/tcp hour=30 times=99", func(in *capture.Input) {
			in.Apart = func(among func(*model.Endpoint) bool) bool {
				return !among(&model.Endpoint{Labels: model.Labels{"app=a1"}})
			}
		}, nil},
		{"one label", many("shop/{app=fe,tier=x} -> shop/a%d 80/tcp", 6) + "\nshop/{app=be,tier=x} -> kube-system/dns 53/udp\nshop/b -> shop/{app=be,tier=x} 8080/tcp hour=30 times=99", nil, []string{"one-workload"}},
		{"one hub of few", "shop/web -> shop/a1 80/tcp\nshop/web -> shop/a2 80/tcp\nshop/web -> kube-system/dns 53/udp hour=30 times=999", nil, nil},
		{"no names", whole + "shop/web -> 192.0.2.1 443/tcp", func(in *capture.Input) { in.Format = "hubble" }, []string{"no-names"}},
		{"names", whole + "shop/web -> 192.0.2.1 443/tcp names=a.example.org", func(in *capture.Input) { in.Format = "hubble" }, nil},
		{"names of Calico", whole + "shop/web -> 192.0.2.1 443/tcp", func(in *capture.Input) { in.Format = "calico" }, nil},
		{"one reporter", strings.NewReplacer("/tcp", "/tcp source", "/udp", "/udp source").Replace(whole),
			func(in *capture.Input) { in.Format = "calico" }, []string{"one-reporter"}},
		{"one reporter of all that is there", whole, func(in *capture.Input) { in.Format = "calico" }, []string{"one-reporter"}},
		{"both reporters", whole + "shop/web -> shop/a 80/tcp source", func(in *capture.Input) { in.Format = "calico" }, []string{"nodes-missing"}},
		{"networks", whole + "shop/web -> network:pub 443/tcp source", func(in *capture.Input) { in.Format = "calico" }, []string{"networks"}},
		{"ambient", whole + "shop/web -> shop/cart 15008/tcp", nil, []string{"mesh"}},
		{"gateway", whole + "shop/web -> 192.192.192.192 9999/tcp", nil, []string{"gateway"}},
		{"nodes as clients", whole + "entity:remote-node -> shop/web 8080/tcp", nil, []string{"nat"}},
		{"a node missing", whole + "shop/web -> shop/far 8080/tcp source", nil, []string{"nodes-missing"}},
	} {
		g := graphtest.Graph(t, answered(c.flows))
		in := capture.Input{Graph: g}
		if c.in != nil {
			c.in(&in)
		}
		var got []string
		for _, f := range capture.Examine(in) {
			if got = append(got, f.ID); f.Text == "" || f.Means == "" {
				t.Errorf("%s: %+v says nothing", c.name, f)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestCaps: what leaves a kind of traffic out for good caps, what only time or care heals does not.
func TestCaps(t *testing.T) {
	g := graphtest.Graph(t, answered(whole+"shop/web -> shop/cart 15008/tcp"))
	caps := capture.Caps(capture.Examine(capture.Input{Graph: g, Lost: 5}))
	if len(caps) != 1 || !strings.HasPrefix(caps[0], "mesh: 1 edge to port 15008") {
		t.Error(caps)
	}
}

// nodeHours are a hundred records an hour of nodes from an hour to another.
func nodeHours(of ...any) map[string]map[uint32]uint64 {
	out := map[string]map[uint32]uint64{}
	for i := 0; i < len(of); i += 3 {
		hours := map[uint32]uint64{}
		for h := of[i+1].(int); h <= of[i+2].(int); h++ {
			hours[uint32(h)] = 100
		}
		out[of[i].(string)] = hours
	}
	return out
}

// hours are 31 hours with records.
func hours(g *graph.Graph) []graph.Hour {
	var out []graph.Hour
	for i := range uint32(31) {
		out = append(out, graph.Hour{Hour: uint32(g.First/int64(time.Hour/time.Microsecond)) + i, Records: 1})
	}
	return out
}

// lateWithout takes the openings of some late edges away, as sampling does.
func lateWithout(g *graph.Graph, n int) {
	for i := range g.Edges {
		if e := &g.Edges[i]; e.First-g.First > model.Micros(time.Hour/time.Microsecond) && n > 0 {
			e.Conns, e.Marks = 0, e.Marks&^model.MarkSYN
			n--
		}
	}
}

// answered says of every record that it was.
func answered(flows string) string {
	lines := graphtest.Lines(flows)
	for i := range lines {
		lines[i] += " answered"
	}
	return strings.Join(lines, "\n")
}
