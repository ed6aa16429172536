package main

import (
	"io"
	"strings"

	"sluice/cmd/conformance/chdb"
)

// structure is what the query needs of a record, as columns names it to DuckDB.
const structure = "flow Tuple(time String, verdict String, IP Tuple(source String, destination String), " +
	"l4 Tuple(TCP Tuple(source_port Nullable(UInt16), destination_port UInt16), " +
	"UDP Tuple(source_port Nullable(UInt16), destination_port UInt16)), " +
	"source Tuple(labels Array(String)), destination Tuple(labels Array(String)), is_reply Nullable(Bool))"

// houseEdges prints the edge table as duckEdges does.
func houseEdges(file string, w io.Writer) error {
	return askHouse(houseQuery(file), w)
}

// askHouse writes what ClickHouse answers to a query.
func askHouse(query string, w io.Writer) error {
	e, err := chdb.Start("--max_threads=2")
	if err != nil {
		return err
	}
	defer e.Close()
	b, err := e.Ask(query)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
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
