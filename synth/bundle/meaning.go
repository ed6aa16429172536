package bundle

import (
	"crypto/sha256"
	"reflect"
)

// meaning is what a manifest says without the day, the marks of what is new, and the texts for people: a digest of each
// of its fields, by their names.
type meaning map[string]string

// add takes the fields of a manifest of some types.
func (x meaning) add(m *Manifest, wanted func(reflect.Type) bool) error {
	c := m.committed()
	c.AsOf, c.Files = "", map[string]string{}
	for name, digest := range m.Files { // names of a former bundle have its texts among them
		if isYAML(name) {
			c.Files[name] = digest
		}
	}
	v := reflect.ValueOf(&c.Manifest).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options := fieldName(f)
		if _, has := x[name]; has || !f.IsExported() || leftOut(v.Field(i), options) || !wanted(f.Type) {
			continue
		}
		var err error
		if x[name], err = meant(func(w *jsonWriter) { w.field(v.Field(i)) }); err != nil {
			return err
		}
	}
	return nil
}

// meant is the digest of what is written, as it is compared.
func meant(write func(*jsonWriter)) (string, error) {
	hash := sha256.New()
	w := &jsonWriter{out: hash, item: func(item any) any {
		if r, ok := item.(*Rule); ok {
			same := *r
			same.New = false
			return &same
		}
		return committedItem(item)
	}}
	write(w)
	w.flush(0)
	return digestText(hash.Sum(nil)), w.err
}
