// Package all lists the formats of logs that there are, so that commands, tools and tests have the same.
package all

import (
	"sluice/ingest"
	"sluice/ingest/calico"
	"sluice/ingest/hubble"
)

// Formats are the formats, the most particular first: an input is of the first one that knows a record of it.
func Formats() []ingest.Format { return []ingest.Format{calico.Format, hubble.Format} }
