package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"

	"sluice/model"
	"sluice/model/graph"
)

// told begins to find what a graph was made of. What it returns waits for that.
func told(g *graph.Graph) func() Inputs {
	var out Inputs
	var done sync.WaitGroup
	done.Go(func() { out = inputs(g) })
	return func() Inputs {
		done.Wait()
		return out
	}
}

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
	var line []byte
	for _, e := range g.AllEdges() {
		line = strconv.AppendQuote(line[:0], g.Peers[e.Src].ID)
		line = strconv.AppendQuote(append(line, ' '), g.Peers[e.Dst].ID)
		for _, word := range []string{e.PortString(), e.State.String(), e.Reason.String()} {
			line = append(append(line, ' '), word...)
		}
		for _, n := range []uint64{e.Used + e.Replies + e.Duplicates, e.DeniedRecords, e.RefusedRecords, e.Conns} {
			line = strconv.AppendUint(append(line, ' '), n, 10)
		}
		for _, at := range []model.Micros{e.First, e.Last} {
			line = strconv.AppendInt(append(line, ' '), int64(at), 10)
		}
		_, _ = h.Write(append(line, '\n')) // a hash takes everything
	}
	keys := map[model.EndpointID][]byte{} // quoted; most endpoints have many connections
	quoted := func(e model.EndpointID) []byte {
		k, ok := keys[e]
		if !ok {
			k = appendQuoted(nil, g.Tables.Endpoints.Key(e))
			keys[e] = k
		}
		return k
	}
	for _, c := range g.Connections {
		line = append(strconv.AppendInt(line[:0], int64(c.Edge), 10), ' ')
		line = append(append(line, quoted(c.Src)...), ' ')
		line = append(append(line, quoted(c.Dst)...), ' ')
		line = strconv.AppendUint(line, c.Records, 10)
		_, _ = h.Write(append(line, '\n'))
	}
	_ = h.Flush()
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// appendQuoted is strconv.AppendQuote, which takes its time for each character, of a text that is plain but for zero
// bytes, mostly: where pods come and go keys are most of what is hashed.
func appendQuoted(b []byte, s string) []byte {
	plain := func(c byte) bool { return ' ' <= c && c <= '~' && c != '"' && c != '\\' }
	b = append(b, '"')
	for s != "" {
		n := 0
		for n < len(s) && plain(s[n]) {
			n++
		}
		b, s, n = append(b, s[:n]...), s[n:], 0
		for ; n < len(s) && s[n] == 0; n++ {
			b = append(b, `\x00`...)
		}
		s = s[n:]
		for n = 0; n < len(s) && s[n] != 0 && !plain(s[n]); n++ {
		}
		if n > 0 {
			quoted := strconv.Quote(s[:n])
			b, s = append(b, quoted[1:len(quoted)-1]...), s[n:]
		}
	}
	return append(b, '"')
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
