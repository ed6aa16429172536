package clickhouse

import (
	"fmt"
	"strings"
)

// Layout is how a schema lies on servers.
type Layout struct {
	Cluster    string // the name of the cluster of servers that it is spread over, "": one server
	Replicated bool   // each shard keeps it in several replicas
}

// Version is that of the schema that this program reads and writes.
const Version = 1

// table is one of the schema. With a cluster each server has a part of it, NAME_local, and NAME is all parts.
type table struct {
	name    string
	columns string
	merge   string // what the engine does with rows of one key
	version string // the column that tells the newest of those, "": none
	parts   string // of what one is dropped as a whole, "": the table is one
	order   string
	shard   string // which server a row goes to
}

// The columns that tell rows of an hour apart, in the order of the view.
const hourKey = "day, hour, cluster, peer, src, dst, src_port, port, proto, verdict, observer, fate, reason"

// keyMarks are those of model.KeyMarks, and MarkNoted: a sum of rows that say what came back and rows that do not
// would say of all that they do.
const keyMarks = 16 | 32 | 512

var ends = `day Date, hour UInt32, cluster String, peer String, src FixedString(16), dst FixedString(16), src_port UInt16, ` +
	`port UInt16, proto UInt8, verdict UInt8, observer UInt8, fate UInt8, reason UInt8`

// steps are the schema, version by version: what one adds to the one before.
var steps = []func(s *script){
	func(s *script) {
		s.table(table{name: "flows", merge: "MergeTree", parts: "day", order: "cluster, hour, src, dst, port, writer, batch, n",
			shard: "cityHash64(src, dst)",
			columns: ends + `, minute UInt32, marks UInt16, records UInt32, conns UInt32, first Int64, last Int64, ` +
				`src_pod String, dst_pod String, writer UInt64, batch UInt32, n UInt32`})
		s.table(table{name: "flows_by_hour", merge: "AggregatingMergeTree", parts: "day",
			order: "cluster, hour, src, dst, port, src_port, proto, verdict, observer, fate, reason, key_marks, peer",
			shard: "cityHash64(src, dst)",
			columns: ends + `, key_marks UInt16, sum_rows AggregateFunction(sum, UInt64), ` +
				`all_marks AggregateFunction(groupBitOr, UInt16), sum_records AggregateFunction(sum, UInt32), ` +
				`sum_conns AggregateFunction(sum, UInt32), earliest AggregateFunction(min, String), ` +
				`latest AggregateFunction(max, Int64)`})
		s.view("flows_to_hours", "flows_by_hour", fmt.Sprintf(`SELECT %s, bitAnd(marks, %d) AS key_marks, `+
			`sumState(toUInt64(1)) AS sum_rows, groupBitOrState(marks) AS all_marks, sumState(records) AS sum_records, `+
			`sumState(conns) AS sum_conns, minState(concat(toString(first + %d), src_pod, '\0', dst_pod)) AS earliest, `+
			`maxState(last) AS latest FROM %s GROUP BY %[1]s, key_marks`, hourKey, keyMarks, firstOffset, s.local("flows")))
		s.table(table{name: "endpoints", merge: "ReplacingMergeTree", order: "id", shard: "cityHash64(id)",
			columns: `id FixedString(16), kind String, cluster String, namespace String, name String, owner_kind String, ` +
				`owner String, service_account String, address String, labels Array(String), ` +
				`namespace_labels Array(String), entities Array(String), names Array(String), marks UInt16`})
		s.table(table{name: "commits", merge: "ReplacingMergeTree", version: "version", order: "writer", shard: "writer",
			columns: `writer UInt64, version UInt32, state UInt8, stream String, content String, at DateTime`})
		s.table(table{name: "seen", merge: "MergeTree", order: "stream, writer, batch", shard: "cityHash64(stream)",
			columns: `stream String, writer UInt64, batch UInt32, since Int64, ids String`})
		s.table(table{name: "leases", merge: "ReplacingMergeTree", version: "beat", order: "stream, term",
			shard: "cityHash64(stream)", columns: `stream String, term UInt64, beat UInt32, held UInt8, holder String`})
		s.table(table{name: "dropped", merge: "ReplacingMergeTree", order: "day", shard: "toUInt32(day)", columns: `day Date`})
	},
}

// firstOffset makes all times texts of equal length, which sort as what they mean.
const firstOffset = 1_000_000_000_000_000

// script is the SQL that makes a schema.
type script struct {
	database string
	layout   Layout
	lines    []string
}

// statements returns the SQL from one version of the schema to another. It may run twice.
func statements(database string, l Layout, from int, steps []func(*script)) []string {
	s := &script{database: database, layout: l}
	if from == 0 {
		s.add("CREATE DATABASE IF NOT EXISTS %s%s", database, s.onCluster())
		s.table(table{name: "schema_version", merge: "MergeTree", order: "version", shard: "1",
			columns: "version UInt32, cluster String, replicated UInt8"})
	}
	for i, step := range steps[from:] {
		step(s)
		s.add("INSERT INTO %s.schema_version (version, cluster, replicated) SELECT %d, '%s', %d", database, from+i+1,
			l.Cluster, number(l.Replicated))
	}
	return s.lines
}

func (s *script) add(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *script) onCluster() string {
	if s.layout.Cluster == "" {
		return ""
	}
	return " ON CLUSTER " + s.layout.Cluster
}

// local is the table of a name that a server itself has.
func (s *script) local(name string) string { return localTable(s.database, s.layout, name) }

func localTable(database string, l Layout, name string) string {
	if l.Cluster != "" {
		name += "_local"
	}
	return database + "." + name
}

func (s *script) table(t table) {
	own := s.local(t.name)
	var args []string
	engine := t.merge
	if s.layout.Replicated {
		engine = "Replicated" + engine
		args = append(args, fmt.Sprintf("'/clickhouse/tables/{shard}/%s'", strings.ReplaceAll(own, ".", "/")), "'{replica}'")
	}
	if t.version != "" {
		args = append(args, t.version)
	}
	if len(args) > 0 {
		engine += "(" + strings.Join(args, ", ") + ")"
	}
	if t.parts != "" {
		engine += " PARTITION BY " + t.parts
	}
	s.add("CREATE TABLE IF NOT EXISTS %s%s (%s) ENGINE = %s ORDER BY (%s)", own, s.onCluster(), t.columns, engine, t.order)
	if c := s.layout.Cluster; c != "" {
		s.add("CREATE TABLE IF NOT EXISTS %s.%s%s (%s) ENGINE = Distributed(%s, %s, %s_local, %s)", s.database, t.name,
			s.onCluster(), t.columns, c, s.database, t.name, t.shard)
	}
}

// view makes a materialized view that writes what it selects into a table.
func (s *script) view(name, to, query string) {
	s.add("CREATE MATERIALIZED VIEW IF NOT EXISTS %s.%s%s TO %s AS %s", s.database, name, s.onCluster(), s.local(to), query)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
