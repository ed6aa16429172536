// Package clickhouse keeps a store in ClickHouse: observations as rows, folded to the hour by a materialized view, and
// commits that say which rows count. It alone knows the client of ClickHouse. It serves who serves a store in files,
// and reads and writes nothing but the tables of its own schema.
package clickhouse
