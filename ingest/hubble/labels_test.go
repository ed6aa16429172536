package hubble

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

// withLabels is a record whose source has these labels.
func withLabels(identity int, labels []string) []byte {
	quoted := make([]string, len(labels))
	for i, l := range labels {
		quoted[i] = `"` + l + `"`
	}
	return []byte(strings.Replace(full, bank, fmt.Sprintf(`{"identity":%d,"labels":[%s],"pod_name":"p"}`, identity,
		strings.Join(quoted, ",")), 1))
}

// labelsOf are lists of labels, some of which say the same, and some of which say something else in another order.
func labelsOf() (lists [][]string) {
	var long []string
	for i := range 300 {
		long = append(long, fmt.Sprintf("k8s:label-%d=%d", i, i%7))
	}
	common := []string{"k8s:app=cart", "k8s:team=t1", "k8s:tier=back", "k8s:version=1"}
	with := func(more ...string) []string { return append(append([]string{}, common...), more...) }
	return [][]string{
		common,
		with("k8s:io.kubernetes.pod.namespace=shop", "k8s:io.cilium.k8s.policy.serviceaccount=cart"),
		with("k8s:io.kubernetes.pod.namespace=shop", "k8s:io.cilium.k8s.policy.serviceaccount=till"),
		with("k8s:io.kubernetes.pod.namespace=shop", "k8s:io.kubernetes.pod.namespace=bank"),
		with("k8s:io.kubernetes.pod.namespace=shop", "io.kubernetes.pod.namespace=bank"),
		with("k8s:io.cilium.k8s.policy.serviceaccount=a", "k8s:io.cilium.k8s.policy.serviceaccount=b"),
		with("k8s:io.cilium.k8s.policy.cluster=a", "k8s:io.cilium.k8s.policy.cluster=b"),
		with("k8s:app=cart"),
		with("k8s:app=other"),
		with("app=cart"),
		with("k8s:app="),
		with("reserved:world", "cidr:10.0.0.0/8"),
		with(`k8s:\u0061=b`, `k8s:path=\/x`),
		with("k8s:a=b", "k8s:path=/x"),
		{"reserved:kube-apiserver", "reserved:remote-node"},
		{"k8s:app=cart"},
		{"", "k8s:app=cart"},
		{},
		long[:40],
		long[:254],
		long[:255],
		long[:256],
		long,
	}
}

// TestLabelOrder reads the same labels in many orders, among others of nearly the same labels.
func TestLabelOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, identities := range []int{1, 1000} {
		p := newPair()
		var before [][]byte
		for round := range 40 {
			for n, labels := range labelsOf() {
				if round > 0 {
					r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
				}
				b := withLabels(n%identities, labels)
				if round%8 == 0 {
					before = append(before, b)
				}
				if diff := p.differ(b); diff != "" {
					t.Fatalf("round %d: (-oracle +decoder)\n%s\n%s", round, diff, b)
				}
			}
			for _, b := range before { // orders that come again
				if diff := p.differ(b); diff != "" {
					t.Fatalf("round %d, once more: (-oracle +decoder)\n%s\n%s", round, diff, b)
				}
			}
		}
	}
}

// TestLabelSets: labels whose order says nothing take no more room for each order in which they come.
func TestLabelSets(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	p := newPair()
	labels := labelsOf()[1]
	for range 1000 {
		r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
		p.d.Record("-", 1, withLabels(1, labels))
	}
	if n := p.d.r.labels.n; n > 50 {
		t.Errorf("%d orders remembered of one set", n)
	}
	if n := p.d.r.ends.shared.n; n > 50 {
		t.Errorf("%d objects remembered of one set", n)
	}
}

// rollout is what labels of a pod become in another rollout: some replaced, left out or added, in their order.
func rollout(r *rand.Rand, labels []string) (out []string) {
	for i, l := range labels {
		switch r.IntN(12) {
		case 0:
			out = append(out, l[:len(l)-1])
		case 1:
			out = append(out, l+"x")
		case 2:
			out = append(out, fmt.Sprintf("k8s:new-%d=%d", i, r.IntN(1000)), l)
		case 3:
			out = append(out, strings.Replace(l, "k", `\u006b`, 1))
		case 4:
			out = append(out, l+`\"`, l+`\\`)
		case 5: // left out
		default:
			out = append(out, l)
		}
	}
	return out
}

