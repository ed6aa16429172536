package live

import "strings"

// maxMessage is how much of a text of a server's is told and kept: gRPC takes megabytes of it.
const maxMessage = 1 << 10

// Brief is the beginning of a text that a server sent, in one line.
func Brief(text string) string {
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "..."
	}
	return strings.Join(strings.Fields(text), " ")
}

// brief is an error of which no more is told than Brief.
type brief struct{ error }

func (b brief) Error() string { return Brief(b.error.Error()) }
func (b brief) Unwrap() error { return b.error }

// BriefError is an error with a text that a server may have written.
func BriefError(err error) error {
	if text := err.Error(); Brief(text) == text {
		return err
	}
	return brief{err}
}
