package source

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"sluice/ingest"
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

// tetragon is how an event begins that Tetragon exports, which shares the pipelines of Cilium and its pods. It holds no
// flow, whatever the arguments of a process say.
var tetragon = regexp.MustCompile(`^\{"process_[a-z_]{1,16}": ?\{"(?:process|parent)": ?\{`)

// isTetragon reports whether a text is such an event.
func isTetragon(text []byte) bool {
	return bytes.HasPrefix(text, []byte(`{"process_`)) && tetragon.Match(text)
}

// isLogged reports whether a text in which no record was found, nor a part of one, is a line of a program's own log.
func isLogged(text []byte) bool {
	if len(text) > maxLogged {
		return false
	}
	if text[0] == '{' || text[0] == '[' {
		if !saysLogged(text) {
			return false
		}
		if json.Valid(text) && isMessage(text) {
			return true
		}
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

// saysLogged reports whether a line of a log may stand somewhere in a JSON text: it has a level and a message, or is
// klog's.
func saysLogged(text []byte) bool {
	has := func(mark string) bool { return bytes.Contains(text, []byte(mark)) }
	return has("level") && has("msg") || has("] ") || has(`\u`)
}

// isMessage reports whether an object is such a line.
func isMessage(object []byte) bool {
	level, msg := false, false
	for k, v := range ingest.Keys(object) {
		switch string(k) {
		case "level":
			level = v[0] == '"'
		case "msg":
			msg = v[0] == '"'
		}
	}
	return object[0] == '{' && level && msg
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
