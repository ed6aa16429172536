package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/kube"
	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/model/store"
)

type pullOptions struct {
	reading
	namespace, pod, at string
	slice              string // the cluster
	most               string // bytes
}

func newPull(s Streams) *cobra.Command {
	o := &pullOptions{}
	c := &cobra.Command{
		Use:   "pull --store DIR",
		Short: "Fetch the store of a collector in a cluster, or a part of it",
		Long: `pull runs sluice store pack in the pod of a collector that sluice install made, through the API server of the
kubeconfig's cluster, and makes a store of it in DIR, which must not have one. Every file is checked; of a pull that breaks off
or is interrupted no store is left. It may run while the collector does. It needs the right to run commands in the pod (pods/exec):
sluice install --rbac prints it.`,
		Example: `  sluice pull --store flows
  sluice pull -n flows --since 7d --store week
  sluice pull --context prod --cluster eu-1 --store eu-1`,
		Args: noArgs(""),
		RunE: func(cmd *cobra.Command, _ []string) error { return runPull(cmd.Context(), s, o) },
	}
	f := c.Flags()
	f.StringVar(&o.store, "store", "", "make the store in `DIR` (or at a URL: s3://, gs://, azblob://)")
	f.StringVarP(&o.namespace, "namespace", "n", "sluice", "the `NS` of the collector")
	f.StringVar(&o.pod, "pod", "", "the `NAME` of its pod, where several run there")
	f.StringVar(&o.at, "from", "/store", "the `DIR` of its store in the pod")
	f.StringVar(&o.since, "since", "", "only segments with flows from `TIME` on: RFC 3339, a date, or a duration back from now (24h, 7d)")
	f.StringVar(&o.until, "until", "", "only segments with flows before `TIME`")
	f.StringVar(&o.slice, "cluster", "", "only what has to do with this cluster, where the store has several")
	maxBytesFlag(c, &o.most)
	o.kube.which(c)
	return c
}

// maxBytesFlag adds what the files of a pack may hold: a sender that lies must not fill the disk.
func maxBytesFlag(c *cobra.Command, most *string) {
	c.Flags().StringVar(most, "max-bytes", "100Gi", "take no pack with files of more than `SIZE`")
}

// unpack makes a store of a pack.
func unpack(ctx context.Context, in io.Reader, files store.Files, most int64) (*store.Store, error) {
	st, err := store.Unpack(ctx, in, files, most)
	if errors.Is(err, store.ErrTooLarge) {
		return nil, fmt.Errorf("%w (--max-bytes %d): nothing was kept; let it have more, or pack a part of it, with --since and --until",
			err, most)
	}
	return st, err
}

func runPull(ctx context.Context, s Streams, o *pullOptions) error {
	if o.store == "" {
		return run.Usagef("--store DIR is needed: where to make the store")
	}
	if _, _, err := o.span(); err != nil {
		return err
	}
	most, err := parseSize("max-bytes", o.most)
	if err != nil {
		return err
	}
	files, err := place.Files(ctx, o.store)
	if err != nil {
		return err
	}
	c, err := o.kube.cluster()
	if err != nil {
		return err
	}
	pod, err := c.Collector(ctx, o.namespace, o.pod)
	if err != nil {
		return err
	}
	command := []string{kube.Container, "store", "pack", o.at}
	for _, flag := range [][2]string{{"--since", o.since}, {"--until", o.until}, {"--cluster", o.slice}} {
		if flag[1] != "" {
			command = append(command, flag[0], flag[1])
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop() // a pack that is no good is not read to its end
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := c.Run(ctx, o.namespace, pod, command, out)
		out.CloseWithError(err)
		ended <- err
	}()
	st, err := unpack(ctx, in, files, most)
	in.CloseWithError(err)
	if err != nil {
		stop()
		if why := <-ended; why != nil && !errors.Is(why, context.Canceled) && !errors.Is(why, err) {
			return why
		}
		if errors.Is(err, store.ErrDamaged) {
			return fmt.Errorf("%w: nothing was kept, pull again", err)
		}
		return err
	}
	show.Unpacked(s.Out, o.store, st)
	return nil
}
