package run

import (
	"context"

	"sluice/cmd/sluice/internal/place"
	"sluice/ingest/source"
)

// remote returns the source of a name that is a table with records in a column, nil if it is another.
func remote(name string) source.Remote {
	if l := place.LinesOf(name); l != nil {
		return table{l}
	}
	return nil
}

// table is a column of a table as a source.
type table struct{ *place.Lines }

// Open begins to read.
func (t table) Open(ctx context.Context) (source.RemoteText, error) {
	text, err := t.Lines.Open(ctx)
	if err != nil {
		return nil, err
	}
	return text, nil
}
