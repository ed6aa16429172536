package source

import (
	"bytes"
	"errors"
	"slices"
)

// refused are texts that tell of flows and cannot be read, or that stand where a log should, by all that stands in
// them, and what to do about it.
var refused = []struct {
	what  string
	marks []string
}{
	// A record that OpenTelemetry's collector has read into a map.
	{"records of OpenTelemetry with parsed bodies (kvlistValue), which are not read: " +
		"have the collector keep the text of each record (receiver filelog without json_parser)", []string{`"kvlistValue"`}},
	{observed, []string{"(ID:", " -> "}},
	{observed, []string{"(ID:", " <> "}},
	{observed, []string{" -> ", " FORWARDED ("}},
	{observed, []string{" <> ", " DROPPED ("}},
	{observed, []string{" <> ", " TRACED ("}},
	{observed, []string{"   FORWARDED   "}},
	{observed, []string{"   DROPPED   "}},
	{observed, []string{"TIMESTAMP", "SOURCE", "DESTINATION", "VERDICT", "SUMMARY"}},
	{"what cilium monitor prints, which is not read: hubble observe -o jsonpb writes the same as flows",
		[]string{"-> endpoint ", " identity "}},
	{"what hubble says of itself, without flows: hubble observe -o jsonpb writes them", []string{`"num_flows"`, `"max_flows"`}},
	{"what hubble says of itself, without flows: hubble observe -o jsonpb writes them", []string{"Current/Max Flows: "}},
	{"the filters of hubble observe, without flows: leave --print-raw-filters out", []string{"allowlist:"}},
	// Elasticsearch and Splunk have members of members so.
	{flattened, []string{`flow.verdict"`}},
	{flattened, []string{`flow_verdict"`}},
	{flattened, []string{"flow.verdict="}},
	{flattened, []string{"flow.verdict = "}},
	{"texts packed with gzip in Base64 (H4sI), which are not read: base64 -d | gzip -d gives them", []string{`"H4sI`}},
	{streamed, []string{`[["flow",`}},
	{streamed, []string{`[["dest_namespace"],`}},
	{python, []string{"{'", "'verdict': "}},
	{python, []string{"{'", "'dest_namespace': "}},
	{python, []string{"{'", "'destNamespace': "}},
	{listed, []string{`"MESSAGE"`, "123,34,"}},
	{listed, []string{`"MESSAGE"`, "123, 34, "}},
	{leftOut, []string{`"MESSAGE":null`}},
	{leftOut, []string{`"MESSAGE" : null`}},
	{coloured, []string{"\x1b[", "verdict"}},
	{coloured, []string{"\x1b[", "dest_namespace"}},
	{markup, []string{"&quot;verdict&quot;"}},
	{markup, []string{"&quot;dest_namespace&quot;"}},
	{percent, []string{"%22verdict%22"}},
	{percent, []string{"%22dest_namespace%22"}},
	{"records in the text form of protobuf, which is not read: have them written as JSON", []string{"verdict: FORWARDED", " {"}},
	{"records in YAML, which are not read: yq -o json -I 0 FILE | sluice ... -", []string{"verdict: FORWARDED"}},
	{"a web page, as a login or a proxy sends it instead of a log: fetch the log once more", []string{"<html"}},
	{"an error of a server, no log: fetch the log once more", []string{"<Error>", "<Code>"}},
	{"a tar archive in which no log stands in the clear: tar -xf FILE, and give the directory", []string{"\x00ustar"}},
	{"a pointer of Git LFS, no log: git lfs pull fetches it", []string{"version https://git-lfs"}},
}

const (
	observed  = "what hubble observe prints for people, which is not read: have it write -o jsonpb"
	flattened = "records taken apart into one member for each value (flow.verdict), which are not read: " +
		"have the pipeline keep the record whole, or its text"
	streamed = "records taken apart by jq --stream, which are not read: jq -cn 'fromstream(inputs)' FILE | sluice ... -"
	python   = "records as Python prints them, with single quotes, which are not read: have it write json.dumps(record)"
	listed   = "texts as lists of bytes, as journalctl -o json has those with other than plain characters: " +
		"journalctl -o cat writes them as they are"
	leftOut = "texts left out, as journalctl -o json does with those over 4096 bytes: add --all, or write -o cat"
	// The command stands in quotes of a shell.
	coloured = "JSON with colours, which is not read: jq -M writes none, sed 's/\\x1b\\[[0-9;]*m//g' FILE removes them"
	markup   = "records escaped for XML or HTML, which are not read: have them exported as JSON or as raw text"
	percent  = "records escaped for addresses (%22), which are not read: have them sent as JSON"
	encoded  = "records in Base64 over several lines, which is not read: base64 -d FILE | sluice ... -"
)

// remedy says of a text in which no record was found what it is, and what to do about it; "" where that is not known.
func remedy(text []byte) string {
	for _, r := range refused {
		all := true
		for _, m := range r.marks {
			all = all && bytes.Contains(text, []byte(m))
		}
		if all {
			return r.what
		}
	}
	if line, rest, _ := bytes.Cut(text, newline); isBase64(line) && len(rest) > 0 {
		return encoded
	}
	return ""
}

// keptParts are marks of parts of a line: in a list or in a member of a member nobody knows which one comes next.
var keptParts = [][]byte{[]byte(" stdout P "), []byte(" stderr P "), []byte(`"_p":"P"`), []byte(`"logtag":"P"`),
	[]byte(`"_partial":true`), []byte(`"partial_message":"true"`)}

const keptPart = "a part of a line that the runtime split, where parts are not joined: have the pipeline join them " +
	"(multiline.parser cri of Fluent Bit, concat of Fluentd, auto_partial_merge of Vector)"

// isKeptPart reports whether what is cut off in a text is a part of a line.
func isKeptPart(text []byte) bool {
	return slices.ContainsFunc(keptParts, func(mark []byte) bool { return bytes.Contains(text, mark) })
}

// remedyOf is remedy of one text among records.
func remedyOf(text []byte) string {
	for _, start := range []string{"\x1F\x8B", "\x28\xB5\x2F\xFD"} {
		if bytes.HasPrefix(text, []byte(start)) {
			return "packed text behind plain text, which is not read: unpack each file, and then join them (zcat -f FILE...)"
		}
	}
	if bytes.HasPrefix(text, []byte("{'")) || text[0] == '{' && bytes.Contains(text, []byte(`"MESSAGE"`)) {
		return remedy(text)
	}
	return ""
}

// noLog is the error for an input that begins with a text in which no record was found.
func noLog(start []byte) error {
	if what := remedy(start); what != "" {
		return errors.New(what)
	}
	return errors.New("no flow log of Hubble or Calico")
}
