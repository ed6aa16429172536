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

// generatedKinds are those of words whose pseudonyms are of the same kind: digits for digits, and what looks generated
// looks so again, since readers of logs tell by it what changes with each rollout.
var generatedKinds = []struct {
	letters     string
	least, most int
}{{decimals, 1, maxLabel}, {generated, 5, 10}, {decimals + "abcdef", 8, maxLabel}}

const decimals = "0123456789"

// kindOf returns the index of a word's kind, and whether it has digits; -1: it is a word like any other.
func kindOf(w string) (kind int, digits bool) {
	digits = strings.ContainsAny(w, decimals)
	for i, k := range generatedKinds {
		if len(w) >= k.least && len(w) <= k.most && strings.Trim(w, k.letters) == "" && (digits || k.letters == generated) {
			return i, digits
		}
	}
	return -1, digits
}

// invent makes a word of the same kind. Of those that look generated there are so many in a log, and they are so short,
// that two of them would get one pseudonym by chance: theirs is a permutation.
func (r *Redactor) invent(w string) string {
	if kind, digits := kindOf(w); kind >= 0 {
		for p := w; ; {
			p = r.shuffle(p, generatedKinds[kind].letters)
			if k, d := kindOf(p); k == kind && d == digits {
				return p
			}
		}
	}
	sum := r.sum("word", w)
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

// shuffle maps the words of one length over some letters to each other, each half by what the other one is.
func (r *Redactor) shuffle(w, letters string) string {
	const rounds = 8
	out := []byte(w)
	half := (len(w) + 1) / 2
	for round := range rounds {
		from, to := out[:half], out[half:]
		if round%2 == 1 {
			from, to = to, from
		}
		sum := r.sum("shuffle", string([]byte{byte(round), byte(len(w))})+letters+string(from))
		for i := range to {
			to[i] = letters[(strings.IndexByte(letters, to[i])+int(sum[i%len(sum)]))%len(letters)]
		}
	}
	return string(out)
}

// sum is the keyed digest of a text of a kind.
func (r *Redactor) sum(kind, text string) []byte {
	r.mac.Reset()
	r.mac.Write([]byte(kind + "\x00" + text))
	return r.mac.Sum(nil)
}
