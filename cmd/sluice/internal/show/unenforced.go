package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/text"
)

// printUnenforced says which policies a plugin does not read.
func printUnenforced(w io.Writer, names []string, plugin fmt.Stringer) {
	if len(names) > 0 {
		fmt.Fprintf(w, "not enforced: %s: %s does not read this kind, and it decides nothing there (--cni says for whom to judge)\n",
			text.Printable(text.Some(names), 300), plugin)
	}
}
