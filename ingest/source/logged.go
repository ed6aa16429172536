package source

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// logged is how a line of a program's own log begins: hubble's on stderr, and that of Cilium's agent, which writes
// flows between where it exports to stdout (hubble-export-file-path). It is logrus up to Cilium 1.17, slog from 1.18,
// klog. A pipeline may put a prefix before each.
var logged = regexp.MustCompile(`^(?:[^"{}]*[ \]])?(?:` +
	`(?:time="?[0-9]{4}-[0-9T:.Z+-]+"? )?level=[a-zA-Z]+ (?:source=\S+ )?msg=` +
	`|[IWEF][0-9]{4} [0-9:.]{8,15} +[0-9]+ [\w.-]+:[0-9]+\] ` +
	`)`)

const (
	maxLoggedHead = 1 << 9
	maxLogged     = 1 << 20 // more than a line of a log has
)

// isLogged reports whether a text in which no record was found, nor a part of one, is a line of a program's own log.
func isLogged(text []byte) bool {
	if len(text) > maxLogged {
		return false
	}
	if text[0] == '{' || text[0] == '[' {
		var v any
		if json.Unmarshal(text, &v) == nil {
			return holdsLogged(v)
		}
	}
	head := logged.Find(text[:min(len(text), maxLoggedHead)])
	if head == nil {
		return false
	}
	message := text[len(head):]
	if len(message) == 0 || message[0] != '"' {
		return true
	}
	_, err := strconv.QuotedPrefix(string(message))
	return err == nil
}

// holdsLogged reports whether a value has such a line somewhere, or is one that was written as JSON.
func holdsLogged(v any) bool {
	switch v := v.(type) {
	case string:
		return len(v) > 0 && isLogged([]byte(v))
	case []any:
		return slices.ContainsFunc(v, holdsLogged)
	case map[string]any:
		_, level := v["level"].(string)
		_, msg := v["msg"].(string)
		return level && msg || slices.ContainsFunc(slices.Collect(maps.Values(v)), holdsLogged)
	}
	return false
}