// TestRollouts reads the labels of pods that come and go: those of a rollout are much like those of the one before.
func TestRollouts(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	p := newPair()
	labels := []string{"k8s:app.kubernetes.io/instance=" + strings.Repeat("shop", 12),
		"k8s:app=cart" + strings.Repeat("a", 99)}
	for i := range 12 {
		labels = append(labels, fmt.Sprintf("k8s:label-%02d=%d", i, i))
	}
	labels = append(labels, "k8s:io.kubernetes.pod.namespace=shop")
	for n := range 5_000 {
		other := append(labels[:2:2], rollout(r, labels[2:])...)
		b := withLabels(n%50, other)
		if n%7 == 0 {
			b = []byte(strings.ReplaceAll(string(b), `","k8s:label`, `" , "k8s:label`))
		}
		if diff := p.differ(b); diff != "" {
			t.Fatalf("record %d: (-oracle +decoder)\n%s\n%s", n, diff, b)
		}
	}
}

// TestRolloutMemory: pods that come once are not remembered, and what their labels have in common is there once.
func TestRolloutMemory(t *testing.T) {
	p := newPair()
	long := labelsOf()[18]
	read := func(n int) {
		labels := append(long[:len(long):len(long)], fmt.Sprintf("k8s:pod-template-hash=%d", n))
		p.d.Record("-", 1, withLabels(n, labels))
	}
	const others = 1 // the other end of all records, with one label
	for n := range 1000 {
		read(n)
	}
	if n := p.d.r.ends.shared.n; n != others {
		t.Errorf("%d objects remembered that came once", n-others)
	}
	texts := map[*byte]bool{}
	for _, s := range p.d.r.labels.slots {
		if s.list != nil {
			for _, l := range s.list.items {
				texts[unsafe.StringData(l)] = true
			}
		}
	}
	if want := others + len(long) + 1000; len(texts) != want {
		t.Errorf("%d texts of labels, want %d", len(texts), want)
	}
	read(500)
	read(500)
	if n := p.d.r.ends.shared.n; n != others+1 {
		t.Errorf("%d objects remembered, want the one that came again and again", n-others)
	}
}

// TestListsMakeWay: lists take no more room than they may, and what comes after many is remembered as what came before.
func TestListsMakeWay(t *testing.T) {
	p := newPair()
	long := strings.Repeat("x", maxListBytes/64)
	for n := range 100 {
		p.d.Record("-", 1, withLabels(n, []string{"k8s:app=web", fmt.Sprint("k8s:n=", n), "k8s:long=" + long}))
	}
	if l := &p.d.r.labels; l.bytes > maxListBytes || l.n > 32 || len(l.sets) > 32 {
		t.Errorf("%d lists and %d sets of %d bytes, more than %d bytes", l.n, len(l.sets), l.bytes, maxListBytes)
	}
	had := p.d.r.ends.shared.n
	for range rememberedAt {
		p.d.Record("-", 1, withLabels(7, []string{"k8s:app=cart", "k8s:n=1"}))
	}
	if n := p.d.r.ends.shared.n; n != had+1 {
		t.Errorf("%d objects remembered of one", n-had)
	}
}

// FuzzLabelOrder has labels in any order agree with the oracle.
func FuzzLabelOrder(f *testing.F) {
	for i, l := range labelsOf() {
		f.Add(strings.Join(l, "\n"), strings.Join(labelsOf()[max(i-1, 0)], "\n"), uint64(i))
	}
	f.Fuzz(func(t *testing.T, one, other string, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := newPair()
		for range 4 {
			for _, text := range []string{one, other} {
				labels := strings.Split(text, "\n")
				r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
				b := withLabels(int(seed%3), labels)
				for range 2 {
					if diff := p.differ(b); diff != "" {
						t.Errorf("(-oracle +decoder)\n%s\n%s", diff, b)
					}
				}
			}
		}
	})
}
