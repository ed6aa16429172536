package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// noArgs takes no argument and says what to give instead.
func noArgs(instead string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%q: %s takes no argument%s", args[0], c.CommandPath(), instead)
		}
		return nil
	}
}
