package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

// What a release is called, and of which commit it is: the linker writes it. Without it the build of the module says.
var release, commit, committed string

func newVersion(s Streams) *cobra.Command {
	format := show.Table
	c := &cobra.Command{
		Use:     "version",
		Short:   "Which sluice this is",
		Example: "  sluice version\n  sluice version -o json",
		Args:    noArgs(""),
		RunE: func(*cobra.Command, []string) error {
			if err := show.CheckFormat(format); err != nil {
				return err
			}
			return show.Version(s.Out, format, build())
		},
	}
	outputFlag(c, &format)
	return c
}

// build says which build this is.
func build() run.Build {
	b := run.Build{Version: release, Commit: commit, Time: committed, Go: runtime.Version()}
	b.Platform = runtime.GOOS + "/" + runtime.GOARCH
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "unknown")
		return b
	}
	b.Version = cmp.Or(b.Version, strings.Trim(info.Main.Version, "()"), "devel")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = cmp.Or(b.Commit, s.Value)
		case "vcs.time":
			b.Time = cmp.Or(b.Time, s.Value)
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// version is the build in one line.
func version() string { return build().String() }
