package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Asked is one end of a connection that somebody asks about.
type Asked struct {
	Name string       // as it is told
	Peer graph.PeerID // -1 where the graph has none
	Not  eval.Facts   // without a peer: what is known of it
}

// Question is a connection that somebody asks about, seen or not.
type Question struct {
	Src, Dst Asked
	Proto    model.Proto
	Port     uint16
}

// Account says how a set decides a connection, and why.
type Account struct {
	Src, Dst, Port string
	Edge           graph.EdgeID // what was seen of it, -1 where nothing was
	Verdict        string       // what verify says of it, "" where nothing was seen
	Answers        []Answer
	Why            string // without an answer: why there is none
}

// Answer is how pods of the two ends are decided. There are several only where pods of one end are decided differently.
type Answer struct {
	Outcome         eval.Outcome
	SrcPods         []string // the labels that tell these pods from the others; nil where there is but one answer
	DstPods         []string
	Egress, Ingress Half
	Missing         []Need // what would have to be added to allow it
}

// Explain decides a connection as Verify does, and says what decides it at each end.
func Explain(g *graph.Graph, set policy.PolicySet, cfg Config, q Question) Account {
	v := newVerifier(g, set, cfg)
	e := graph.Edge{Proto: q.Proto, Port: q.Port}
	x := explaining{v: v, q: q, account: Account{Src: q.Src.Name, Dst: q.Dst.Name, Port: e.PortString(), Edge: -1},
		at: map[[2]eval.Part]int{}, guessed: map[int]bool{}}
	x.seen()
	if len(x.account.Answers) == 0 {
		x.pairs(x.may(q.Src), x.may(q.Dst))
	}
	return x.result()
}

type explaining struct {
	v       *verifier
	q       Question
	account Account
	at      map[[2]eval.Part]int // index into Answers
	guessed map[int]bool         // those of ends of which the log has no address
}

// seen asks for the connections that were seen, as the replay does.
func (x *explaining) seen() {
	worst := Permitted
	for i := range x.v.g.Connections {
		c := &x.v.g.Connections[i]
		e := &x.v.g.Edges[c.Edge]
		if e.Src != x.q.Src.Peer || e.Dst != x.q.Dst.Peer || c.Proto != x.q.Proto || c.Port != x.q.Port {
			continue
		}
		verdict, d := x.v.judge(c)
		if x.account.Edge < 0 || verdict > worst && verdict != Unproven {
			worst = verdict
		}
		x.account.Edge, x.account.Verdict = c.Edge, worst.String()
		x.pairs(x.v.may(c.Src), x.v.server(c))
		if d == nil && x.account.Why == "" {
			x.account.Why = x.v.why(c, d)
		}
	}
}

// may lists what an end may be.
func (x *explaining) may(a Asked) []*eval.End {
	if a.Peer < 0 {
		return []*eval.End{x.v.ev.End(a.Not)}
	}
	var out []*eval.End
	known := map[string]bool{}
	for id, p := range x.v.g.PeerOf {
		if p != a.Peer {
			continue
		}
		for _, end := range x.v.may(model.EndpointID(id)) {
			f := end.Facts
			f.Labels = project(f.Labels, x.v.keys)
			if key := fmt.Sprint(f); !known[key] {
				known[key] = true
				out = append(out, end)
			}
		}
	}
	if len(out) == 0 && x.account.Why == "" {
		x.account.Why = "the log gives no labels for pods of " + a.Name
	}
	return out
}

// pairs decides every pair of ends.
func (x *explaining) pairs(srcs, dsts []*eval.End) {
	for _, src := range srcs {
		for _, dst := range dsts {
			if sameFamily(src, dst) {
				x.add(src, dst)
			}
		}
	}
}

func (x *explaining) add(src, dst *eval.End) {
	d := x.v.ev.Decide(src, dst, x.q.Proto, x.q.Port)
	if x.account.Edge >= 0 && x.v.g.Edges[x.account.Edge].Proxied {
		d = leaving(d)
	}
	i, ok := x.at[[2]eval.Part{d.Egress, d.Ingress}]
	if !ok {
		i = len(x.account.Answers)
		x.at[[2]eval.Part{d.Egress, d.Ingress}] = i
		x.account.Answers = append(x.account.Answers, Answer{Outcome: outcome(d), Egress: halfOf(x.v.ev, d.Egress),
			Ingress: halfOf(x.v.ev, d.Ingress), Missing: needs(x.v.ev, x.account.Src, x.account.Dst, x.account.Port, &d)})
	}
	x.guessed[i] = x.guessed[i] || src.Block.IsValid() || dst.Block.IsValid()
	a := &x.account.Answers[i]
	a.SrcPods, a.DstPods = x.note(a.SrcPods, src), x.note(a.DstPods, dst)
}

// note adds the labels of a pod that the set asks for.
func (x *explaining) note(list []string, end *eval.End) []string {
	text := strings.Join(project(end.Labels, x.v.keys), ",")
	if !end.IsPod || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// result puts the answers in order: the denied first. The pods are told only where they are decided differently.
func (x *explaining) result() Account {
	for i := range x.account.Answers {
		slices.Sort(x.account.Answers[i].SrcPods)
		slices.Sort(x.account.Answers[i].DstPods)
	}
	list := x.folded()
	differ := func(pods func(*Answer) []string) bool {
		return slices.ContainsFunc(list, func(a Answer) bool { return !slices.Equal(pods(&a), pods(&list[0])) })
	}
	src := differ(func(a *Answer) []string { return a.SrcPods })
	dst := differ(func(a *Answer) []string { return a.DstPods })
	for i := range list {
		if !src {
			list[i].SrcPods = nil
		}
		if !dst {
			list[i].DstPods = nil
		}
	}
	slices.SortFunc(list, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), slices.Compare(a.SrcPods, b.SrcPods),
			slices.Compare(a.DstPods, b.DstPods), cmp.Compare(a.Egress.Why, b.Egress.Why),
			cmp.Compare(a.Ingress.Why, b.Ingress.Why))
	})
	if x.account.Answers = list; len(list) > 0 {
		x.account.Why = ""
	}
	return x.account
}

// folded makes one answer of those that differ by nothing but where an end of unknown address may lie: of either
// family, inside or outside of what a rule names.
func (x *explaining) folded() (out []Answer) {
	at := map[string]int{}
	for i, a := range x.account.Answers {
		key := fmt.Sprint(a.SrcPods, a.DstPods)
		j, ok := at[key]
		switch {
		case !x.guessed[i]:
			out = append(out, a)
		case !ok:
			at[key] = len(out)
			out = append(out, a)
		default:
			out[j] = out[j].or(&a)
		}
	}
	return out
}

// or is the answer where either of two may hold.
func (a Answer) or(b *Answer) Answer {
	if a.Outcome != b.Outcome {
		a.Outcome = eval.Unknown
	}
	a.Egress, a.Ingress = a.Egress.or(b.Egress), a.Ingress.or(b.Ingress)
	for _, n := range b.Missing {
		if !slices.Contains(a.Missing, n) {
			a.Missing = append(slices.Clone(a.Missing), n)
		}
	}
	return a
}

// or is the answer at one end where either of two may hold.
func (h Half) or(b Half) Half {
	switch {
	case h.Outcome == b.Outcome || h.Outcome == eval.Unknown:
		return h
	case b.Outcome == eval.Unknown:
		return b
	}
	return Half{Outcome: eval.Unknown, Why: "it depends on the address"}
}
