package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"sluice/synth/policy"
)

// maxName is the length of a DNS label.
const maxName = 63

// nameOf returns the policy of a workload its name: the workload's, with a hash of what it selects where that is too
// long, taken, or kept for a policy of ours.
func (w *writer) nameOf(namespace, want string, subject policy.Selector) string {
	if reserved(want) {
		return w.claim(namespace, hashed(want, namespace, subject), subject)
	}
	return w.claim(namespace, want, subject)
}

// claim takes a name within a namespace.
func (w *writer) claim(namespace, want string, subject policy.Selector) string {
	want = w.cfg.NamePrefix + want
	if len(want) > maxName || w.names[namespace+"/"+want] {
		want = hashed(want, namespace, subject)
	}
	w.names[namespace+"/"+want] = true
	return want
}

// NameDNS is the name of the shared DNS policy of a namespace.
const NameDNS = "dns"

// reserved reports whether workloads may not have a name: that of a policy of ours, or of the file that lists them.
func reserved(name string) bool {
	return slices.Contains([]string{NameDNS, NameDNSAll, NameResolver, policy.DefaultDenyName, "kustomization"}, name) ||
		strings.HasPrefix(name, policy.OpenName) ||
		strings.HasPrefix(name, policy.WholeName)
}

// hashed appends 8 hex digits of a hash of what the policy selects.
func hashed(name, namespace string, subject policy.Selector) string {
	sum := sha256.Sum256([]byte(namespace + "\x00" + name + "\x00" + subject.Canonical().String()))
	if len(name) > maxName-9 {
		name = strings.TrimRight(name[:maxName-9], "-.")
	}
	return name + "-" + hex.EncodeToString(sum[:4])
}
