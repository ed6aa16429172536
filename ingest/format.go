package ingest

import (
	"strings"

	"sluice/model"
)

// Format is a kind of log, such as Hubble's: one JSON object a record. How objects stand in files (lines, arrays,
// events, inside what a log pipeline wraps around them) is package source's business.
type Format struct {
	Name string // what sources of it are called: "hubble"
	// Sniff reports whether a JSON object is a record, judging by keys that no other log has. The object may be cut
	// off or broken anywhere: then what stands before counts.
	Sniff func(object []byte) bool
	// Signs are keys of which each record that Sniff tells has one, or an object in it, in letters of either case or
	// with escapes. None: it may be any.
	Signs []string
	// Empty reports whether an input begins as one of the format does that has no record in it. It may be nil.
	Empty func(head []byte) bool
	// New makes what the decoders of one run share, and returns what makes the decoder of one worker.
	New func(model.Tables) func(Sink) Decoder
}

// Decoder decodes the records of one format. It serves one goroutine.
type Decoder interface {
	// Record decodes a text without blanks around it. If the text is a record of the format, whole or broken, exactly
	// one method of the sink is called and the answer is true. Otherwise none is called and it is false, such as where
	// more stands behind the record.
	Record(source string, line int64, text []byte) bool
}

// excerpt is how many bytes of a record a rejection quotes.
const excerpt = 120

// Excerpt quotes the start of a text as a rejection's detail does.
func Excerpt(text []byte) string {
	return model.Printable(strings.ToValidUTF8(string(text[:min(len(text), excerpt)]), "."))
}
