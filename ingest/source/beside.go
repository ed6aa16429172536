package source

import (
	"bytes"
	"regexp"
)

// beside are lines without a record that programs write before and between those of a log. They are no records, and
// none is lost with them. Any other text counts as malformed: it may be what is left of a record.
var beside = regexp.MustCompile("^(?:" +
	`==> .* <==` + // tail and head, of several files
	`|(?:- +)?[\w.@-]+: *[|>][+-]?` + // YAML before a text of lines
	"|```\\w*" + // Markdown
	`|(?:#|//).*` + // comments
	`|[-+=| ]{3,}|\.\.\.` + // rules of tables, documents of YAML
	`|[─│┌┐└┘├┤┬┴┼ \w]*[─┌└├┼][─│┌┐└┘├┤┬┴┼ \w]*` +
	`|\([0-9]+ rows?\)|[0-9]+ rows? in set.*` + // what clients of databases say behind one
	`|\|(?: *"?[A-Za-z_@][\w.@ -]*"? *\|)+` + // names of columns in a table
	`|_{0,2}[A-Z][A-Z0-9_]*=.*|MESSAGE` + // fields of a journal's export form
	`|Defaulted container ".*` + // kubectl logs, and kubectl port-forward
	`|Handling connection for [0-9]+|Forwarding from \S+ -> [0-9]+` +
	`|--|-- .* --|-{5} got message -{5}` + // grep between matches; journalctl; Pulsar's client
	`|Processed a total of [0-9]+ messages|% Reached end of topic .*` + // Kafka's clients
	`|\\\.|\(END\)` + // COPY of PostgreSQL; less
	`|[+-] \S+ › \S+` + // stern
	`|(?:[0-9]+\) +)+"[^"]*"` + // redis-cli
	`|\[#[0-9]+\] Received on ".*"` + // NATS
	`|Row [0-9]+:` + // ClickHouse, vertical
	`|Script (?:started|done) on .*` + // script
	")$")

// header is the first line of a table whose cells are separated: names alone.
var header = regexp.MustCompile(`^(?:` +
	`(?:"[A-Za-z_@][\w.@ -]*"|[A-Za-z_@][\w.@-]*)(?:[,;\t](?:"[A-Za-z_@][\w.@ -]*"|[A-Za-z_@][\w.@-]*))+` +
	`|"?(?:_raw|@?message|log|line|textPayload|json_?[pP]ayload)"?` +
	`)$`)

// isBeside reports whether a text in which no record was found is none either; first says that it begins the input.
func isBeside(text []byte, first bool) bool {
	const most = 1 << 10
	if len(text) > most || text[0] == '}' || bytes.IndexByte(text, '{') >= 0 || bytes.HasPrefix(text, journalText) {
		return false
	}
	if first && header.Match(text) {
		return true
	}
	c, end := text[0], text[len(text)-1]
	return (c < 'a' || c > 'z' || c == '`' || end == '|' || end == '>' || end == '-' || end == '+') && beside.Match(text)
}

// journalText begins the field of a journal's export form that has the text.
var journalText = []byte("MESSAGE=")
