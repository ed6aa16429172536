// Package run is what the commands share below their flags: it opens sources as a Log, reads policies and bundles,
// learns and verifies. It prints nothing, knows no flag and exits nowhere: what went wrong is an error with a type
// (Usage, Incomplete, Findings, or any other), and what takes long is told to a Watch.
//
// A command is: Open, check, work, show, and at the end Log.Incomplete before its findings.
package run

// Watch is told of work that may take long: what is done, or how many bytes are to be read, 0 for unknown. While it
// goes on add is told of bytes and records that came on top, by any goroutine, and at the end done is called.
type Watch func(what string, bytes int64) (add func(bytes, records int64), done func())

// during does something under the eyes of a watch, which may be nil.
func (w Watch) during(what string, do func() error) error {
	_, done := w.start(what, 0)
	defer done()
	return do()
}

func (w Watch) start(what string, bytes int64) (add func(bytes, records int64), done func()) {
	if w == nil {
		return func(int64, int64) {}, func() {}
	}
	return w(what, bytes)
}
