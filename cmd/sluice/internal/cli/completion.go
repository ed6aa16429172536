package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/kube"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// completeFlags lets the shell complete the values of flags that have a known few, and the namespaces of bundles.
func completeFlags(c *cobra.Command) {
	for name, values := range map[string][]string{
		"dialect": all.Names(), "widen": synth.Widenings(), "fail-on": verify.FailOnNames(),
		"cni": {"spec", "cilium", "calico"}, "log-format": {"text", "json"},
	} {
		if name == "dialect" && c.Name() == "learn" {
			values = append(values, run.Auto)
		}
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	if c.Flags().Lookup("namespace") != nil {
		_ = c.RegisterFlagCompletionFunc("namespace", completeNamespaces)
	}
	if c.Flags().Lookup("cluster") != nil {
		_ = c.RegisterFlagCompletionFunc("cluster", completeClusters)
	}
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}

// completing is how long what has to be read for a completion may take.
const completing = 2 * time.Second

// maxCompleted is how large a log may be to be read for it.
const maxCompleted = 64 << 20

// completeNamespaces returns those of the bundles and stores on the command line: other flows would take too long to
// read.
func completeNamespaces(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	names := seenIn(c, args, func(ep *model.Endpoint) string { return ep.Namespace })
	if len(names) == 0 {
		names = clusterNamespaces(c, args)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// clusterNamespaces returns those of the cluster, where the command line asks it for something.
func clusterNamespaces(c *cobra.Command, args []string) []string {
	ctx, stop := context.WithTimeout(context.Background(), completing)
	defer stop()
	of := askedCluster(c, args)
	if of == nil {
		return nil
	}
	names, _ := of.Namespaces(ctx) // what cannot be read is not completed
	return names
}

// askedCluster is the cluster that the command line asks for something, nil where it asks none.
func askedCluster(c *cobra.Command, args []string) *kube.Cluster {
	text := func(name string) string {
		if f := c.Flags().Lookup(name); f != nil {
			return f.Value.String()
		}
		return ""
	}
	asked := text("port-forward") == "true" || strings.Contains(text("manifests"), "cluster") ||
		slices.ContainsFunc(args, func(a string) bool { return a == "cluster" || collect.IsBare(a) })
	if !asked {
		return nil
	}
	of, err := kube.Open(kube.Options{Kubeconfig: text("kubeconfig"), Context: text("context")})
	if err != nil {
		return nil
	}
	return of
}

// completeWorkloads returns those of the store on the command line, else of the cluster that it asks.
func completeWorkloads(c *cobra.Command, args []string) []string {
	ctx, stop := context.WithTimeout(context.Background(), completing)
	defer stop()
	if store := c.Flags().Lookup("store"); store != nil && store.Value.String() != "" {
		if names := run.Workloads(ctx, store.Value.String()); len(names) > 0 {
			return names
		}
	}
	if of := askedCluster(c, args); of != nil {
		return of.Workloads(ctx, nil)
	}
	return nil
}

// completeClusters returns those of the stores on the command line.
func completeClusters(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return seenIn(c, args, func(ep *model.Endpoint) string { return ep.Cluster }), cobra.ShellCompDirectiveNoFileComp
}

// seenIn lists what pods have in the bundles, stores and small logs on the command line.
func seenIn(c *cobra.Command, args []string, of func(*model.Endpoint) string) []string {
	found := map[string]bool{}
	if base := c.Flags().Lookup("base"); base != nil {
		args = append(args, base.Value.String())
	}
	for _, arg := range args {
		if m, err := bundle.Read(arg); err == nil {
			found[of(&model.Endpoint{Cluster: m.Cluster})] = true
			for _, n := range m.Namespaces {
				found[of(&model.Endpoint{Cluster: m.Cluster, Namespace: n.Name})] = true
			}
		}
	}
	if store := c.Flags().Lookup("store"); store != nil && store.Value.String() != "" {
		args = append(args, run.StorePrefix+store.Value.String())
	}
	ctx, stop := context.WithTimeout(context.Background(), completing)
	defer stop()
	for _, arg := range args {
		if dir := run.StoreOf(arg); dir != "" {
			run.Pods(ctx, dir, func(ep *model.Endpoint) { found[of(ep)] = true })
		} else if at, err := os.Stat(arg); err == nil && at.Mode().IsRegular() && at.Size() <= maxCompleted {
			podsOfFile(ctx, arg, func(ep *model.Endpoint) { found[of(ep)] = true })
		}
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found))
}

// podsOfFile calls do with the pods of a log.
func podsOfFile(ctx context.Context, name string, do func(*model.Endpoint)) {
	in := reading{workers: 1, quiet: true, config: os.DevNull}
	l, err := in.open(ctx, Streams{}, []string{name})
	if err != nil {
		return
	}
	for i, ep := range l.Graph.Tables.Endpoints.Snapshot() {
		if ep.Kind == model.KindPod && l.Graph.PeerOf[i] >= 0 {
			do(ep)
		}
	}
}

// completeExplained returns what explain can be asked of a bundle: rules, namespaces and workloads, then the ends of
// its edges. Of other policies it is asked for the ends of a connection.
func completeExplained(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	m, err := bundle.Read(args[0])
	if err != nil && len(args) < connectionWords {
		return completeWorkloads(c, args), cobra.ShellCompDirectiveNoFileComp
	} else if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	if len(args) > 1 {
		return m.Ends(), cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, s := range m.Subjects {
		out = append(out, s.Workload)
	}
	for _, n := range m.Namespaces {
		out = append(out, cobra.CompletionWithDesc(n.Name, "namespace"))
	}
	for _, r := range m.Rules {
		out = append(out, cobra.CompletionWithDesc(r.ID, r.Policy+": "+text.Printable(r.Text, 80)))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeBundle completes the directory of a bundle, and nothing behind it.
func completeBundle(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// connectionWords is how many words name a connection.
const connectionWords = 3
