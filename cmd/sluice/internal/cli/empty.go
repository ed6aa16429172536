package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/cmd/sluice/internal/run"
)

// notEmpty is the error for an argument or a flag that is given without a text: what a script writes whose variable is
// not set. To go on without it would answer another question than was asked.
func notEmpty(c *cobra.Command, args []string) error {
	if strings.HasPrefix(c.Name(), cobra.ShellCompRequestCmd) {
		return nil // the word that is to be completed has no letter yet
	}
	if i := slices.Index(args, ""); i >= 0 {
		return run.Usagef("argument %d is empty: is a variable not set?", i+1)
	}
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Name != "widen" && hasEmpty(f) { // --widen "": nothing, whatever the configuration says
			err = run.Usagef("--%s is empty: is a variable not set?", f.Name)
		}
	})
	return err
}

// hasEmpty reports whether a flag has no text, or a list of texts an empty one.
func hasEmpty(f *pflag.Flag) bool {
	switch f.Value.Type() {
	case "string":
		return f.Value.String() == ""
	case "stringSlice", "stringArray":
		if l, ok := f.Value.(pflag.SliceValue); ok {
			return len(l.GetSlice()) == 0 || slices.Contains(l.GetSlice(), "")
		}
		return slices.Contains(strings.Split(f.Value.String(), ","), "")
	}
	return false
}
