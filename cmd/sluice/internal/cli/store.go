package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/show"
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
	c.AddCommand(newStoreCheck(s))
	return c
}

func newStoreCheck(s Streams) *cobra.Command {
	o := &storeCheckOptions{}
	c := &cobra.Command{
		Use:   "check DIR",
		Short: "Read a whole store and say what is not as it was committed",
		Long: `check reads every commit of the store in DIR, the digest of every file that counts, every row and what it
refers to, and compares counts and times with what the commits say. It changes nothing, and may run beside a collector.
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
	files, err := place.Files(ctx, o.dir)
	if err != nil {
		return err
	}
	found, err := store.Check(ctx, files)
	if err != nil {
		return err
	}
	if err := show.Checked(s.Out, o.format, o.dir, found); err != nil {
		return err
	}
	return errors.Join(found.Problems...)
}
