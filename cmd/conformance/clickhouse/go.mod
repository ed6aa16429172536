module sluice/cmd/conformance/clickhouse

go 1.26.0
