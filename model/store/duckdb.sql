-- Views of a store for DuckDB 1.2 or later, run in the store's directory: duckdb -init duckdb.sql
-- Only what a commit names is part of the store, so the files come from the commits, not from a pattern.

-- A commit that replaces others holds the same rows; the others may be there for some minutes.
SET VARIABLE commits = (SELECT list(c) FROM read_json('v1/commits/*.json',
  columns = {number: 'BIGINT', replaces: 'BIGINT[][]', segments: 'STRUCT(path VARCHAR, labels VARCHAR)[]'}) AS c);
SET VARIABLE replaced = (SELECT coalesce(list(r), []) FROM (SELECT unnest(c.replaces) AS r FROM (SELECT unnest(getvariable('commits')) AS c)));
SET VARIABLE segments = (SELECT list(s) FROM (SELECT unnest(c.segments) AS s FROM (SELECT unnest(getvariable('commits')) AS c)
  WHERE len(list_filter(getvariable('replaced'), lambda r: c.number BETWEEN r[1] AND r[2])) = 0));
SET VARIABLE flow_files = list_transform(getvariable('segments'), lambda s: s.path);
SET VARIABLE label_files = list_transform(getvariable('segments'), lambda s: s.labels);

CREATE OR REPLACE TEMP MACRO verdict_name(n) AS ['unknown', 'forwarded', 'dropped', 'error', 'audit', 'redirected', 'traced', 'translated'][n + 1];
CREATE OR REPLACE TEMP MACRO observer_name(n) AS ['destination', 'to-proxy', 'to-network', 'to-overlay', 'to-stack', 'source', 'policy-verdict', 'drop', 'l7', 'elsewhere'][n + 1];
CREATE OR REPLACE TEMP MACRO fate_name(n) AS ['malformed', 'used', 'reply', 'duplicate', 'denied', 'irrelevant', 'refused', 'undecided'][n + 1];
CREATE OR REPLACE TEMP MACRO reason_name(n) AS ['', 'not-a-flow', 'socket-event', 'debug-event', 'icmp-error', 'neighbor-discovery', 'health', 'own-node', 'self', 'related', 'non-policy-drop', 'auth-required', 'verdict-other', 'service-address', 'transit', 'ghost', 'node-to-node', 'tunnel-outer', 'field-masked', 'empty-endpoint', 'unknown-identity', 'unlabelled', 'undecided', 'no-port', 'bad-time', 'no-address', 'aggregated', 'unknown-verdict', 'bad-json', 'bad-value', 'too-long', 'truncated', 'not-a-flow-log', 'node-address', 'backend', 'at-egress', 'at-ingress'][n + 1];
CREATE OR REPLACE TEMP MACRO proto_name(n) AS CASE n WHEN 0 THEN 'unknown' WHEN 1 THEN 'icmp' WHEN 2 THEN 'igmp' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 58 THEN 'icmpv6' WHEN 112 THEN 'vrrp' WHEN 132 THEN 'sctp' ELSE n::VARCHAR END;

-- Ids mean something within one pair of files, so the key of a label is its pair's number and its id in one. (Two
-- columns would do as well, but then the optimizer may join labels with labels first.)
CREATE OR REPLACE TEMP MACRO label_key(pair, id) AS pair::BIGINT * 4294967296 + id;

CREATE OR REPLACE TEMP VIEW label AS
SELECT label_key(list_position(getvariable('label_files'), filename), id) AS key, * EXCLUDE (filename, id)
FROM read_parquet(getvariable('label_files'), filename = true, hive_partitioning = false);

CREATE OR REPLACE TEMP VIEW flow AS
SELECT f.* EXCLUDE (pair, src, dst, src_pod, dst_pod), s AS source, d AS destination, sp.name AS source_pod, dp.name AS destination_pod
FROM (SELECT * EXCLUDE (filename, proto, verdict, observer, fate, reason), list_position(getvariable('flow_files'), filename) AS pair,
    proto_name(proto) AS proto, verdict_name(verdict) AS verdict, observer_name(observer) AS observer,
    fate_name(fate) AS fate, reason_name(reason) AS reason
  FROM read_parquet(getvariable('flow_files'), filename = true, hive_partitioning = true, hive_types_autocast = false)) f
JOIN label s ON s.key = label_key(pair, src)
JOIN label d ON d.key = label_key(pair, dst)
LEFT JOIN label sp ON sp.key = label_key(pair, src_pod)
LEFT JOIN label dp ON dp.key = label_key(pair, dst_pod);

-- For example, who talks to whom:
--   SELECT source.namespace, source.labels, destination.namespace, destination.labels, port, proto,
--          sum(records) AS records, min(first) AS first, max(last) AS last
--   FROM flow WHERE fate = 'used' GROUP BY ALL ORDER BY records DESC;
