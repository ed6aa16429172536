package bundle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Form says which of a bundle's policies are meant.
type Form uint8

// The forms.
const (
	Allow    Form = iota // the allow policies alone
	Enforced             // the end state: with what denies the rest
)

// dirs are the directories that make up a form.
func (f Form) dirs() []string {
	if f == Allow {
		return []string{allowDir}
	}
	return []string{allowDir, denyDir}
}

// Read returns the manifest of the bundle in dir, with what the report of its run adds.
func Read(dir string) (*Manifest, error) {
	m, err := ReadCommitted(dir)
	if err != nil {
		return nil, err
	}
	return m, m.ReadRun(dir)
}

// ReadRun adds to the manifest of the bundle in dir what the report of its run adds: counts, times and places, which
// are as much as all that is committed.
func (m *Manifest) ReadRun(dir string) error {
	if err := m.readPlaces(dir); err != nil {
		return err
	}
	r, err := readReport(dir, m.digest)
	m.join(r)
	return err
}

// ReadCommitted is Read of what is committed: how much was seen of an edge is not among it.
func ReadCommitted(dir string) (*Manifest, error) {
	if err := Complete(dir); err != nil {
		return nil, err
	}
	if err := Single(dir); err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	if err := there(dir); err != nil {
		return nil, err
	}
	text, err := render.ReadInside(dir, filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	m := &Manifest{digest: digestOf(text)}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read bundle: %s: %w", ManifestFile, err)
	}
	if err := m.known(); err != nil {
		return nil, fmt.Errorf("read bundle: %s: %w", ManifestFile, err)
	}
	for i := range m.Rules {
		for _, e := range m.Rules[i].Edges {
			if e < 0 || e >= len(m.Edges) {
				return nil, fmt.Errorf(
					"read bundle: %s: rule %s names edge %d of %d",
					ManifestFile,
					m.Rules[i].ID,
					e,
					len(m.Edges),
				)
			}
		}
	}
	return m, nil
}

// Complete reports an error where a bundle was not put into its place whole: the first one of a directory too, which
// has no bundle.json yet.
func Complete(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, readyDir)); err == nil {
		return fmt.Errorf("read bundle: learn was stopped while it replaced %s: run it again with the same --out", dir)
	}
	return nil
}

// there reports an error where dir is no bundle.
func there(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	if !Is(dir) {
		return fmt.Errorf("read bundle: %s is none, as it has no %s: learn --out writes one", model.Printable(dir), ManifestFile)
	}
	return nil
}

// Is reports whether a directory is a bundle.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ManifestFile))
	return err == nil
}

