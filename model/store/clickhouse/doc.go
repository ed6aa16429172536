// Package clickhouse keeps a store in ClickHouse: observations as rows, folded to the hour by a materialized view, and
// commits that say which rows count. It alone knows the client of ClickHouse. It serves who serves a store in files,
// and reads and writes nothing but the tables of its own schema. Lines are another thing: a column of records in a
// table that other programs write.
package clickhouse
