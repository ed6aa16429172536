package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is where libchdb is, ClickHouse as a library: LIBCHDB names it, "" where there is none.
func library() string {
	file := os.Getenv("LIBCHDB")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// engine is a ClickHouse in this process.
type engine struct {
	conn    uintptr
	query   func(conn uintptr, q *byte, qlen uintptr, format *byte, flen uintptr) uintptr
	buffer  func(result uintptr) unsafe.Pointer
	length  func(result uintptr) uintptr
	failure func(result uintptr) unsafe.Pointer
	destroy func(result uintptr)
}

// newEngine starts an engine, which ends with the process.
func newEngine() (*engine, error) {
	if library() == "" {
		return nil, errors.New("LIBCHDB names no library")
	}
	lib, err := purego.Dlopen(library(), purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	e := &engine{}
	var connect func(argc int32, argv **byte) unsafe.Pointer
	for name, f := range map[string]any{"chdb_connect": &connect, "chdb_query_n": &e.query, "chdb_result_buffer": &e.buffer,
		"chdb_result_length": &e.length, "chdb_result_error": &e.failure, "chdb_destroy_query_result": &e.destroy} {
		purego.RegisterLibFunc(f, lib, name)
	}
	argv := []*byte{cString("clickhouse"), cString("--max_threads=2"), nil}
	conn := connect(2, &argv[0])
	if conn == nil {
		return nil, errors.New("ClickHouse does not start")
	}
	e.conn = *(*uintptr)(conn)
	return e, nil
}

func cString(s string) *byte { return &append([]byte(s), 0)[0] }

// ask runs a statement and writes its answer, fields between tabs as they are.
func (e *engine) ask(query string, w io.Writer) error {
	const format = "TSVRaw"
	r := e.query(e.conn, cString(query), uintptr(len(query)), cString(format), uintptr(len(format)))
	defer e.destroy(r)
	if p := e.failure(r); p != nil {
		message, _, _ := bytes.Cut(unsafe.Slice((*byte)(p), 1<<12), []byte{0})
		return fmt.Errorf("ClickHouse: %s", message)
	}
	n := e.length(r)
	if n == 0 {
		return nil
	}
	_, err := w.Write(unsafe.Slice((*byte)(e.buffer(r)), n))
	return err
}

// structure is what the query needs of a record, as columns names it to DuckDB.
const structure = "flow Tuple(time String, verdict String, IP Tuple(source String, destination String), " +
	"l4 Tuple(TCP Tuple(source_port Nullable(UInt16), destination_port UInt16), " +
	"UDP Tuple(source_port Nullable(UInt16), destination_port UInt16)), " +
	"source Tuple(labels Array(String)), destination Tuple(labels Array(String)), is_reply Nullable(Bool))"

// houseEdges prints the edge table as duckEdges does.
func houseEdges(file string, w io.Writer) error {
	e, err := newEngine()
	if err != nil {
		return err
	}
	return e.ask(houseQuery(file), w)
}

func houseQuery(file string) string {
	return `
WITH flow.l4.TCP.source_port IS NOT NULL AS tcp,
  assumeNotNull(if(tcp, flow.l4.TCP.source_port, flow.l4.UDP.source_port)) AS sport,
  if(tcp, flow.l4.TCP.destination_port, flow.l4.UDP.destination_port) AS dport,
  coalesce(flow.is_reply, sport < dport) AS reply,
  parseDateTime64BestEffort(flow.time, 6, 'UTC') AS t,
  if(reply, flow.destination.labels, flow.source.labels) AS cl, if(reply, flow.source.labels, flow.destination.labels) AS vl
SELECT arrayStringConcat(cl, '\x01') AS client, arrayStringConcat(vl, '\x01') AS server,
  if(has(cl, 'reserved:world'), if(reply, flow.IP.destination, flow.IP.source), '') AS cip,
  if(has(vl, 'reserved:world'), if(reply, flow.IP.source, flow.IP.destination), '') AS vip,
  concat(toString(if(reply, sport, dport)), if(tcp, '/tcp', '/udp')) AS port, count(), toUnixTimestamp64Micro(min(t)), toUnixTimestamp64Micro(max(t))
FROM file('` + strings.ReplaceAll(file, "'", `\'`) + `', JSONEachRow, '` + structure + `')
WHERE tcp OR flow.l4.UDP.source_port IS NOT NULL
GROUP BY client, server, cip, vip, port
SETTINGS input_format_skip_unknown_fields = 1, input_format_json_ignore_unknown_keys_in_named_tuple = 1,
  input_format_json_defaults_for_missing_elements_in_named_tuple = 1, max_threads = 2, output_format_tsv_crlf_end_of_line = 0`
}