// Below returns the names of the directories in one that are bundles; none where it is a bundle itself.
func Below(dir string) (names []string) {
	if Is(dir) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // who opens it says why
	}
	for _, e := range entries {
		if Is(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Single reports an error where a directory is no bundle and has some in it: their files are not all in force at once,
// nor of one cluster.
func Single(dir string) error {
	names := Below(dir)
	if len(names) == 0 {
		return nil
	}
	for i := range names {
		names[i] = model.Printable(filepath.Join(dir, names[i]))
	}
	if more := len(names) - 4; more > 1 {
		names = append(names[:4], fmt.Sprintf("%d more", more))
	}
	return fmt.Errorf("%s is no bundle, and has bundles in it: name the one that is meant (%s)", dir, strings.Join(names, ", "))
}

// known reports an error where a manifest is of something else than a bundle, or of another version.
func (m *Manifest) known() error {
	if m.APIVersion != apiVersion || m.Kind != manifestKind {
		return fmt.Errorf("it is %q %q, not %s %s", m.APIVersion, m.Kind, apiVersion, manifestKind)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !ours(name) {
			return fmt.Errorf("it lists the file %q, where no bundle has one: that was written by hand. "+
				"Take it from an earlier revision, or learn into another directory", name)
		}
	}
	if m.Name == "" {
		return nil // of a former version
	}
	return validName(m.Name)
}

// validName reports an error where a bundle cannot have a name: it is a label, and a part of a branch.
func validName(name string) error {
	if !render.ValidNamespace(name) {
		return fmt.Errorf("the name %q of the bundle: want lower-case letters, digits and -, 63 at most", name)
	}
	return nil
}

// Policies reads the policies of the bundle in dir back from their files. With the enforced form come people's own in
// extra/; with Allow only what the lists have of the bundle itself.
func Policies(dir string, form Form, kinds ...render.Kinds) (policy.PolicySet, []render.Problem, error) {
	return policies(dir, form, form == Enforced, kinds...)
}

// policies reads a form; theirs: with what people added, and a problem for what they added and nothing applies.
func policies(dir string, form Form, theirs bool, kinds ...render.Kinds) (policy.PolicySet, []render.Problem, error) {
	r := &policyReader{dir: dir, kinds: kinds, theirs: theirs}
	return r.read(form)
}

func (r *policyReader) read(form Form) (policy.PolicySet, []render.Problem, error) {
	for _, d := range form.dirs() {
		if err := r.form(d); err != nil {
			return r.set, r.problems, err
		}
	}
	if err := r.earlier(); err != nil {
		return r.set, r.problems, err
	}
	if r.theirs {
		if err := r.extra(); err != nil {
			return r.set, r.problems, err
		}
	}
	err := r.parse()
	return r.set.Canonical(), r.problems, err
}

type policyReader struct {
	dir      string
	kept     map[string]bool // files that are not in dir, but in place
	place    string
	kinds    []render.Kinds
	theirs   bool
	known    map[string]*policy.Policy  // by namespace and name: what is expected, canonical; its memory is used again
	same     int                        // policies that are as expected
	have     map[string][]policy.Policy // by file: what need not be read
	files    []string                   // by their names in dir
	set      policy.PolicySet
	problems []render.Problem
}

// form reads what applying one of the bundle's directories applies.
func (r *policyReader) form(dir string) error {
	namespaces, err := r.subdirectories(dir)
	if err != nil || len(namespaces) == 0 {
		return err
	}
	var all Kustomization
	if r.has(path.Join(dir, KustomizationFile)) {
		if all, err = r.kustomization(dir); err != nil {
			return err
		}
	}
	listed := all.listed()
	of, errs := make([]policyReader, len(namespaces)), make([]error, len(namespaces))
	model.Each(len(of), func(i int) {
		of[i] = policyReader{dir: r.dir, kept: r.kept, place: r.place, theirs: r.theirs}
		errs[i] = of[i].namespace(dir, namespaces[i], listed)
	})
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	for i := range of {
		r.files, r.problems = append(r.files, of[i].files...), append(r.problems, of[i].problems...)
	}
	return nil
}

// namespace finds the files of a namespace in one of the bundle's directories, which lists some.
func (r *policyReader) namespace(dir, ns string, listed map[string]bool) error {
	sub := path.Join(dir, ns)
	if !listed[ns] && ns != render.ClusterDir {
		r.problem(
			render.Note,
			sub,
			dir+"/"+KustomizationFile+" does not list it, so that applying "+dir+" leaves it out",
		)
	}
	return r.directory(sub)
}

// subdirectories are the directories of d, sorted.
func (r *policyReader) subdirectories(d string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	for name := range r.kept {
		if sub, ok := strings.CutPrefix(name, d+"/"); ok {
			if dir, _, in := strings.Cut(sub, "/"); in {
				out = append(out, dir)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// earlier names the default denies of a bundle that was written before it had phases.
func (r *policyReader) earlier() error {
	namespaces, err := r.subdirectories(enforceDir)
	if err != nil || r.has(denyDir) {
		return err
	}
	for _, ns := range namespaces {
		if file := path.Join(enforceDir, ns, policy.DefaultDenyName+".yaml"); r.has(file) {
			r.problem(render.Unsupported, file, "it is of a bundle without phases: run learn again")
		}
	}
	return nil
}

// directory takes the files that the kustomization of a directory lists: no other is applied.
func (r *policyReader) directory(sub string) error {
	list, err := r.kustomization(sub)
	if errors.Is(err, fs.ErrNotExist) {
		r.unlisted(sub)
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range list.Resources {
		switch file := path.Join(sub, name); {
		case path.Dir(file) != sub:
			r.problem(
				render.Unsupported,
				path.Join(sub, KustomizationFile),
				"it lists "+name+", which is not of this bundle",
			)
		case r.has(file):
			r.files = append(r.files, file)
		default:
			r.problem(render.Note, file, "it is not there, and "+KustomizationFile+" lists it: applying fails")
		}
	}
	if !r.theirs {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(r.dir, sub))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // all of it may be in place
		return fmt.Errorf("read bundle: %w", err)
	}
	listed := list.listed()
	for _, e := range entries {
		if name := e.Name(); isYAML(name) && name != KustomizationFile && !listed[name] {
			r.unlisted(path.Join(sub, name))
		}
	}
	return nil
}

// unlisted is a problem for what lies among the policies and is not applied.
func (r *policyReader) unlisted(name string) {
	r.problem(render.Unsupported, name, KustomizationFile+" does not list it, so that it is not applied")
}

// extra takes people's own policies, where applying the enforced form takes them in.
func (r *policyReader) extra() error {
	p := &place{dir: r.dir, links: map[string]bool{}}
	if err := p.walk(); err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	if len(p.Extra) == 0 {
		return nil
	}
	var list Kustomization
	above := enforceDir
	if !r.has(path.Join(above, KustomizationFile)) {
		above = allowDir
	}
	if r.has(path.Join(above, KustomizationFile)) && r.has(path.Join(ExtraDir, KustomizationFile)) {
		all, err := r.kustomization(above)
		if err != nil {
			return err
		}
		if slices.Contains(all.Resources, fromTop) {
			if list, err = r.kustomization(ExtraDir); err != nil {
				return err
			}
		}
	}
	listed := list.listed()
	for _, name := range p.Extra {
		if !listed[strings.TrimPrefix(name, ExtraDir+"/")] {
			r.problem(
				render.Unsupported,
				name,
				"learn has not listed it yet, so that it is not applied: run learn again",
			)
			continue
		}
		r.files = append(r.files, name)
	}
	return nil
}

func (r *policyReader) problem(s render.Severity, file, text string) {
	r.problems = append(r.problems, render.Problem{Severity: s, At: policy.Position{File: file}, Text: text})
}

// text reads a file of the bundle.
func (r *policyReader) text(name string) ([]byte, error) {
	dir := r.dir
	if r.kept[name] {
		dir = r.place
	}
	return render.ReadInside(dir, r.at(name))
}

// at is where a file of the bundle lies.
func (r *policyReader) at(name string) string {
	dir := r.dir
	if r.kept[name] {
		dir = r.place
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

func (r *policyReader) has(name string) bool {
	_, err := os.Stat(r.at(name))
	return err == nil
}

// unknownField is in the error of a YAML reader.
var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

func (r *policyReader) kustomization(sub string) (Kustomization, error) {
	var k Kustomization
	text, err := r.text(path.Join(sub, KustomizationFile))
	if err != nil {
		return k, fmt.Errorf("read bundle: %w", err)
	}
	if k, ok := kustomizationOf(text); ok {
		return k, nil
	}
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		field := unknownField.FindStringSubmatch(err.Error())
		if field == nil {
			return k, fmt.Errorf("read bundle: %s/%s: %w", sub, KustomizationFile, err)
		}
		return k, fmt.Errorf("read bundle: %s/%s: %s is of no bundle: verify what kustomize makes of it "+
			"(kubectl kustomize DIR > FILE, sluice verify FILE SOURCE), or write it in a kustomization of your own above",
			sub, KustomizationFile, field[1])
	}
	return k, nil
}

// parse reads the files that were found.
func (r *policyReader) parse() error {
	type parsed struct {
		set      policy.PolicySet
		same     int
		problems []render.Problem
		err      error
	}
	list := make([]parsed, len(r.files))
	var selectors policy.Selectors
	model.Each(len(list), func(i int) {
		if have, ok := r.have[r.files[i]]; ok {
			list[i].set.Policies = have
			return
		}
		text, err := r.text(r.files[i])
		if err != nil {
			list[i].err = err
			return
		}
		list[i].set, list[i].problems = render.ParseText(text, r.files[i], r.kinds...)
		if list[i].same = r.share(list[i].set.Policies); list[i].same == 0 {
			selectors.Share(list[i].set.Policies)
		}
	})
	for _, p := range list {
		if p.err != nil {
			return fmt.Errorf("read bundle: %w", p.err)
		}
		r.set.Join(p.set)
		r.same += p.same
		r.problems = append(r.problems, p.problems...)
	}
	return nil
}

// share has policies that are as expected use the memory of what they are expected to be, and counts them.
func (r *policyReader) share(list []policy.Policy) (same int) {
	for i := range list {
		if q := r.known[list[i].Namespace+"/"+list[i].Name]; q != nil {
			p, ok := list[i].Canonical().Share(q)
			if list[i] = p; ok {
				same++
			}
		}
	}
	return same
}
