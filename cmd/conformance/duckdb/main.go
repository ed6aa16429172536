// Command duckdb is a judge of the store's layout: in the directory that it is started in, it runs a file of SQL
// statements, then the query on standard input, and prints the rows of its answer as JSON objects, one a line.
//
// It is a module of its own because DuckDB needs cgo, and knows nothing of sluice but the store it is shown.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "duckdb:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: duckdb VIEWS.sql < QUERY.sql")
	}
	views, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	query, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	// Variables and temporary views belong to one connection.
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), string(views)); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	rows, err := conn.QueryContext(context.Background(), string(query))
	if err != nil {
		return err
	}
	defer rows.Close()
	return print(rows, json.NewEncoder(out))
}

func print(rows *sql.Rows, out *json.Encoder) error {
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values, cells := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			cells[i] = &values[i]
		}
		if err := rows.Scan(cells...); err != nil {
			return err
		}
		object := map[string]any{}
		for i, name := range names {
			object[name] = values[i]
		}
		if err := out.Encode(object); err != nil {
			return err
		}
	}
	return rows.Err()
}
