package bundle

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Former is an earlier state of a bundle: as much of it as the next one is compared with. A bundle of many edges is
// large, and the next one is there beside it.
type Former struct {
	dir       string
	name      string // in the labels of its objects
	asOf      string
	files     map[string]string // with their digests; nil: it does not list them
	rules     []formerRule
	widenings map[priced]bool
	denied    map[string]bool // the texts of its findings of edges that policy denied
	isolates  []string        // "shop egress": directions of namespaces that it denies by default
	meaning   meaning         // of all but lists
	digest    string          // of its bundle.json
	review    string          // its REVIEW.md
	// held is its bundle.json, nil where that is read again if it is asked for.
	held []byte
	// set is what it enforces, nil where that cannot be read, or not before it is asked for.
	set *policy.PolicySet
}

// formerRule is a rule as the next bundle tells of it.
type formerRule struct {
	id, policy, text string
	fresh            bool // New
}

// priced is a widening, by its text and its price.
type priced struct {
	text  string
	price int
}

// ReadFormer reads the state of the bundle in dir.
func ReadFormer(dir string) (*Former, error) { return readFormer(dir, false) }

// readFormer is ReadFormer; skim: of what version it is and which files it lists alone.
func readFormer(dir string, skim bool) (*Former, error) {
	if err := cmp.Or(Complete(dir), there(dir)); err != nil {
		return nil, err
	}
	f := &Former{dir: dir, widenings: map[priced]bool{}, denied: map[string]bool{}}
	r := &formerReader{of: f}
	r.take = r.tell
	if skim {
		r.take = r.passOver
	}
	var err error
	if f.digest, err = r.read(); err != nil {
		return nil, err
	}
	if n := r.named; n.edge < 0 || n.edge >= r.edges && n.rule != "" {
		return nil, fmt.Errorf("read bundle: %s: rule %s names edge %d of %d", ManifestFile, n.rule, n.edge, r.edges)
	}
	f.name, f.asOf, f.files, f.meaning = r.head.Name, r.head.AsOf, r.head.Files, meaning{}
	if skim {
		return f, nil
	}
	if text, err := render.ReadInside(dir, filepath.Join(dir, ReviewFile)); err == nil {
		f.review = string(text)
	}
	return f, f.meaning.add(&r.head, func(t reflect.Type) bool { return !isList(t) })
}

// opened are the directions of namespaces that it denies by default and a bundle after it does not, or does not know.
func (f *Former) opened(m *Manifest) []string {
	if f == nil {
		return nil
	}
	var now, out []string
	for i := range m.Namespaces {
		now = append(now, m.Namespaces[i].denied()...)
	}
	for _, side := range f.isolates {
		if !slices.Contains(now, side) {
			out = append(out, side)
		}
	}
	slices.Sort(out)
	return out
}

// text opens its bundle.json.
func (f *Former) text() (io.ReadCloser, error) {
	if f.held != nil {
		return io.NopCloser(bytes.NewReader(f.held)), nil
	}
	name := filepath.Join(f.dir, ManifestFile)
	if err := render.Inside(f.dir, name); err != nil {
		return nil, err
	}
	return os.Open(name)
}

// Hold reads at once all that may be asked for, for its directory to go.
func (f *Former) Hold(kinds ...render.Kinds) error {
	f.set = f.policies(&policy.PolicySet{}, nil, kinds)
	text, err := render.ReadInside(f.dir, filepath.Join(f.dir, ManifestFile))
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	f.held = text
	return nil
}

// lists is the meaning of its lists. It takes reading them whole.
func (f *Former) lists() (meaning, error) {
	out := meaning{}
	r := &formerReader{of: f}
	r.take = func(name string, t reflect.Type) (err error) {
		out[name], err = r.mean(t)
		return err
	}
	digest, err := r.read()
	if err == nil && digest != f.digest {
		err = fmt.Errorf("read bundle: %s was changed meanwhile", ManifestFile)
	}
	if err != nil {
		return nil, err
	}
	return out, out.add(&r.head, func(t reflect.Type) bool { return isList(t) })
}

// policies are what the bundle enforces, with what people changed in it and added; nil where that cannot be read, or is
// of another state by now. Those that a newer set has as well share its memory; what it has from files that are the
// same is not read again.
func (f *Former) policies(newer *policy.PolicySet, same map[string]bool, kinds []render.Kinds) *policy.PolicySet {
	if f.set != nil {
		return f.set
	}
	text, err := render.ReadInside(f.dir, filepath.Join(f.dir, ManifestFile))
	if err != nil || digestOf(text) != f.digest {
		return nil
	}
	r := &policyReader{dir: f.dir, kinds: kinds, theirs: true, known: map[string]*policy.Policy{},
		have: map[string][]policy.Policy{}}
	for i := range newer.Policies {
		p := &newer.Policies[i]
		r.known[p.Namespace+"/"+p.Name] = p
		if same[p.Source.File] {
			r.have[p.Source.File] = append(r.have[p.Source.File], *p)
		}
	}
	set, problems, err := r.read(Enforced)
	if err != nil || render.Unread(problems) > 0 {
		return nil
	}
	return &set
}

