package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
)

// columns names what the query needs, so that DuckDB neither guesses types nor reads more than it must.
const columns = `{flow: 'STRUCT("time" VARCHAR, verdict VARCHAR, "IP" STRUCT(source VARCHAR, destination VARCHAR),
 l4 STRUCT("TCP" STRUCT(source_port UINTEGER, destination_port UINTEGER, flags STRUCT("SYN" BOOLEAN, "ACK" BOOLEAN)),
           "UDP" STRUCT(source_port UINTEGER, destination_port UINTEGER)),
 source STRUCT("namespace" VARCHAR, labels VARCHAR[]), destination STRUCT("namespace" VARCHAR, labels VARCHAR[]),
 is_reply BOOLEAN, traffic_direction VARCHAR)'}`

// flows is the log as flat rows, replies swapped back into their connection. A record without is_reply goes
// from the larger port to the smaller: right for the generated capture, whose servers listen below 32768.
func flows(file string) string {
	return `
WITH raw AS (SELECT flow FROM read_json('` + strings.ReplaceAll(file, "'", "''") + `', columns=` + columns + `, format='newline_delimited', maximum_object_size=33554432)),
flat AS (SELECT flow.time::TIMESTAMP AS t, flow.verdict AS verdict, flow.traffic_direction AS direction,
  CASE WHEN flow.l4."TCP" IS NOT NULL THEN 'tcp' ELSE 'udp' END AS proto,
  coalesce(flow.l4."TCP".source_port, flow.l4."UDP".source_port) AS sport,
  coalesce(flow.l4."TCP".destination_port, flow.l4."UDP".destination_port) AS dport,
  flow."IP".source AS sip, flow."IP".destination AS dip,
  coalesce(flow.source.namespace,'') AS sns, flow.source.labels AS sl, coalesce(flow.destination.namespace,'') AS dns, flow.destination.labels AS dl,
  coalesce(flow.is_reply, coalesce(flow.l4."TCP".source_port, flow.l4."UDP".source_port) < coalesce(flow.l4."TCP".destination_port, flow.l4."UDP".destination_port)) AS reply
  FROM raw WHERE flow.l4."TCP" IS NOT NULL OR flow.l4."UDP" IS NOT NULL),
conns AS (SELECT t, verdict, direction, proto,
  CASE WHEN reply THEN dl ELSE sl END AS cl, CASE WHEN reply THEN sl ELSE dl END AS vl,
  CASE WHEN reply THEN dip ELSE sip END AS cip, CASE WHEN reply THEN sip ELSE dip END AS vip,
  CASE WHEN reply THEN sport ELSE dport END AS port FROM flat)`
}

func open() (*sql.DB, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec("SET threads TO 2; SET preserve_insertion_order = false")
	return db, err
}

// duckEdges prints the edge table: client labels, server labels, protocol, port, count, first, last (microseconds).
func duckEdges(file string, w io.Writer) error {
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(flows(file) + `
SELECT array_to_string(cl, chr(1)), array_to_string(vl, chr(1)), CASE WHEN list_contains(cl,'reserved:world') THEN cip ELSE '' END,
  CASE WHEN list_contains(vl,'reserved:world') THEN vip ELSE '' END, proto, port, count(*), epoch_us(min(t)), epoch_us(max(t))
FROM conns GROUP BY ALL`)
	if err != nil {
		return err
	}
	defer rows.Close()
	out := bufio.NewWriter(w)
	for rows.Next() {
		var cl, vl, cip, vip, proto string
		var port, n, first, last int64
		if err := rows.Scan(&cl, &vl, &cip, &vip, &proto, &port, &n, &first, &last); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%d/%s\t%d\t%d\t%d\n", cl, vl, cip, vip, port, proto, n, first, last)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return out.Flush()
}

// duckCopy writes the log to Parquet with eleven flat columns, as a user would before querying it again and again.
func duckCopy(file, to string) error {
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec("COPY (" + flows(file) + " SELECT t, sns, array_to_string(sl, ',') AS slabels, dns, array_to_string(dl, ',') AS dlabels, sport, dport, proto, verdict, direction, reply FROM flat) TO '" +
		strings.ReplaceAll(to, "'", "''") + "' (FORMAT parquet, COMPRESSION zstd)")
	return err
}
