package run

import (
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
)

// Stands is the findings error for files that people and the flows changed in the same lines, nil for none.
func Stands(laid *bundle.Laid) error {
	if laid == nil || len(laid.Refused) == 0 {
		return nil
	}
	return found([]string{text.Plural(len(laid.Refused), "file stands as people changed it",
		"files stand as people changed them") + ", though the flows ask for something else: " + text.Some(laid.Refused)})
}
