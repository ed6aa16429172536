package bundle

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Former is an earlier state of a bundle: as much of it as the next one is compared with. A bundle of many edges is
// large, and the next one is there beside it.
type Former struct {
	dir       string
	asOf      string
	files     map[string]string // with their digests; nil: it does not list them
	rules     []formerRule
	widenings map[priced]bool
	denied    map[string]bool // the texts of its findings of edges that policy denied
	meaning   meaning
	digest    string // of its bundle.json
	review    string // its REVIEW.md
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
	if err := complete(dir); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	r := &formerReader{skim: skim, of: &Former{dir: dir, widenings: map[priced]bool{}, denied: map[string]bool{},
		meaning: meaning{}},
		in: json.NewDecoder(io.TeeReader(bufio.NewReader(file), hash))}
	if err := r.manifest(); err != nil {
		return nil, fmt.Errorf("read bundle: %s: %w", ManifestFile, err)
	}
	r.of.digest = digestText(hash.Sum(nil))
	if text, err := os.ReadFile(filepath.Join(dir, ReviewFile)); err == nil {
		r.of.review = string(text)
	}
	return r.of, nil
}

// Hold reads at once what the bundle enforces, for its directory to go.
func (f *Former) Hold(kinds ...render.Kinds) { f.set = f.policies(&policy.PolicySet{}, kinds) }

// policies are what the bundle enforces, with what people changed in it and added; nil where that cannot be read, or is
// of another state by now. Those that a newer set has as well share its memory.
func (f *Former) policies(newer *policy.PolicySet, kinds []render.Kinds) *policy.PolicySet {
	if f.set != nil {
		return f.set
	}
	if text, err := os.ReadFile(filepath.Join(f.dir, ManifestFile)); err != nil || digestOf(text) != f.digest {
		return nil
	}
	r := &policyReader{dir: f.dir, kinds: kinds, theirs: true, known: map[string]*policy.Policy{}}
	for i := range newer.Policies {
		p := &newer.Policies[i]
		r.known[p.Namespace+"/"+p.Name] = p
	}
	set, problems, err := r.read(Enforced)
	if err != nil || render.Unread(problems) > 0 {
		return nil
	}
	return &set
}

// formerReader goes through a bundle.json value by value: what a list holds is not kept.
type formerReader struct {
	skim  bool // lists are passed over
	in    *json.Decoder
	of    *Former
	head  Manifest // without its lists
	edges int      // how many there were
	named struct { // the edge that does not exist, or the last one, with a rule that names it
		rule string
		edge int
	}
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
	lists := map[string]bool{}
	for r.in.More() {
		name, err := r.in.Token()
		if err != nil {
			return err
		}
		field, known := fields[name.(string)]
		switch {
		case !known:
			err = r.in.Decode(&json.RawMessage{})
		case isList(field.Type()) && r.skim:
			err = r.passOver()
		case isList(field.Type()):
			lists[name.(string)] = true
			r.of.meaning[name.(string)], err = r.list(field.Type())
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
	return r.take(lists)
}

// take keeps of what stands beside the lists what is compared.
func (r *formerReader) take(lists map[string]bool) error {
	if err := r.head.known(); err != nil {
		return err
	}
	if n := r.named; n.edge < 0 || n.edge >= r.edges && n.rule != "" {
		return fmt.Errorf("rule %s names edge %d of %d", n.rule, n.edge, r.edges)
	}
	r.of.asOf, r.of.files = r.head.AsOf, r.head.Files
	if r.skim {
		return nil
	}
	return r.of.meaning.add(&r.head, func(name string) bool { return !lists[name] })
}

func (r *formerReader) delim(want json.Delim) error {
	if t, err := r.in.Token(); err != nil || t != want {
		return errors.Join(fmt.Errorf("want %s, have %v", want, t), err)
	}
	return nil
}

// passOver goes past a list.
func (r *formerReader) passOver() error {
	if begin, err := r.in.Token(); err != nil || begin == nil {
		return err
	} else if begin != json.Delim('[') {
		return fmt.Errorf("want a list, have %v", begin)
	}
	var item json.RawMessage
	for r.in.More() {
		if err := r.in.Decode(&item); err != nil {
			return err
		}
	}
	return r.delim(']')
}

// list goes through a list of structs and returns the digest of what it means.
func (r *formerReader) list(t reflect.Type) (string, error) {
	begin, err := r.in.Token()
	if err != nil {
		return "", err
	}
	if begin == nil {
		return meant(func(w *jsonWriter) { w.value(reflect.Zero(t)) })
	}
	if begin != json.Delim('[') {
		return "", fmt.Errorf("want a list, have %v", begin)
	}
	var failed error
	digest, err := meant(func(w *jsonWriter) {
		w.list(func(yield func(any) bool) {
			for r.in.More() {
				item := reflect.New(t.Elem()).Interface()
				if failed = r.in.Decode(item); failed != nil {
					return
				}
				r.keep(item)
				if !yield(item) {
					return
				}
			}
		})
	})
	if failed != nil || err != nil {
		return "", errors.Join(failed, err)
	}
	return digest, r.delim(']')
}

// keep takes from an item of a list what the next bundle tells of it.
func (r *formerReader) keep(item any) {
	switch x := item.(type) {
	case *Edge:
		r.edges++
	case *Rule:
		r.of.rules = append(r.of.rules, formerRule{x.ID, x.Policy, short(x.Text), x.New})
		for _, e := range x.Edges {
			if n := &r.named; n.rule == "" || n.edge >= 0 && (e < 0 || e > n.edge) {
				n.rule, n.edge = x.ID, e
			}
		}
	case *Widening:
		r.of.widenings[priced{x.Text, x.Price}] = true
	case *Finding:
		if synth.Kind(x.Kind) == synth.KindDenied {
			r.of.denied[x.Text] = true
		}
	}
}
