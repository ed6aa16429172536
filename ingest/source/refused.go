package source

import (
	"bytes"
	"errors"
)

// refused are texts that tell of flows and cannot be read, by all that stands in them, and what to do about it.
var refused = []struct {
	what  string
	marks []string
}{
	// A record that OpenTelemetry's collector has read into a map.
	{"records of OpenTelemetry with parsed bodies (kvlistValue), which are not read: " +
		"have the collector keep the text of each record (receiver filelog without json_parser)", []string{`"kvlistValue"`}},
	{observed, []string{"(ID:", "FORWARDED ("}},
	{observed, []string{"(ID:", "DROPPED ("}},
	{observed, []string{"TIMESTAMP", "SOURCE", "DESTINATION", "VERDICT", "SUMMARY"}},
	// Elasticsearch and Splunk have members of members so.
	{flattened, []string{`flow.verdict"`}},
	{flattened, []string{`flow_verdict"`}},
}

const (
	observed  = "what hubble observe prints for people, which is not read: have it write -o jsonpb"
	flattened = "records taken apart into one member for each value (flow.verdict), which are not read: " +
		"have the pipeline keep the record whole, or its text"
)

// noLog is the error for an input that begins with a text in which no record was found.
func noLog(start []byte) error {
	for _, r := range refused {
		all := true
		for _, m := range r.marks {
			all = all && bytes.Contains(start, []byte(m))
		}
		if all {
			return errors.New(r.what)
		}
	}
	return errors.New("no flow log of Hubble or Calico")
}
