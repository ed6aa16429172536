package live

import "strings"

// maxMessage is how much of a text of a server's is told and kept: gRPC takes megabytes of it.
const maxMessage = 1 << 10

// Brief is the beginning of a text that a server sent.
func Brief(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "..."
}

// brief is an error of which no more is told than Brief.
type brief struct{ error }

func (b brief) Error() string { return Brief(b.error.Error()) }
func (b brief) Unwrap() error { return b.error }

// BriefError is an error with a text that a server may have written.
func BriefError(err error) error {
	if len(err.Error()) <= maxMessage {
		return err
	}
	return brief{err}
}
