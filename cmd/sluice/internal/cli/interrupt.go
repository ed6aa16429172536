package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// patience is how long a command that only reads and computes may take to notice that it was interrupted.
const patience = 500 * time.Millisecond

// leavable are the commands that can be left where they are: they read, compute and print. A bundle is written aside
// and renamed, so that the former one stays whole whenever it is left.
var leavable = []string{"learn", "verify", "ready", "backtest", "diff", "show", "explain", "doctor", "lint"}

// mayLeave reports whether a command line can be left where it is: not one that stores or mends, nor one that follows
// a server, which has an end to write.
func mayLeave(args []string) bool {
	if len(args) == 0 || !slices.Contains(leavable, args[0]) && !(args[0] == "review" && slices.ContainsFunc(args, toFile)) {
		return false
	}
	return !slices.ContainsFunc(args[1:], func(a string) bool {
		return strings.HasPrefix(a, "--follow") || strings.HasPrefix(a, "--fix") || strings.Contains(a, "://")
	})
}

// toFile is a flag of review that makes it write a file and end.
func toFile(arg string) bool {
	return strings.HasPrefix(arg, "--html") || strings.HasPrefix(arg, "--svg")
}

// execute runs a command. One that may be left is left soon after ctx ends, wherever it is: a long search does not look
// at its context at every turn.
func execute(ctx context.Context, root *cobra.Command, args []string) (*cobra.Command, error) {
	if !mayLeave(args) {
		return root.ExecuteContextC(ctx)
	}
	type result struct {
		c   *cobra.Command
		err error
	}
	done := make(chan result, 1)
	go func() {
		c, err := root.ExecuteContextC(ctx)
		done <- result{c, err}
	}()
	var late <-chan time.Time
	for stopped := ctx.Done(); ; {
		select {
		case r := <-done:
			return r.c, r.err
		case <-stopped:
			stopped, late = nil, time.After(patience)
		case <-late:
			return root, context.Canceled
		}
	}
}

// until reads on until ctx ends: who writes to a pipe may keep it open without a word.
func until(ctx context.Context, in io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	return r
}