// formerReader goes through a bundle.json value by value: what a list holds is not kept.
type formerReader struct {
	of    *Former
	take  func(name string, t reflect.Type) error // a list
	in    *json.Decoder
	head  Manifest // without its lists
	edges int      // how many there were
	named struct { // the edge that does not exist, or the last one, with a rule that names it
		rule string
		edge int
	}
}

// read goes through all of it, and returns its digest.
func (r *formerReader) read() (digest string, err error) {
	file, err := r.of.text()
	if err != nil {
		return "", fmt.Errorf("read bundle: %w", err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	r.in = json.NewDecoder(io.TeeReader(bufio.NewReaderSize(file, 1<<16), hash))
	if err := r.manifest(); err != nil {
		return "", fmt.Errorf("read bundle: %s: %w", ManifestFile, err)
	}
	return digestText(hash.Sum(nil)), nil
}

func (r *formerReader) manifest() error {
	if err := r.delim('{'); err != nil {
		return err
	}
	fields := map[string]reflect.Value{}
	v := reflect.ValueOf(&r.head).Elem()
	for i := range v.NumField() {
		if name, _ := fieldName(v.Type().Field(i)); v.Type().Field(i).IsExported() {
			fields[name] = v.Field(i)
		}
	}
	for r.in.More() {
		name, err := r.in.Token()
		if err != nil {
			return err
		}
		field, known := fields[name.(string)]
		switch {
		case !known:
			err = r.in.Decode(&json.RawMessage{})
		case isList(field.Type()):
			err = r.take(name.(string), field.Type())
		default:
			err = r.in.Decode(field.Addr().Interface())
		}
		if err != nil {
			return err
		}
	}
	if err := r.delim('}'); err != nil {
		return err
	}
	if _, err := r.in.Token(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("something follows its end"), err)
	}
	return r.head.known()
}

func (r *formerReader) delim(want json.Delim) error {
	if t, err := r.in.Token(); err != nil || t != want {
		return errors.Join(fmt.Errorf("want %s, have %v", want, t), err)
	}
	return nil
}

// each calls do for each item of a list, before the item is read. It reports whether there is a list.
func (r *formerReader) each(do func() error) (there bool, err error) {
	if begin, err := r.in.Token(); err != nil || begin == nil {
		return false, err
	} else if begin != json.Delim('[') {
		return false, fmt.Errorf("want a list, have %v", begin)
	}
	for r.in.More() {
		if err := do(); err != nil {
			return true, err
		}
	}
	return true, r.delim(']')
}

// passOver goes past a list.
func (r *formerReader) passOver(string, reflect.Type) error {
	var item json.RawMessage
	_, err := r.each(func() error { return r.in.Decode(&item) })
	return err
}

// mean goes through a list of structs and returns the digest of what it means.
func (r *formerReader) mean(t reflect.Type) (string, error) {
	var there bool
	var failed error
	digest, err := meant(func(w *jsonWriter) {
		w.list(func(yield func(any) bool) {
			there, failed = r.each(func() error {
				item := reflect.New(t.Elem()).Interface()
				err := r.in.Decode(item)
				if err == nil && !yield(item) {
					err = w.err
				}
				return err
			})
		})
	})
	if failed != nil || err != nil {
		return "", errors.Join(failed, err)
	}
	if !there {
		return meant(func(w *jsonWriter) { w.value(reflect.Zero(t)) })
	}
	return digest, nil
}

// tell takes from a list what the next bundle tells of it.
func (r *formerReader) tell(name string, t reflect.Type) error {
	switch t.Elem() {
	case reflect.TypeFor[Rule]():
		_, err := r.each(r.rule)
		return err
	case reflect.TypeFor[Widening]():
		var x struct {
			Text  string `json:"text"`
			Price int    `json:"price"`
		}
		_, err := r.each(func() error {
			x.Text, x.Price = "", 0
			err := r.in.Decode(&x)
			r.of.widenings[priced{x.Text, x.Price}] = true
			return err
		})
		return err
	case reflect.TypeFor[Finding]():
		_, err := r.each(func() error {
			var x struct {
				Kind string `json:"kind"`
				Text string `json:"text"`
			}
			err := r.in.Decode(&x)
			if synth.Kind(x.Kind) == synth.KindDenied {
				r.of.denied[x.Text] = true
			}
			return err
		})
		return err
	case reflect.TypeFor[Namespace]():
		_, err := r.each(func() error {
			var n Namespace
			err := r.in.Decode(&n)
			r.of.isolates = append(r.of.isolates, n.denied()...)
			return err
		})
		return err
	case reflect.TypeFor[Edge]():
		var item json.RawMessage
		_, err := r.each(func() error {
			r.edges++
			return r.in.Decode(&item)
		})
		return err
	}
	return r.passOver(name, t)
}

func (r *formerReader) rule() error {
	var x Rule
	if err := r.in.Decode(&x); err != nil {
		return err
	}
	r.of.rules = append(r.of.rules, formerRule{x.ID, x.Policy, short(x.Text), x.New})
	for _, e := range x.Edges {
		if n := &r.named; n.rule == "" || n.edge >= 0 && (e < 0 || e > n.edge) {
			n.rule, n.edge = x.ID, e
		}
	}
	return nil
}
