package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

// watched are the flags of commands that judge whether enough was seen.
type watched struct {
	reading
	run.ReadyConfig
	asOf   string
	format string
}

func (o *watched) flags(c *cobra.Command) {
	o.reading.flags(c)
	f := c.Flags()
	f.VarP(nameList{&o.Namespaces}, "namespace", "n", "the pods of `NS` (repeats, or a list with commas)")
	f.BoolVarP(&o.All, "all-namespaces", "A", false, "all namespaces but the system's")
	o.clusterFlag(c, &o.Cluster, "this cluster ("+run.UnnamedCluster+": the one without a name)")
	f.StringVar(&o.asOf, "as-of", "", "as things stood at `TIME` (default: the end of the log)")
	o.manifestsFlag(c, "(kubectl get -A -o yaml): what is declared and was never seen is waited for")
	o.redactFlag(c)
	outputFlag(c, &o.format)
}

// log opens the sources.
func (o *watched) log(ctx context.Context, s Streams, args []string) (*run.Log, error) {
	l, err := o.open(ctx, s, args)
	o.hideAll(o.Namespaces)
	o.hidden(&o.Cluster)
	return l, err
}

func (o *watched) check() error {
	if len(o.Namespaces) == 0 && !o.All {
		return run.Usagef("for which namespaces? give -n NAMESPACE (repeats) or -A")
	}
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	var err error
	o.AsOf, err = parseTime("as-of", o.asOf)
	return err
}
