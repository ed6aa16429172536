package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	yaml "sigs.k8s.io/yaml/goyaml.v2"

	"sluice/model"
	"sluice/synth/policy"
)

// Marshal writes an object as YAML the way kubectl does, with sorted keys; its fields are named by their json tags. It
// gives the bytes of sigs.k8s.io/yaml.Marshal in half the time, since the JSON on the way is not parsed as YAML.
func Marshal(object any) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if v, err = plain(v); err != nil {
		return nil, err
	}
	if bytes.ContainsFunc(text, hidden) {
		return quoted(v)
	}
	return yaml.Marshal(v)
}

func hidden(r rune) bool { return !model.IsPrintable(r) }

// quoted writes an object that holds characters which do not show: JSON, which is YAML too, with their escapes.
func quoted(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, r := range string(text) + "\n" {
		if hidden(r) && r != '\n' {
			fmt.Fprintf(&b, `\U%08x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes(), nil
}

// plain makes numbers of the texts of numbers.
func plain(v any) (any, error) {
	var err error
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n, nil
		}
		return x.Float64()
	case []any:
		for i := range x {
			if x[i], err = plain(x[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range x {
			if x[k], err = plain(x[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// LabelMap returns labels, each "key=value", as objects have them; nil for none.
func LabelMap(labels []string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		out[k] = v
	}
	return out
}

// Files writes one file for each policy of a set, in its order; object gives the API object of a policy. A name that
// the API would refuse is an error, as it would not even be a safe file name.
func Files(set policy.PolicySet, object func(*policy.Policy) any) ([]File, error) {
	files := make([]File, len(set.Policies))
	errs := make([]error, len(files))
	Each(len(files), func(i int) {
		p := &set.Policies[i]
		files[i] = File{Namespace: p.Namespace, Name: p.Name}
		if !ValidName(p.Name) || p.Namespace != "" && !ValidNamespace(p.Namespace) {
			errs[i] = fmt.Errorf("render policy %q of namespace %q: the API would refuse the name", p.Name, p.Namespace)
			return
		}
		var err error
		if files[i].YAML, err = Marshal(object(p)); err != nil {
			errs[i] = fmt.Errorf("render policy %s/%s: %w", p.Namespace, p.Name, err)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Each calls do for 0 to n-1, on all processors.
func Each(n int, do func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := next.Add(1); int(i) <= n; i = next.Add(1) {
				do(int(i - 1))
			}
		})
	}
	wg.Wait()
}
