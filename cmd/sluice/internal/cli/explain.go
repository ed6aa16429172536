package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
	"sluice/synth/render/all"
)

type explainOptions struct {
	reading
	run.VerifyConfig
	dialect string
	format  string
}

func newExplain(s Streams) *cobra.Command {
	o := &explainOptions{}
	c := &cobra.Command{
		Use:   "explain BUNDLE|POLICIES [RULE-ID | NAMESPACE | WORKLOAD [PEER] [PORT] | SRC DST PORT [SOURCE...]]",
		Short: "Why is this rule here, who decides this connection, what keeps this namespace open",
		Long: `explain tells of a rule of a bundle what it rests on: its text, the edges that asked for it, and the observed flows of
each, from the bundle's own evidence. The ids stand in bundle.json and REVIEW.md; a beginning of one is enough. Without
anything it lists all rules; with a workload, a peer or a port the rules whose edges have all of them.
A namespace: what keeps it from being enforced, and the way out. A workload: its selector too, and what was left out of it.
A source, a destination and a port: what decides the connection at each end, with the policy, its file and line, or what
would have to be added to allow it. That works for anyone's policies too, with flows that know the pods: SOURCE or --store.`,
		Example: `  sluice explain bundle 3f2a9c01de
  sluice explain bundle shop
  sluice explain bundle shop/web
  sluice explain bundle shop/cart shop/redis 6379
  sluice explain policies/ shop/cart api.example.com 443 flows.jsonl.gz`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeExplained,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExplain(cmd.Context(), s, o, args[0], args[1:])
		},
	}
	o.reading.flags(c)
	o.servers.flags(c)
	o.kube.servers(c)
	f := c.Flags()
	f.StringVar(&o.CNI, "cni", "", "judge as spec, cilium or calico do (default: the plugin that wrote the flows)")
	f.StringVar(&o.dialect, "dialect", "", "write what would have to be added in this dialect (default: that of the policies)")
	o.clusterFlag(c, &o.Cluster, "the cluster that the policies are for")
	o.manifestsFlag(c, declaredFacts)
	outputFlag(c, &o.format, show.GraphFormats()...)
	refuseRedact(c)
	return c
}

func runExplain(ctx context.Context, s Streams, o *explainOptions, path string, what []string) error {
	if err := show.CheckFormat(o.format, show.GraphFormats()...); err != nil {
		return err
	}
	p, err := run.OpenInForce(ctx, path, o.inputs(s))
	if err != nil {
		return err
	}
	if _, err := run.Evidence(path); err != nil {
		p.Evidence = "" // it stays out of Git
	}
	asked := len(what) >= connectionWords && run.IsPort(what[connectionWords-1])
	sources := []string{}
	if asked {
		what, sources = what[:connectionWords], what[connectionWords:]
	}
	if p.Bundle == nil && !asked && len(what) >= connectionWords {
		return noPort(what)
	}
	if p.Bundle == nil && !asked {
		return run.Usagef("of policies that are no bundle a connection is explained: SRC DST PORT [SOURCE...]")
	}
	flows := len(sources) > 0 || o.store != "" || o.servers.given != ""
	if asked && (p.Bundle == nil || flows || p.Evidence != "") {
		return o.connection(ctx, s, p, path, what, sources)
	}
	if asked {
		fmt.Fprintln(s.Err, "sluice: the bundle has no evidence, so that its pods are not known: name flows "+
			"(SRC DST PORT SOURCE) to see what decides this connection")
	}
	return o.ofBundle(ctx, s, p, path, what)
}

