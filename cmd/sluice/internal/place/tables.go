package place

import (
	"context"
	"fmt"

	"sluice/model/store/clickhouse"
)

// Layout is how the tables of a store lie on servers.
type Layout = clickhouse.Layout

// SchemaVersion is that of the tables that this program reads and writes.
const SchemaVersion = clickhouse.Version

// PasswordVariable names the variable of the environment with the password for tables.
const PasswordVariable = clickhouse.PasswordVariable

// Script returns the statements that make the tables of a store.
func Script(at string, l Layout) ([]string, error) {
	if err := needsTables(at); err != nil {
		return nil, err
	}
	return clickhouse.Script(at, l)
}

// Init makes the tables of a store, or brings older ones up to date. It returns the version that was there, 0 for none.
func Init(ctx context.Context, at string, l Layout) (int, error) {
	if err := needsTables(at); err != nil {
		return 0, err
	}
	return clickhouse.Init(ctx, at, l)
}

// Lines is a column of records in a table that other programs write.
type Lines = clickhouse.Lines

// LinesOf returns the lines that a source names, nil if it is another source.
func LinesOf(source string) *Lines { return clickhouse.LinesOf(source) }

// IsTables reports whether a source names a store in a database.
func IsTables(source string) bool {
	return clickhouse.IsURL(source) && clickhouse.LinesOf(source) == nil
}

func needsTables(at string) error {
	if clickhouse.IsURL(at) {
		return nil
	}
	return fmt.Errorf("the store %s needs no init: ingest makes it", at)
}
