package main

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sluice/cmd/conformance/chdb"
)

// month measures a store of 30 days of 10,000 edges: what it takes, what learns from it, and the same rows as DuckDB and
// ClickHouse keep and add them up.
func (b *bench) month() error {
	store := filepath.Join(b.dir, "month")
	ingest := fmt.Sprintf("rm -rf %s && %s -scenario %s -format hubble -records %d -o - | %s ingest - -q --store %s", quote(store),
		quote(b.flowgen), quote(filepath.Join(b.scenarios, "month.yaml")), b.monthRecords, quote(b.sluice), quote(store))
	if _, err := once(ingest); err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	rows, ours, labels, err := monthSize(store)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b.out, "\nA month: %d records of 10,000 edges in 43,200 minutes, %d rows of a minute.\n\n", b.monthRecords, rows)
	b.out.WriteString("| the flows of the store | bytes a row | wall s | CPU s | peak MiB |\n|---|---|---|---|---|\n")
	perRow := func(bytes int64) float64 { return float64(bytes) / float64(rows) }
	fmt.Fprintf(&b.out, "| sluice, %.1f MB, labels %.1f MB | %.1f | | | |\n", float64(ours)/1e6, float64(labels)/1e6, perRow(ours))
	out := filepath.Join(b.dir, "month-bundle")
	defer os.RemoveAll(out)
	sluice := func(args string) string {
		return quote(b.sluice) + " " + args + " -q --store " + quote(store) + " > /dev/null"
	}
	mayFind := func(command string) string { return "{ " + command + " || test $? = 3; }" }
	cs := []*contender{
		{name: "sluice show edges", shell: sluice("show edges -o json")},
		{name: "sluice learn -A", shell: "mkdir -p " + quote(out) + " && " + mayFind(sluice("learn -A --out "+quote(out)+"/$$"))},
		{name: "sluice ready", shell: mayFind(sluice("ready -A"))},
		{name: "sluice backtest", shell: mayFind(sluice("backtest -A"))},
		{name: "DuckDB, the documented query on the store", shell: quote(b.self) + " month-views " + quote(b.views) + " " + quote(store) + " > /dev/null"},
	}
	for _, engine := range b.engines() {
		file := filepath.Join(b.dir, "month-"+engine+".parquet")
		defer os.Remove(file)
		u, err := once("rm -f " + quote(file) + " && " + quote(b.self) + " month-copy " + engine + " " + quote(flowFiles(store)) + " " + quote(file))
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		fmt.Fprintf(&b.out, "| %s's Parquet of the same rows, written | %.1f | %.2f | %.2f | %.0f |\n", engine, perRow(int64(size(file))), u.wall, u.cpu, u.rss)
		cs = append(cs, &contender{name: engine + ", added up by edge from its Parquet", shell: quote(b.self) + " month-sum " + engine + " " + quote(file) + " > /dev/null"})
	}
	cs = append(cs, &contender{name: "DuckDB, added up by edge from the store", shell: quote(b.self) + " month-sum DuckDB " + quote(flowFiles(store)) + " > /dev/null"})
	if err := b.measure(cs); err != nil {
		return err
	}
	for _, c := range cs {
		fmt.Fprintf(&b.out, "| %s | | %.2f | %.2f | %.0f |\n", c.name, median(c.runs, wall), median(c.runs, cpu), median(c.runs, rss))
	}
	return nil
}

func (b *bench) engines() []string {
	if chdb.Library() == "" {
		return []string{"DuckDB"}
	}
	return []string{"DuckDB", "ClickHouse"}
}

// flowFiles is a pattern of the flows of a store in which all files count, since one ingest wrote them.
func flowFiles(store string) string {
	return filepath.Join(store, "v1", "cluster=*", "day=*", "*.????.parquet")
}

// monthSize returns the rows of a store, the bytes of its flows and those of its labels.
func monthSize(store string) (rows, flows, labels int64, err error) {
	db, err := open()
	if err != nil {
		return 0, 0, 0, err
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM read_parquet(?)", flowFiles(store)).Scan(&rows); err != nil {
		return 0, 0, 0, err
	}
	all, err := filepath.Glob(filepath.Join(store, "v1", "cluster=*", "day=*", "*.parquet"))
	for _, f := range all {
		if strings.HasSuffix(f, ".labels.parquet") {
			labels += int64(size(f))
		} else {
			flows += int64(size(f))
		}
	}
	return rows, flows, labels, err
}

// monthCopy has an engine write the rows of Parquet files into one of its own.
func monthCopy(engine, from, to string) error {
	if engine == "DuckDB" {
		db, err := open()
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec("COPY (SELECT * FROM read_parquet('" + from + "', hive_partitioning = false)) TO '" + to + "' (FORMAT parquet, COMPRESSION zstd)")
		return err
	}
	return askHouse("INSERT INTO FUNCTION file('"+to+"', Parquet) SELECT * FROM file('"+from+"', Parquet) "+
		"SETTINGS max_threads = 2, use_hive_partitioning = 0, output_format_parquet_compression_method = 'zstd'", io.Discard)
}

// monthSum has an engine add up the rows of Parquet files by what makes an edge.
func monthSum(engine, from string, w io.Writer) error {
	const what = "src, dst, port, proto, sum(records), min(first), max(last)"
	if engine == "DuckDB" {
		db, err := open()
		if err != nil {
			return err
		}
		defer db.Close()
		return print(db.Query("SELECT " + what + " FROM read_parquet('" + from + "') GROUP BY ALL"))(w)
	}
	return askHouse("SELECT "+what+" FROM file('"+from+"', Parquet) GROUP BY src, dst, port, proto SETTINGS max_threads = 2", w)
}

// monthViews runs the query of model/store/DESIGN.md in a store.
func monthViews(views, store string, w io.Writer) error {
	text, err := os.ReadFile(views)
	if err != nil {
		return err
	}
	if err := os.Chdir(store); err != nil {
		return err
	}
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(string(text)); err != nil {
		return err
	}
	return print(db.Query("SELECT source.namespace, source.labels, destination.namespace, destination.labels, port, proto, sum(records) AS records, " +
		"min(first) AS first, max(last) AS last FROM flow WHERE fate = 'used' GROUP BY ALL ORDER BY records DESC"))(w)
}

// print writes the rows of an answer.
func print(rows *sql.Rows, err error) func(w io.Writer) error {
	return func(w io.Writer) error {
		if err != nil {
			return err
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		values, cells := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			cells[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(cells...); err != nil {
				return err
			}
			fmt.Fprintln(w, values...)
		}
		return rows.Err()
	}
}
