package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/synth"
	"sluice/synth/render"
	"sluice/synth/verify"
)

type verifyOptions struct {
	input
	cni        string
	failOn     []string
	format     string
	namespaces []string
	every      time.Duration
	cluster    string
}

func newVerify(s Streams) *cobra.Command {
	o := &verifyOptions{}
	c := &cobra.Command{
		Use:   "verify POLICIES [SOURCE...]",
		Short: "Replay flows through policies: what would be lost, what escapes",
		Long: `verify replays every connection of the flows through a set of NetworkPolicies and counts what became of it: permitted,
lost (it worked and would be denied), rejected, escaped (it was denied and would be allowed), inexpressible and unproven.
POLICIES is a bundle, a file or directory of anyone's YAML, or - for standard input. A bundle without SOURCE is
replayed with its own evidence.`,
		Example: `  sluice verify bundle
  sluice verify policies/ flows.jsonl.gz --fail-on lost,escaped,over
  sluice verify bundle hubble://localhost:4245 --follow`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runVerify(cmd, s, o, args[0], args[1:]) },
	}
	o.flags(c)
	o.live.flags(c)
	o.live.followFlag(c, "servers: keep replaying what they send, until stopped")
	f := c.Flags()
	f.DurationVar(&o.every, "every", 10*time.Second, "with --follow: how often to replay what came")
	f.StringVar(&o.cni, "cni", "", "judge as spec, cilium or calico do (default: the plugin that wrote the flows)")
	f.StringSliceVar(&o.failOn, "fail-on", nil, "exit with 3 on "+strings.Join(verify.FailOnNames(), ", ")+
		" (default: "+strings.Join(verify.DefaultFailOn(false), ",")+"; for a bundle also "+
		strings.Join(verify.DefaultFailOn(true)[len(verify.DefaultFailOn(false)):], ",")+")")
	f.StringVarP(&o.format, "output", "o", "table", "print as table, json or yaml")
	f.StringVar(&o.cluster, "cluster", "", "the cluster that the policies are for, where the log has several")
	f.VarP(nameList{&o.namespaces}, "namespace", "n", "what the policies are for (repeats; default: where they are)")
	return c
}

func runVerify(cmd *cobra.Command, s Streams, o *verifyOptions, path string, sources []string) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	if err := verify.CheckFailOn(o.failOn); err != nil {
		return &exitError{ExitUsage, err}
	}
	p, err := openPolicies(s, path)
	if err != nil {
		return err
	}
	if p.manifest != nil && len(sources) == 0 && o.store == "" {
		if o.store, err = ownEvidence(path); err != nil {
			return err
		}
		if o.cni == "" {
			o.cni = p.manifest.Verification.Semantics
		}
	}
	if !cmd.Flags().Changed("fail-on") {
		o.failOn = verify.DefaultFailOn(p.manifest != nil)
	}
	if o.live.follow {
		p.print(s.Err)
		return o.watch(cmd.Context(), s, p, sources)
	}
	l, err := o.load(cmd.Context(), s, sources)
	if err != nil {
		return err
	}
	if err := l.usable(s.Err); err != nil {
		return err
	}
	if err := l.seen(o.namespaces, podsOnly); err != nil {
		return err
	}
	if err := l.clusterSeen(o.cluster); err != nil {
		return err
	}
	r, err := o.judge(cmd.Context(), l, p)
	if err != nil {
		return err
	}
	if o.format == "table" {
		printReport(s.Out, &r)
	} else if err := printObject(s.Out, o.format, viewReport(&r)); err != nil {
		return err
	}
	p.print(s.Err)
	if err := l.warnFailed(s.Err); err != nil {
		return err
	}
	if failed := r.Failed(o.failOn); len(failed) > 0 {
		return &exitError{ExitFindings, fmt.Errorf("%s", strings.Join(failed, ", "))}
	}
	return nil
}

// judge replays what was read through the policies.
func (o *verifyOptions) judge(ctx context.Context, l *loaded, p *policies) (verify.Report, error) {
	sem, err := l.semantics(o.cni)
	if err != nil {
		return verify.Report{}, err
	}
	cfg := verify.Config{Semantics: sem, Namespaces: o.namespaces, Cluster: o.cluster, Networks: map[string][]netip.Prefix{}}
	for _, n := range l.config.Networks {
		cfg.Networks[n.Name] = n.CIDRs
	}
	cfg.Nodes = cfg.Networks[synth.NodesNetwork]
	if cfg.Cluster == unnamedCluster {
		cfg.Cluster = ""
	}
	if p.manifest != nil {
		exceptions(l.graph, p.manifest, &cfg)
	}
	r, err := verify.Verify(ctx, l.graph, p.set, cfg)
	r.Unread, r.Edited = render.Unread(p.problems), p.hands.Changed()
	return r, err
}

// reportView is a verification as printed.
type reportView struct {
	header
	CNI              string            `json:"cni"`
	Connections      map[string]uint64 `json:"connections"`
	Records          map[string]uint64 `json:"records"`
	ConnectionsTotal uint64            `json:"connectionsTotal"`
	OverPermission   overView          `json:"overPermission"`
	Cases            []caseView        `json:"cases"`
	Unused           []string          `json:"unused"`               // rule ids
	Unrecorded       []string          `json:"unrecorded,omitempty"` // ids of rules that the bundle has no evidence for
	Missing          []string          `json:"missing,omitempty"`    // ids of rules that it lists and no file has
	Unisolated       []gapView         `json:"unisolated,omitempty"`
	Open             []string          `json:"open,omitempty"`
	Pending          uint64            `json:"pending,omitempty"` // rejected or unproven ones that nothing shows to have worked
	Lacking          uint64            `json:"lacking,omitempty"` // unproven connections that a fact about the policies is missing for
	Unread           int               `json:"unread,omitempty"`  // policies that could not be read
	Edited           []string          `json:"edited,omitempty"`  // files of the bundle that were changed by hand
}

