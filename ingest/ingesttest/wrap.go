package ingesttest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Wrapping is what runtimes and pipelines make of a log.
type Wrapping struct {
	Name string
	Wrap func(records []string) string
	// Beside is how many records more there are in it that are no flows.
	Beside int
}

const at = "2026-03-01T10:00:00.123456789Z"

// Wrappings are the ways in which logs arrive, each one of a kind.
var Wrappings = []Wrapping{
	{Name: "lines", Wrap: lines("%s")},
	{Name: "lines of CRLF with blank ones", Wrap: lines("\r\n%s\r")},
	{Name: "without the last line's end", Wrap: func(r []string) string { return strings.Join(r, "\n") }},
	{Name: "one after the other", Wrap: func(r []string) string { return strings.Join(r, "") }},
	{Name: "array on a line", Wrap: list("[", ",", "]")},
	{Name: "array over lines", Wrap: list("[\n  ", ",\n  ", "\n]\n")},
	{Name: "pretty", Wrap: func(r []string) string { return strings.Join(each(r, pretty), "\n") }},
	{Name: "pretty array", Wrap: func(r []string) string { return pretty("[" + strings.Join(r, ",") + "]") }},
	{Name: "text sequence", Wrap: lines("\x1e%s")},
	{
		Name: "server-sent events",
		Wrap: func(r []string) string { return ": hi\nevent: flow\nid: 4\n" + lines("data: %s\n")(r) + "retry: 10\n" },
	},

	{Name: "CRI", Wrap: lines(at + " stdout F %s")},
	{Name: "CRI with parts", Wrap: parts(at+" stdout P %s\n", at+" stdout F %s\n")},
	{
		Name: "CRI with parts of two streams",
		Wrap: parts(at+" stdout P %s\n"+at+" stderr F level=info msg=hello\n", at+" stdout F %s\n"),
	},
	{
		Name: "Docker",
		Wrap: func(r []string) string { return docker(each(r, func(s string) string { return s + "\n" })) },
	},
	{Name: "Docker with parts", Wrap: func(r []string) string {
		var pieces []string
		for _, s := range r {
			pieces = append(pieces, s[:len(s)/3], s[len(s)/3:len(s)/2], s[len(s)/2:]+"\n")
		}
		return docker(pieces)
	}},
	{Name: "Fluent Bit's CRI with parts", Wrap: func(r []string) string {
		var b strings.Builder
		for _, s := range r {
			fmt.Fprintf(&b, "{\"time\":%q,\"stream\":\"stdout\",\"_p\":\"P\",\"log\":%s}\n", at, quote(s[:len(s)/2]))
			fmt.Fprintf(&b, "{\"time\":%q,\"stream\":\"stdout\",\"_p\":\"F\",\"log\":%s}\n", at, quote(s[len(s)/2:]))
		}
		return b.String()
	}},
	{Name: "CRI with parts as text", Beside: 3, Wrap: func(r []string) string {
		var b strings.Builder
		for i, s := range r {
			fmt.Fprintf(&b, "{\"log\":%s,\"kubernetes\":{\"pod_name\":\"p-%d\"}}\n", quote(at+" stdout P "+s[:len(s)/2]), i)
			fmt.Fprintf(&b, "{\"log\":%s,\"kubernetes\":{\"pod_name\":\"q\"}}\n", quote(at+" stdout F level=info"))
			fmt.Fprintf(&b, "{\"log\":%s,\"kubernetes\":{\"pod_name\":\"p-%d\"}}\n", quote(at+" stdout F "+s[len(s)/2:]), i)
		}
		return b.String()
	}},
	{Name: "Vector with parts", Wrap: func(r []string) string {
		var b strings.Builder
		for _, s := range r {
			fmt.Fprintf(&b, "{\"_partial\":true,\"file\":\"/a\",\"message\":%s,\"stream\":\"stdout\"}\n", quote(s[:len(s)/2]))
			fmt.Fprintf(&b, "{\"file\":\"/a\",\"message\":%s,\"stream\":\"stdout\"}\n", quote(s[len(s)/2:]))
		}
		return b.String()
	}},
	{Name: "Base64", Wrap: func(r []string) string {
		return strings.Join(each(r, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), "\n")
	}},
	{Name: "headers of files", Wrap: func(r []string) string {
		return "==> a.log <==\n" + strings.Join(r, "\n\n==> b.log <==\n") + "\n"
	}},
	{Name: "zero bytes", Wrap: lines(strings.Repeat("\x00", 100) + "%s")},
	{Name: "a member flow", Wrap: lines(`{"host":{"name":"a"},"flow":%s,"flow_count":1}`)},
	{Name: "kubectl logs --prefix", Wrap: lines("[pod/cilium-x2x4z/cilium-agent] %s")},
	{Name: "kubectl logs --timestamps", Wrap: lines(at + " %s")},
	{Name: "kubectl logs --prefix --timestamps", Wrap: lines("[pod/cilium-x2x4z/cilium-agent] " + at + " %s")},
	{Name: "log of a program", Wrap: func(r []string) string {
		return "time=\"" + at + "\" level=info msg=\"a \\\"quoted\\\" start\" subsys=daemon\n" + lines("%s")(r)
	}},
	{Name: "message of a program", Wrap: func(r []string) string {
		return lines("time=" + at + " level=info msg=%s subsys=hubble")(each(r, strconv.Quote))
	}},
	{Name: "events of Tetragon between", Wrap: func(r []string) string {
		return lines("%s")(each(r, func(s string) string {
			return s + "\n" + `{"process_exec":{"process":{"binary":"/bin/echo","arguments":` + quote(s) +
				`,"pod":{"namespace":"a"}}},"node_name":"n","time":"` + at + `"}`
		}))
	}},
	{Name: "what redis-cli prints", Wrap: func(r []string) string {
		return lines("1) 1) \"1740823200000-0\"\n   2) 1) \"flow\"\n      2) %s")(each(r, quote))
	}},
	{
		Name: "VictoriaLogs",
		Wrap: escaped("{\"_time\":\""+at+"\",\"_stream\":\"{pod=\\\"a\\\",app=\\\"b\\\"}\",\"_msg\":%s}\n", "", "", ""),
	},
	{Name: "GELF with an excerpt", Wrap: func(r []string) string {
		return lines("%s")(each(r, func(s string) string {
			return `{"host":"a","short_message":` + quote(s[:min(len(s), 64)]) + `,"full_message":` + quote(s) + `,"level":6}`
		}))
	}},
	{Name: "syslog", Wrap: lines("<14>1 " + at + " node-a hubble - - - %s")},
	{Name: "Fluentd", Wrap: lines(at + "\tkube.hubble\t%s")},
	{
		Name: "Fluentd with a tag and a log",
		Wrap: escaped(at+"\tkube.hubble\t{\"log\":%s,\"stream\":\"stdout\"}\n", "", "", ""),
	},
	{Name: "key of Kafka", Wrap: lines("node-a|42|%s")},

	{Name: "Loki's logcli", Wrap: lines(at + ` {app="hubble", container="agent"} %s`)},
	{
		Name: "Loki's logcli as JSON",
		Wrap: escaped("{\"labels\":{\"app\":\"hubble\"},\"line\":%s,\"timestamp\":\""+at+"\"}\n", "", "", ""),
	},
	{
		Name: "Loki's API",
		Wrap: escaped(`["1740823200000000000",%s]`, `{"status":"success","data":{"resultType":"streams","result":[`+
			`{"stream":{"app":"hubble"},"values":[`, ",", `]}],"stats":{"summary":{"x":[1,2]}}}}`),
	},
	{Name: "Loki's API, pretty", Wrap: func(r []string) string {
		return pretty(
			`{"status":"success","data":{"result":[{"stream":{},"values":[` + strings.Join(
				each(r, func(s string) string {
					return `["1",` + quote(s) + `,{"trace":"x"}]`
				}),
				",",
			) + `]}]}}`,
		)
	}},
	{Name: "Elasticsearch's hits", Wrap: func(r []string) string {
		return `{"took":3,"hits":{"total":{"value":9},"hits":[` + strings.Join(each(r, func(s string) string {
			return `{"_index":"hubble","_id":"x","_source":` + s + `,"sort":[1]}`
		}), ",") + `]},"aggregations":{"a":{"buckets":[{"key":"}"}]}}}`
	}},
	{Name: "Elasticsearch's hits over lines", Wrap: func(r []string) string {
		return "{\"hits\":{\"hits\":[\n" + strings.Join(
			each(r, func(s string) string { return `{"_source":` + s + `}` }),
			",\n",
		) + "\n]}}\n"
	}},
	{Name: "Elasticsearch's documents", Wrap: lines(`{"_index":"hubble","_source":%s}`)},
	{
		Name: "Elasticsearch's documents of messages",
		Wrap: escaped("{\"_source\":{\"@timestamp\":\""+at+"\",\"message\":%s,\"source\":\"/var/log\"}}\n", "", "", ""),
	},
	{Name: "Logstash with the original", Wrap: func(r []string) string {
		return lines("%s")(each(r, func(s string) string {
			return `{"message":` + quote(s) + `,"event":{"original":` + quote(pretty(s)) + `}}`
		}))
	}},
	{Name: "Fluent Bit with the log kept", Wrap: func(r []string) string {
		return lines("%s")(each(r, func(s string) string {
			return `{"log":` + quote(s) + `,"log_processed":` + s + `,"kubernetes":{"labels":{}}}`
		}))
	}},
	{
		Name: "Fluent Bit",
		Wrap: escaped(
			"{\"date\":1.5,\"log\":%s,\"kubernetes\":{\"pod_name\":\"x\",\"labels\":{\"a\":\"b\"}}}\n",
			"",
			"",
			"",
		),
	},
	{
		Name: "Vector",
		Wrap: escaped("{\"file\":\"/var/log/x\",\"message\":%s,\"source_type\":\"kubernetes_logs\"}\n", "", "", ""),
	},
	{Name: "journald", Wrap: escaped("{\"__CURSOR\":\"s=1\",\"MESSAGE\":%s,\"PRIORITY\":\"6\"}\n", "", "", "")},
	{
		Name: "Splunk's export",
		Wrap: escaped(
			"{\"preview\":false,\"result\":{\"_raw\":%s,\"source\":\"hec\",\"sourcetype\":\"_json\"}}\n",
			"",
			"",
			"",
		),
	},
	{
		Name: "Splunk's results",
		Wrap: escaped(`{"_time":"x","_raw":%s}`, `{"init_offset":0,"messages":[],"results":[`, ",", `]}`),
	},
	{Name: "cells of CSV", Wrap: func(r []string) string {
		return "time,_raw,host\n" + lines(
			`"`+at+`","%s",node-a`,
		)(
			each(r, func(s string) string { return strings.ReplaceAll(s, `"`, `""`) }),
		)
	}},
	{
		Name: "Cloud Logging",
		Wrap: list(
			`[{"insertId":"a","jsonPayload":`,
			`,"resource":{"labels":{}}},{"insertId":"b","jsonPayload":`,
			`}]`,
		),
	},
	{Name: "Cloud Logging's text", Wrap: func(r []string) string {
		return pretty(
			"[" + strings.Join(
				each(r, func(s string) string { return `{"textPayload":` + quote(s+"\n") + `}` }),
				",",
			) + "]",
		)
	}},
	{
		Name: "CloudWatch",
		Wrap: escaped(
			`{"timestamp":1,"message":%s,"ingestionTime":2}`,
			`{"events":[`,
			",",
			`],"nextForwardToken":"f/1"}`,
		),
	},
	{
		Name: "CloudWatch's queries",
		Wrap: escaped(
			`[{"field":"@timestamp","value":"x"},{"field":"@message","value":%s}]`,
			`{"results":[`,
			",",
			`],"status":"Complete"}`,
		),
	},
	{
		Name: "Azure's tables",
		Wrap: escaped(`["x",%s]`, `{"tables":[{"name":"t","columns":[{"name":"a"}],"rows":[`, ",", `]}]}`),
	},
	{
		Name: "OpenTelemetry",
		Wrap: escaped(
			`{"timeUnixNano":"1","body":{"stringValue":%s}}`,
			`{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"logRecords":[`,
			",",
			`]}]}]}`,
		),
	},
	{
		Name: "OpenTelemetry's lines",
		Wrap: batches(escaped(
			`{"timeUnixNano":"1","body":{"stringValue":%s},"attributes":[{"key":"a","value":{"stringValue":"b"}}]}`,
			`{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"scope":{},"logRecords":[`,
			",",
			`]}]}]}`,
		)),
	},
	{Name: "OpenTelemetry's lines with what was read of them", Wrap: batches(func(r []string) string {
		return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Join(each(r, func(s string) string {
			of := strings.Repeat(`{"key":"k","value":{"kvlistValue":{"values":[{"key":"flow","value":{"stringValue":"{a}"}}]}}},`, len(s)%5)
			return `{"timeUnixNano":"1","body":{"stringValue":` + quote(s) + `},"attributes":[` + of + `{}],"traceId":""}`
		}), ",") + `]}]}]}`
	})},
	{
		Name: "pushes of Loki",
		Wrap: batches(escaped(`["1740823200000000000",%s]`, `{"streams":[{"stream":{"app":"hubble"},"values":[`, ",", `]}]}`)),
	},
	{
		Name: "CloudWatch's subscriptions",
		Wrap: batches(escaped(`{"id":"1","timestamp":2,"message":%s}`, `{"logGroup":"g","logEvents":[`, ",", `]}`)),
	},
	{Name: "batches of Azure", Wrap: batches(list(`{"records":[{"p":`, `},{"p":`, `}]}`))},
	{Name: "batches", Wrap: batches(list("[", ",", "]"))},
	{Name: "Logstash with the original text", Wrap: func(r []string) string {
		return lines("%s")(each(r, func(s string) string {
			return `{"event":{"original":` + quote(s) + `},"message":` + quote(s) + `,"host":{"name":"a"}}`
		}))
	}},
	{Name: "Base64", Wrap: func(r []string) string {
		return lines(
			`{"message":{"data":"%s","messageId":"1"}}`,
		)(
			each(r, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		)
	}},
	{Name: "escaped braces", Wrap: func(r []string) string {
		return lines(`{"log":%s}`)(each(r, func(s string) string {
			return strings.NewReplacer("{", `\u007b`, "}", `\u007D`, `\"`, `\u0022`).Replace(quote(s))
		}))
	}},
	{Name: "a message in CRI in Fluent Bit in Loki", Wrap: func(r []string) string {
		return lines("%s")(each(r, func(s string) string {
			s = "level=info msg=" + strconv.Quote(s)
			s = `{"log":` + quote(at+" stdout F "+s+"\n") + `}`
			return `{"labels":{},"line":` + quote(s) + `}`
		}))
	}},
}

func each(records []string, change func(string) string) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = change(r)
	}
	return out
}

