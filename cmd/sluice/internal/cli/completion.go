package cli

import (
	"github.com/spf13/cobra"

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
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	if c.Flags().Lookup("namespace") != nil {
		_ = c.RegisterFlagCompletionFunc("namespace", completeNamespaces)
	}
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}

// completeNamespaces returns those of the bundles on the command line: flows would take too long to read.
func completeNamespaces(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if base := c.Flags().Lookup("base"); base != nil {
		args = append(args, base.Value.String())
	}
	for _, arg := range args {
		if m, err := bundle.Read(arg); err == nil {
			for _, n := range m.Namespaces {
				names = append(names, n.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