type overView struct {
	Count    int             `json:"count"`
	Universe int             `json:"universe"`
	Examples []verify.Excess `json:"examples,omitempty"`
}

// gapView is a direction of a namespace that a bundle says to isolate, and the pods that nothing isolates there.
type gapView struct {
	Namespace string   `json:"namespace"`
	Direction string   `json:"direction"`
	Pods      []string `json:"pods"`
}

type caseView struct {
	Verdict        string `json:"verdict"`
	Source         string `json:"source"`
	Destination    string `json:"destination"`
	Port           string `json:"port"`
	Records        uint64 `json:"records"`
	SourcePod      string `json:"sourcePod,omitempty"`
	DestinationPod string `json:"destinationPod,omitempty"`
	Why            string `json:"why"`
}

func viewReport(r *verify.Report) reportView {
	v := reportView{header: newHeader("VerifyResult"), CNI: r.Semantics.String(), Connections: map[string]uint64{}, Records: map[string]uint64{},
		ConnectionsTotal: r.Connections.Total(), OverPermission: overView{r.Over.Count, r.Over.Universe, r.Over.Examples}, Cases: []caseView{}, Unused: []string{}}
	for i := range r.Connections {
		v.Connections[verify.Verdict(i).String()] = r.Connections[i]
		v.Records[verify.Verdict(i).String()] = r.Records[i]
	}
	for _, c := range r.Cases {
		v.Cases = append(v.Cases, caseView{c.Verdict.String(), c.Src, c.Dst, c.Port, c.Records, c.SrcPod, c.DstPod, c.Why})
	}
	for _, u := range r.Unused {
		v.Unused = append(v.Unused, u.ID)
	}
	for _, u := range r.Unrecorded {
		v.Unrecorded = append(v.Unrecorded, u.ID)
	}
	v.Pending = r.Pending
	v.Missing, v.Lacking, v.Unread, v.Edited = r.Missing, r.Lacking, r.Unread, r.Edited
	for _, g := range r.Gaps {
		v.Unisolated = append(v.Unisolated, gapView{g.Namespace, g.Direction.String(), g.Pods})
	}
	for _, o := range r.Open {
		v.Open = append(v.Open, strings.TrimSpace(fmt.Sprintf("%s %s by %s", o.Namespace, o.Direction, o.Policy)))
	}
	return v
}

// printReport prints the six counts, what they are made of, and the first cases to look at.
func printReport(w io.Writer, r *verify.Report) {
	fmt.Fprintf(w, "Replayed %s as %s decides:\n", plural(r.Connections.Total(), "connection", "connections"), r.Semantics)
	meaning := map[verify.Verdict]string{
		verify.Permitted: "worked, and is allowed", verify.Lost: "worked, and would be denied", verify.Rejected: "was denied, and stays denied",
		verify.Escaped: "was denied, and would be allowed", verify.Inexpressible: "worked, but the dialect has no rule for it",
		verify.Unproven: "refused or undecided in the log, or a fact is missing",
	}
	for i := range r.Connections {
		v := verify.Verdict(i)
		fmt.Fprintf(w, "  %-14s %8s  %s\n", v, count(r.Connections[i]), meaning[v])
	}
	fmt.Fprintf(w, "  %-14s %8s  allowed at an isolated end, never seen, of %s possible\n", "over-permitted", count(r.Over.Count), count(r.Over.Universe))
	if r.Pending > 0 {
		fmt.Fprintf(w, "%s of them pending: tried, and nothing shows that it worked\n", count(r.Pending))
	}
	const most = 10
	for i, c := range r.Cases {
		if i == most {
			fmt.Fprintf(w, "... and %s (-o json lists all)\n", plural(len(r.Cases)-most, "more case", "more cases"))
			break
		}
		fmt.Fprintf(w, "%s: %s -> %s %s, %s: %s\n", c.Verdict, printable(c.Src, 80), printable(c.Dst, 80), c.Port, plural(c.Records, "record", "records"), printable(c.Why, 300))
	}
	for i, e := range r.Over.Examples {
		if i == most {
			break
		}
		fmt.Fprintf(w, "over: %s -> %s %s, by rule %s of %s\n", printable(e.Src, 80), printable(e.Dst, 80), e.Port, e.Rule, e.Policy)
	}
	if n := len(r.Unused); n > 0 {
		fmt.Fprintf(w, "%s that no connection needed.\n", plural(n, "rule", "rules"))
	}
	for _, u := range r.Unrecorded {
		fmt.Fprintf(w, "unrecorded: rule %s of %s has no evidence in the bundle: %s\n", u.ID, u.Policy, printable(u.Text, 200))
	}
	for _, id := range r.Missing {
		fmt.Fprintf(w, "missing: no file has rule %s, which the bundle lists\n", id)
	}
	for _, name := range r.Edited {
		fmt.Fprintf(w, "edited: %s is not as it was written\n", printable(name, 200))
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(w, "unisolated: %s of namespace %s is open for %s\n", g.Direction, g.Namespace, printable(strings.Join(g.Pods, ", "), 300))
	}
	for _, o := range r.Open {
		where := "namespace " + o.Namespace
		if o.Namespace == "" {
			where = "all namespaces"
		}
		fmt.Fprintf(w, "open: policy %s allows all %s of %s\n", o.Policy, o.Direction, where)
	}
}