func lines(format string) func([]string) string {
	return func(records []string) string {
		var b strings.Builder
		for _, r := range records {
			fmt.Fprintf(&b, format+"\n", r)
		}
		return b.String()
	}
}

// batches makes lines of some records each.
func batches(of func([]string) string) func([]string) string {
	return func(records []string) string {
		var b strings.Builder
		for i := 0; i < len(records); {
			n := min(1+i%4, len(records)-i)
			b.WriteString(of(records[i:i+n]) + "\n")
			i += n
		}
		return b.String()
	}
}

func list(begin, between, end string) func([]string) string {
	return func(records []string) string { return begin + strings.Join(records, between) + end }
}

// escaped puts each record as a JSON string into format, and these into a list.
func escaped(format, begin, between, end string) func([]string) string {
	return func(records []string) string {
		return begin + strings.Join(
			each(records, func(r string) string { return fmt.Sprintf(format, quote(r)) }),
			between,
		) + end
	}
}

func parts(part, rest string) func([]string) string {
	return func(records []string) string {
		var b strings.Builder
		for _, r := range records {
			fmt.Fprintf(&b, part+rest, r[:len(r)/2], r[len(r)/2:])
		}
		return b.String()
	}
}

func docker(pieces []string) string {
	return lines(
		"%s",
	)(
		each(pieces, func(s string) string { return `{"log":` + quote(s) + `,"stream":"stdout","time":"` + at + `"}` }),
	)
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func pretty(s string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted:
			if b.WriteByte(c); c == '\\' {
				i++
				b.WriteByte(s[i])
			} else if c == '"' {
				quoted = false
			}
		case c == '{' || c == '[':
			depth++
			b.WriteString(string(c) + "\n" + strings.Repeat("  ", depth))
		case c == '}' || c == ']':
			depth--
			b.WriteString("\n" + strings.Repeat("  ", depth) + string(c))
		case c == ',':
			b.WriteString(",\n" + strings.Repeat("  ", depth))
		default:
			quoted = c == '"'
			b.WriteByte(c)
		}
	}
	return b.String()
}
