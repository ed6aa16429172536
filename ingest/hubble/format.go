package hubble

import (
	"bytes"
	"encoding/json"
	"slices"

	"sluice/ingest"
	"sluice/model"
)

// Format is Hubble's log: what the exporter writes and `hubble observe -o jsonpb` prints, with the flow under "flow" or
// without that.
var Format = ingest.Format{
	Name:  "hubble",
	Sniff: Sniff,
	Signs: signs,
	New: func(t model.Tables) func(ingest.Sink) ingest.Decoder {
		var first *Decoder
		return func(s ingest.Sink) ingest.Decoder {
			if first == nil {
				first = New(t, s)
				return first
			}
			return first.Sibling(s)
		}
	},
}

// Sniff reports whether an object is a record: it has a flow or one of the other events of the stream under its name,
// or is a flow itself.
func Sniff(object []byte) bool {
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	signs, low := 0, [maxKey]byte{}
	for k, v := range ingest.Keys(object) {
		switch string(lower(k, &low)) {
		case "flow":
			if v[0] == '{' && isFlow(v, true) {
				return true
			}
		case "lost_events",
			"agent_event",
			"debug_event",
			"node_status",
			"lostevents",
			"agentevent",
			"debugevent",
			"nodestatus":
			if v[0] == '{' {
				return true
			}
		case "verdict":
			if v[0] == '"' || v[0]-'0' <= 9 {
				signs += 2
			}
		case "source", "destination", "ip":
			if v[0] != '{' && v[0] != 'n' {
				return false // where others say what they read
			}
			signs++
		case "l4", "l7":
			if v[0] == '{' {
				signs += 2
			}
		}
		if signs >= 4 {
			return true
		}
	}
	return signs >= 2
}

// signs are the keys that Sniff looks for.
var signs = []string{"flow", "lost_events", "agent_event", "debug_event", "node_status", "lostEvents", "agentEvent",
	"debugEvent", "nodeStatus", "verdict", "source", "destination", "IP", "l4", "l7"}

// lower returns a key in the case that names are known by, as the reader folds it: unescaped, ASCII letters alone. It
// is cut off where it is longer than any of them.
func lower(key []byte, to *[maxKey]byte) []byte {
	if bytes.IndexByte(key, '\\') >= 0 {
		var text string
		if err := json.Unmarshal(slices.Concat([]byte{'"'}, key, []byte{'"'}), &text); err == nil {
			key = []byte(text)
		}
	}
	n := copy(to[:], key)
	for i, c := range to[:n] {
		if 'A' <= c && c <= 'Z' {
			to[i] = c | 0x20
		}
	}
	return to[:n]
}

// isFlow reports whether the object under "flow" is one of Hubble: it has a key of flow.proto, or none at all, and is no
// whole record, which pipelines keep under that name too: outer says that this one may be such a record.
func isFlow(object []byte, outer bool) bool {
	empty, is, low := true, false, [maxKey]byte{}
	for k, v := range ingest.Keys(object) {
		empty = false
		name := lower(k, &low)
		id, ok := allKeys[inFlow].folded[string(name)]
		switch {
		case !ok:
		case id != keyEnvelope:
			is = true
		case v[0] == '{' && outer && string(name) == "flow" && isFlow(v, false):
			return false
		}
	}
	return is || empty
}
