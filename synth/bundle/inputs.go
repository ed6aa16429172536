package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sluice/model"
	"sluice/model/graph"
)

func inputs(g *graph.Graph) Inputs {
	in := Inputs{
		Edges:       len(g.Edges),
		Connections: len(g.Connections),
		First:       model.StampSecond(g.First),
		Last:        model.StampSecond(g.Last),
		Digest:      digest(g),
	}
	for _, reasons := range g.Fates {
		for _, n := range reasons {
			in.Records += n
		}
	}
	return in
}

// digest is SHA-256 over edges and connections with their counts and times. A graph has them in the order of their
// content, whatever the order of the records.
func digest(g *graph.Graph) string {
	hash := sha256.New()
	h := bufio.NewWriterSize(hash, 1<<16)
	for _, e := range g.AllEdges() {
		fmt.Fprintf(
			h,
			"%q %q %s %s %s %d %d %d %d %d %d\n",
			g.Peers[e.Src].ID,
			g.Peers[e.Dst].ID,
			e.PortString(),
			e.State,
			e.Reason,
			e.Used+e.Replies+e.Duplicates,
			e.DeniedRecords,
			e.RefusedRecords,
			e.Conns,
			e.First,
			e.Last,
		)
	}
	keys := map[model.EndpointID][]byte{} // quoted; most endpoints have many connections
	quoted := func(e model.EndpointID) []byte {
		k, ok := keys[e]
		if !ok {
			k = strconv.AppendQuote(nil, g.Tables.Endpoints.Key(e))
			keys[e] = k
		}
		return k
	}
	for _, c := range g.Connections {
		fmt.Fprintf(h, "%d %s %s %d\n", c.Edge, quoted(c.Src), quoted(c.Dst), c.Records)
	}
	_ = h.Flush() // a hash takes everything
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// lines counts the YAML of the allow policies, comments aside.
func lines(files map[string][]byte) int {
	n := 0
	for name, text := range files {
		if strings.HasPrefix(name, allowDir+"/") && !strings.HasSuffix(name, KustomizationFile) {
			for line := range bytes.Lines(text) {
				if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
					n++
				}
			}
		}
	}
	return n
}
