package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/model/store"
)

type storeCheckOptions struct {
	dir    string
	format string
}

func newStore(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use:     "store",
		Short:   "Look after a store",
		Example: `  sluice store check flows`,
	}
	c.AddCommand(newStoreCheck(s), newStorePack(s), newStoreUnpack(s), newStoreInit(s))
	return c
}

func newStorePack(s Streams) *cobra.Command {
	var r reading
	var cluster string
	c := &cobra.Command{
		Use:   "pack DIR",
		Short: "Write a store, or a part of it, to standard output",
		Long: `pack writes the store in DIR to standard output, for sluice store unpack: what of it has to do with a cluster or
overlaps a time, and all where neither is given. It may run beside the collector. Segments cover up to a day and go whole. A file
of which only some rows go is kept as one that is there in part: to ingest it again adds nothing, and says so.`,
		Example: `  kubectl exec -n flows sluice-0 -- sluice store pack /store --since 24h | sluice store unpack flows`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			since, until, err := r.span()
			if err != nil {
				return err
			}
			out := text.Behind(s.Out)
			if out == nil || term.IsTerminal(int(out.Fd())) {
				return run.Usagef("a pack is no text: send it to a file or to sluice store unpack")
			}
			files, err := place.Files(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			st, err := store.OpenFiles(files)
			if err != nil {
				return err
			}
			if have := st.Clusters(); cluster != "" && !slices.Contains(have, cluster) {
				return run.NoCluster(cluster, args[0], have)
			}
			return st.Pack(cmd.Context(), out, store.ScanOptions{Since: since, Until: until, Cluster: cluster})
		},
	}
	f := c.Flags()
	f.StringVar(&r.since, "since", "", "only segments with flows from `TIME` on: RFC 3339, a date, or a duration back from now (24h, 7d)")
	f.StringVar(&r.until, "until", "", "only segments with flows before `TIME`")
	f.StringVar(&cluster, "cluster", "", "only what has to do with this cluster, where the store has several")
	return c
}

func newStoreUnpack(s Streams) *cobra.Command {
	var most string
	c := &cobra.Command{
		Use:   "unpack DIR",
		Short: "Make a store of what pack wrote, read from standard input",
		Long: `unpack makes a store in DIR, which must not have one, of what sluice store pack wrote. Every file is checked; nothing
is left of a pack that is damaged or breaks off.`,
		Example: `  cat flows.pack | sluice store unpack flows`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			size, err := parseSize("max-bytes", most)
			if err != nil {
				return err
			}
			files, err := place.Files(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			st, err := unpack(cmd.Context(), until(cmd.Context(), s.In), files, size)
			if err != nil {
				return err
			}
			show.Unpacked(s.Out, args[0], st)
			return nil
		},
	}
	maxBytesFlag(c, &most)
	return c
}

func newStoreCheck(s Streams) *cobra.Command {
	o := &storeCheckOptions{}
	c := &cobra.Command{
		Use:   "check DIR",
		Short: "Read a whole store and say what is not as it was committed",
		Long: `check reads every commit of the store in DIR, the digest of every file that counts, every row and what it
refers to, and compares counts and times with what the commits say; of a store in ClickHouse every row that counts, and
what it refers to. It changes nothing, and may run beside a collector.
It exits with 1 if anything is missing or damaged.`,
		Example: `  sluice store check flows`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir = args[0]
			return runStoreCheck(cmd.Context(), s, o)
		},
	}
	outputFlag(c, &o.format)
	return c
}

func runStoreCheck(ctx context.Context, s Streams, o *storeCheckOptions) error {
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	found, err := place.Check(ctx, o.dir)
	if err != nil {
		return err
	}
	if err := show.Checked(s.Out, o.format, o.dir, found); err != nil {
		return err
	}
	return errors.Join(found.Problems...)
}
