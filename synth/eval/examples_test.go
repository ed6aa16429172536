package eval_test

import (
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
)

// example is a file of testdata/examples: policies as people write them, and what they mean.
type example struct {
	name, text string
	want       []expectation
}

// expectation is a connection between two of exampleEnds, and what becomes of it.
type expectation struct {
	line     string
	signs    string // '+' allowed, '-' denied, '?' unknown: one for all semantics, or one each
	enforced bool   // once what is staged is enforced
	from, to eval.Facts
	proto    model.Proto
	port     uint16
}

// sign is what becomes of it to one semantics.
func (x *expectation) sign(s eval.Semantics) byte {
	if len(x.signs) == 1 {
		return x.signs[0]
	}
	return x.signs[s]
}

// exampleEnds are the ends of the examples: pods of shop by their app, pods of other namespaces behind theirs, nodes,
// and addresses outside.
func exampleEnds() map[string]eval.Facts {
	ends := map[string]eval.Facts{}
	add := func(name, account, namespace, team string, labels ...string) {
		f := pod(namespace, labels...)
		f.Address = netip.AddrFrom4([4]byte{10, 1, 0, byte(len(ends) + 1)})
		f.NamedPorts = []eval.NamedPort{{Name: "http", Proto: model.TCP, Port: 8080}}
		f.Services = []eval.ServicePort{}
		f.ServiceAccount, f.ServiceAccountLabels = account, model.Labels{}
		if team != "" {
			f.NamespaceLabels = model.MakeLabels([]string{"team=" + team})
		}
		ends[name] = f
	}
	add("web", "storefront", "shop", "blue", "app=web", "tier=frontend")
	add("cart", "cart", "shop", "blue", "app=cart", "tier=backend")
	add("db", "default", "shop", "blue", "app=db", "tier=database")
	add("other/web", "storefront", "other", "red", "app=web")
	add("other/db", "storefront", "other", "red", "app=db")
	add("kube-system/dns", "default", "kube-system", "", "app=dns", "k8s-app=kube-dns")
	add("ingress-nginx/controller", "default", "ingress-nginx", "", "app.kubernetes.io/name=ingress-nginx")
	change := func(name string, f func(*eval.Facts)) { e := ends[name]; f(&e); ends[name] = e }
	change("web", func(f *eval.Facts) { f.ServiceAccountLabels = model.Labels{"role=shopfront"} })
	change("cart", func(f *eval.Facts) {
		f.ServiceAccountLabels = model.Labels{"role=basket"}
		f.Services = []eval.ServicePort{{Namespace: "shop", Name: "cart", Proto: model.TCP, Port: 8080}}
	})
	change("kube-system/dns", func(f *eval.Facts) {
		f.Services = []eval.ServicePort{{Namespace: "kube-system", Name: "kube-dns", Proto: model.UDP, Port: 53}, {Namespace: "kube-system", Name: "kube-dns", Proto: model.TCP, Port: 53}}
	})
	outside := func(name, address string, e model.Entities, names ...string) {
		ends[name] = eval.Facts{Entities: model.World | e, Address: netip.MustParseAddr(address), Names: append([]string{}, names...), Services: []eval.ServicePort{}}
	}
	outside("example", "203.0.113.9", 0, "example.org")
	outside("office", "198.51.100.7", 0, "gate.example.org")
	outside("api-outside", "192.0.2.6", model.KubeAPIServer)
	ends["host"] = eval.Facts{Entities: model.Host}
	ends["health"] = eval.Facts{Entities: model.HealthEndpoint}
	ends["remote"] = eval.Facts{Entities: model.RemoteNode, Address: netip.MustParseAddr("10.0.0.2")}
	ends["api"] = eval.Facts{Entities: model.KubeAPIServer | model.RemoteNode, Address: netip.MustParseAddr("10.0.0.3")}
	return ends
}

// examplesOf reads the examples of a dialect. The lines "# + from -> to port/protocol" of a file are what it means.
func examplesOf(t *testing.T, dialect string) []example {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "examples", dialect+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	ends := exampleEnds()
	var out []example
	for _, f := range archive.Files {
		x, enforced := example{name: dialect + "/" + f.Name, text: string(f.Data)}, false
		for line := range strings.Lines(x.text) {
			enforced = enforced || line == "# As if enforced:\n"
			words := strings.Fields(line)
			if len(words) != 6 || words[0] != "#" || words[3] != "->" {
				continue
			}
			e := expectation{line: strings.TrimSpace(line), signs: words[1], enforced: enforced}
			var known [2]bool
			e.from, known[0] = ends[words[2]]
			e.to, known[1] = ends[words[4]]
			number, proto, _ := strings.Cut(words[5], "/")
			port, err := strconv.ParseUint(number, 10, 16)
			e.port, e.proto = uint16(port), map[string]model.Proto{"tcp": model.TCP, "udp": model.UDP, "sctp": model.SCTP, "icmp": model.ICMP}[proto]
			if err != nil || e.proto == 0 || known != [2]bool{true, true} || len(e.signs) != 1 && len(e.signs) != 3 || strings.Trim(e.signs, "+-?") != "" {
				t.Fatalf("%s: not to be understood: %s", x.name, line)
			}
			x.want = append(x.want, e)
		}
		out = append(out, x)
	}
	return out
}

// objects returns the example's documents, with the enforced form of what is staged where that is asked for.
func (x *example) objects(enforced bool) []string {
	text := x.text
	if enforced {
		text = strings.NewReplacer("apiVersion: projectcalico.org/v3\nkind: StagedKubernetes", "apiVersion: networking.k8s.io/v1\nkind: ", "kind: Staged", "kind: ").Replace(text)
	}
	return strings.Split(text, "\n---\n")
}

// exampleDialects are the dialects of the examples and who decides by them.
var exampleDialects = []struct {
	name      string
	kinds     render.Kinds
	semantics []eval.Semantics
}{
	{"kubernetes", kubernetes.Dialect{}.Kinds(), []eval.Semantics{eval.Spec, eval.Cilium, eval.Calico}},
	{"calico", calico.Dialect{}.Kinds(), []eval.Semantics{eval.Calico}},
	{"cilium", cilium.Dialect{}.Kinds(), []eval.Semantics{eval.Cilium}},
}

// TestExamples: every example is read without a word, allows something and denies something, and means what it says.
func TestExamples(t *testing.T) {
	for _, d := range exampleDialects {
		list := examplesOf(t, d.name)
		connections := 0
		for _, x := range list {
			for _, sem := range d.semantics {
				signs := map[byte]bool{}
				for _, w := range x.want {
					set, problems := render.Parse(strings.NewReader(strings.Join(x.objects(w.enforced), "\n---\n")), x.name, d.kinds, kubernetes.Dialect{}.Kinds())
					if len(problems) > 0 {
						t.Fatalf("%s: %v", x.name, problems)
					}
					e := eval.New(set, sem)
					got, decision := byte('-'), e.Decide(e.End(w.from), e.End(w.to), w.proto, w.port)
					switch {
					case decision.Unknown:
						got = '?'
					case decision.Allowed:
						got = '+'
					}
					if got != w.sign(sem) {
						t.Errorf("%s as %s decides: %s: %c, %s", x.name, sem, w.line, got, e.Why(decision))
					}
					signs[got], connections = true, connections+1
				}
				if !signs['+'] || !signs['-'] {
					t.Errorf("%s as %s decides: nothing is allowed, or nothing denied", x.name, sem)
				}
			}
		}
		t.Logf("%s: %d examples, %d decisions", d.name, len(list), connections)
	}
}