// connection explains what decides a connection.
func (o *explainOptions) connection(
	ctx context.Context, s Streams, p *run.Policies, path string, what, sources []string,
) error {
	if err := show.CheckFormat(o.format); err != nil {
		return fmt.Errorf("%w: the others are for lists of rules", err)
	}
	dialect := o.dialect
	if dialect == "" {
		dialect = run.DialectOf(p)
	} else if _, err := all.Named(dialect); err != nil {
		return run.Usagef("--dialect: %w", err)
	}
	if len(sources) == 0 && o.store == "" && o.servers.given == "" && p.Evidence != "" {
		sources = []string{path}
		if o.CNI == "" {
			o.CNI = p.Bundle.Verification.Semantics
		}
	}
	l, err := o.open(ctx, s, sources)
	if err != nil {
		return err
	}
	p.Know(l.Config.Cluster)
	x, err := run.Explain(l, p, o.VerifyConfig, what)
	if err != nil {
		return err
	}
	if err := show.Account(s.Out, o.format, l, x, dialect); err != nil {
		return err
	}
	show.Problems(s.Err, p.Problems)
	return o.told(s, l)
}

// ofBundle explains what a bundle says of itself.
func (o *explainOptions) ofBundle(ctx context.Context, s Streams, p *run.Policies, dir string, what []string) error {
	m := p.Bundle
	if err := m.ReadRun(dir); err != nil {
		return err
	}
	if len(what) == 0 {
		return show.Rules(s.Out, o.format, m, m.Rules, nil, nil)
	}
	space := slices.ContainsFunc(m.Namespaces, func(n bundle.Namespace) bool { return n.Name == what[0] })
	rule, err := findRule(m, what[0])
	edges := m.Find(what)
	if list := rule == nil && len(edges) > 0 && !(space && len(what) == 1); !list {
		if err := show.CheckFormat(o.format); err != nil {
			return fmt.Errorf("%w: the others are for lists of rules", err)
		}
	}
	var l *run.Log
	if p.Evidence != "" {
		var err error
		o.quiet = true
		if l, err = o.open(ctx, s, []string{dir}); err != nil {
			return err
		}
	}
	if space && len(what) == 1 {
		able, err := l.Sayers()
		if err != nil {
			return err
		}
		return show.Space(s.Out, o.format, m, what[0], able)
	}
	if rule == nil && len(edges) > 0 {
		rules, without := m.RulesOf(edges)
		wl := l.Workload(what[0])
		if len(what) > 1 {
			wl = nil
		}
		return show.Rules(s.Out, o.format, m, rules, without, wl)
	}
	switch {
	case rule == nil && len(what) > 1 && len(m.Find(what[:1])) > 0:
		return fmt.Errorf("no edge of the bundle has all of %s: a port is 5432, 5432/tcp or 8/icmp, and "+
			"sluice explain %s %s lists what there is", strings.Join(what, ", "), dir, what[0])
	case err != nil:
		return err
	case len(what) > 1:
		return run.Usagef("%s is a rule: nothing can come behind it", what[0])
	}
	return show.Explain(s.Out, o.format, m, rule, l)
}

// noPort is the error for a connection whose third word is no port.
func noPort(what []string) error {
	return run.Usagef("%q is no port: write one such as 6379, 53/udp or 8/icmp, where 8 is the type of the message, "+
		"or vrrp, a protocol without ports", what[connectionWords-1])
}

// findRule finds a rule by its id or the beginning of it.
func findRule(m *bundle.Manifest, id string) (*bundle.Rule, error) {
	var found []*bundle.Rule
	for i := range m.Rules {
		r := &m.Rules[i]
		if r.ID == id {
			return r, nil
		}
		if id != "" && strings.HasPrefix(r.ID, id) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		for _, n := range m.Namespaces {
			if slices.Contains(n.Open, id) {
				return nil, fmt.Errorf(
					"rule %s keeps open what cannot be denied yet in namespace %s: no flow asked for it",
					id,
					n.Name,
				)
			}
		}
		return nil, fmt.Errorf(
			"the bundle has no rule %q and no workload of that name: bundle.json lists %s",
			id,
			text.Plural(len(m.Rules), "rule", "rules"),
		)
	}
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return nil, fmt.Errorf("%q matches %d rules: %s", id, len(ids), text.Some(ids))
}
