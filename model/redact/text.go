package redact

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"strings"
)

// common are words that every cluster has.
var common = map[string]bool{"kube": true, "system": true, "dns": true, "coredns": true, "default": true, "public": true,
	"node": true, "lease": true, "local": true, "svc": true, "cluster": true, "kubelet": true, "calico": true, "cilium": true,
	"tigera": true, "operator": true, "apiserver": true, "pub": true, "pvt": true, "true": true, "false": true, "unknown": true,
	"com": true, "org": true, "net": true, "io": true}

// Text replaces every word of a text, and keeps what stands between them: so the pseudonyms of a name and of a longer
// one that begins with it begin alike. Words that every cluster has stay.
func (r *Redactor) Text(s string) string {
	s = dotted.ReplaceAllStringFunc(s, func(at string) string {
		sep := strings.Trim(at, "0123456789")[:1]
		a, err := netip.ParseAddr(strings.ReplaceAll(at, "-", "."))
		if err != nil {
			return at
		}
		return strings.ReplaceAll(r.Address(a).String(), ".", sep)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.each(s)
	if len(out) > maxLabel && len(s) <= maxLabel {
		return r.word("whole" + s)
	}
	return out
}

// dotted is an IPv4 address in a text, as nodes and pods are called by it.
var dotted = regexp.MustCompile(`\b[0-9]{1,3}([.-])[0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}\b`)

// maxLabel is the length that names and values of labels may have.
const maxLabel = 63

// each replaces every word.
func (r *Redactor) each(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && isWord(s[j]) {
			j++
		}
		if i < j {
			b.WriteString(r.word(s[i:j]))
		} else {
			b.WriteByte(s[j])
			j++
		}
		i = j
	}
	return b.String()
}

// isWord reports whether a byte belongs to a word: letters and digits, and whatever is not ASCII.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// word returns the pseudonym of one word.
func (r *Redactor) word(w string) string {
	if common[w] || len(w) <= 3 && strings.Trim(w, "0123456789") == "" {
		return w
	}
	if p, ok := r.words[w]; ok {
		return p
	}
	p := r.invent(w)
	if other, ok := r.taken[p]; ok && other != w || common[p] {
		r.err = ErrSameWord
	}
	r.words[w], r.taken[p] = p, w
	return p
}

// generated are the letters of Kubernetes' own random names.
const generated = "bcdfghjklmnpqrstvwxz2456789"

// syllables is how many a pseudonym has: 31 bits.
const syllables = 5

// invent makes a word of the same kind: digits for digits, and what looks generated looks so again, since readers of
// logs tell by it what changes with each rollout.
func (r *Redactor) invent(w string) string {
	sum := r.sum("word", w)
	digits := strings.ContainsAny(w, "0123456789")
	switch {
	case strings.Trim(w, "0123456789") == "":
		return draw(sum, "123456789", len(w))
	case digits && len(w) >= 5 && len(w) <= 10 && strings.Trim(w, generated) == "":
		return draw(sum, generated, len(w))
	case digits && len(w) >= 8 && strings.Trim(w, "0123456789abcdef") == "":
		return draw(sum, "0123456789abcdef", len(w))
	}
	var b strings.Builder
	n := binary.BigEndian.Uint64(sum)
	for range syllables {
		const consonants, vowels = "bdfghjklmnprstvwz", "aeiou"
		b.WriteByte(consonants[n%uint64(len(consonants))])
		n /= uint64(len(consonants))
		b.WriteByte(vowels[n%uint64(len(vowels))])
		n /= uint64(len(vowels))
	}
	return b.String()
}

// draw makes a word of letters out of a sum.
func draw(sum []byte, letters string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[int(sum[i%len(sum)])%len(letters)]
	}
	return string(out)
}

// sum is the keyed digest of a text of a kind.
func (r *Redactor) sum(kind, text string) []byte {
	r.mac.Reset()
	r.mac.Write([]byte(kind + "\x00" + text))
	return r.mac.Sum(nil)
}
