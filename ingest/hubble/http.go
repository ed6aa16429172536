package hubble

import (
	"net/url"
	"strings"

	"sluice/ingest"
)

// request is what the record of a proxy says of an HTTP request.
type request struct {
	url, host, id string
	traceparent   string
}

// request returns the host that an HTTP request is for, and what it is called in the records of all proxies that it
// passes: the id that Envoy gives it, else its trace. What cannot be read says nothing.
func (x *facts) request() (host, id []byte) {
	var q request
	trace := ""
	if x.message {
		q, trace = wireRequest(x.layer7), wireTrace(x.trace)
	} else {
		q, trace = jsonRequest(x.layer7), jsonTrace(x.trace)
	}
	u, err := url.Parse(q.url)
	if err == nil && u.Hostname() != "" {
		host = []byte(strings.ToLower(u.Hostname()))
	} else if u, err := url.Parse("//" + q.host); err == nil && u.Hostname() != "" {
		host = []byte(strings.ToLower(u.Hostname()))
	}
	if err == nil && len(host) > 0 && q.url != "" {
		host = append(host, pathOf(u)...)
	}
	if _, rest, ok := strings.Cut(q.traceparent, "-"); ok && trace == "" {
		trace, _, _ = strings.Cut(rest, "-")
	}
	switch {
	case q.id != "":
		id = []byte("id " + q.id)
	case trace != "":
		id = []byte("trace " + trace)
	}
	return host, id
}

// maxPath is how long a path may be to be kept.
const maxPath = 200

// pathOf is the path of a request, "" where it is too long or odd to be kept: then nobody knows it.
func pathOf(u *url.URL) string {
	p := u.EscapedPath()
	if p == "" {
		p = "/"
	}
	odd := func(s string) bool { return strings.Contains(p, s) }
	if p[0] != '/' || len(p) > maxPath || odd("//") || odd("/.") || odd("%") {
		return ""
	}
	return p
}

// header takes what a header of a request says.
func (q *request) header(key, value string) {
	switch strings.ToLower(key) {
	case "x-request-id":
		q.id = value
	case "host", ":authority":
		q.host = value
	case "traceparent":
		q.traceparent = value
	}
}

// jsonRequest reads the HTTP of an l7 object, which is valid JSON.
func jsonRequest(text []byte) (q request) {
	for k, v := range within(text, "http") {
		switch {
		case isNamed(k, "url"):
			q.url = textOf(v)
		case isNamed(k, "headers"):
			for v := range ingest.Elements(v) {
				var key, value []byte
				for k, v := range ingest.Keys(v) {
					switch {
					case isNamed(k, "key"):
						key = v
					case isNamed(k, "value"):
						value = v
					}
				}
				q.header(textOf(key), textOf(value))
			}
		}
	}
	return q
}

// jsonTrace reads the trace of a trace_context object, which is valid JSON.
func jsonTrace(text []byte) (id string) {
	for k, v := range within(text, "parent") {
		if isNamed(k, "trace_id") || isNamed(k, "traceId") {
			id = textOf(v)
		}
	}
	return id
}

// wireRequest reads the HTTP of a Layer7 message.
func wireRequest(b []byte) (q request) {
	const http, address, headers, key, value = 101, 3, 5, 1, 2
	_ = each(b, func(f *field) {
		if f.num != http || !f.text {
			return
		}
		_ = each(f.b, func(f *field) {
			switch {
			case f.text && f.num == address:
				q.url = string(f.b)
			case f.text && f.num == headers:
				var k, v string
				_ = each(f.b, func(f *field) {
					switch {
					case f.text && f.num == key:
						k = string(f.b)
					case f.text && f.num == value:
						v = string(f.b)
					}
				})
				q.header(k, v)
			}
		})
	})
	return q
}

// wireTrace reads the trace of a TraceContext message.
func wireTrace(b []byte) (id string) {
	const parent, trace = 1, 1
	_ = each(b, func(f *field) {
		if f.num == parent && f.text {
			_ = each(f.b, func(f *field) {
				if f.num == trace && f.text {
					id = string(f.b)
				}
			})
		}
	})
	return id
}
