package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/show"
)

func newStoreInit(s Streams) *cobra.Command {
	var l place.Layout
	var only bool
	c := &cobra.Command{
		Use:   "init URL",
		Short: "Make the tables of a store in ClickHouse, or bring older ones up to date",
		Long: `init makes the database and the tables of a store at clickhouse://[USER@]HOST:PORT/DATABASE (clickhouses:// with TLS),
or brings those of an older sluice up to date, step by step. It needs the rights to create them; ingest then needs INSERT
and SELECT, and who reads SELECT. The password comes from ` + place.PasswordVariable + `. Stores in directories and buckets
need no init.`,
		Example: `  sluice store init clickhouse://flows@ch:9000/sluice
  sluice store init clickhouse://ch:9000/sluice --on-cluster prod --replicated --print`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if only {
				lines, err := place.Script(args[0], l)
				for _, line := range lines {
					fmt.Fprintln(s.Out, line+";")
				}
				return err
			}
			was, err := place.Init(cmd.Context(), args[0], l)
			if err != nil {
				return err
			}
			show.Initialized(s.Out, args[0], was, place.SchemaVersion)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&l.Cluster, "on-cluster", "", "spread the tables over the shards of the cluster of servers `NAME`")
	f.BoolVar(&l.Replicated, "replicated", false, "keep each shard in replicas, by the macros {shard} and {replica} of the servers")
	f.BoolVar(&only, "print", false, "print the statements and do nothing")
	return c
}
