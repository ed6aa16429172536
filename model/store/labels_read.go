package store

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"sluice/model"
)

// readLabels returns the tables that the flows of a pair refer to. Endpoints stand first, so that their ids are those
// of the file; the first pod name has the id that the number of endpoints is.
func readLabels(data []byte) (t model.Tables, err error) {
	defer recovered(&err)
	f, err := openParquet(data, labelsKind, labelsSchema(), labelGroup)
	if err != nil {
		return t, err
	}
	t = model.NewTables()
	t.Endpoints.Grow(int(f.meta.GetNumRows()))
	rows, first, memory := []label(nil), 0, interned{}
	for i := range f.groups() {
		g := f.group(i)
		rows = slices.Grow(rows[:0], int(g.NumRows()))[:g.NumRows()]
		clear(rows)
		if err := readLabelGroup(g, rows, memory); err != nil {
			return t, err
		}
		if err := addLabels(t, rows, first); err != nil {
			return t, err
		}
		first += len(rows)
	}
	return t, nil
}

// addLabels adds rows of which the first is so far down in the file.
func addLabels(t model.Tables, rows []label, first int) error {
	for i := range rows {
		l, i := &rows[i], first+i
		if l.id != uint32(i) {
			return fmt.Errorf("id %d in row %d: %w", l.id, i, ErrDamaged)
		}
		if l.texts[textKind] == podName {
			if n := t.Names.Intern([]byte(l.texts[textName])); int(n)+t.Endpoints.Len()-1 != i {
				return fmt.Errorf("pod name %q stands twice: %w", l.texts[textName], ErrDamaged)
			}
			continue
		}
		e, err := l.endpoint()
		if err != nil {
			return fmt.Errorf("endpoint %d: %w", i, err)
		}
		if id := t.Endpoints.Intern(e); int(id) != i {
			return fmt.Errorf("endpoint %d stands twice: %w", i, ErrDamaged)
		}
	}
	return nil
}

func readLabelGroup(g rowGroup, rows []label, memory interned) error {
	for c, set := range []func(*label, int32){
		func(l *label, v int32) { l.id = uint32(v) },
		func(l *label, v int32) { l.marks = uint16(v) },
	} {
		r, err := columnOf(g, c)
		if err != nil {
			return err
		}
		values := make([]int32, len(rows))
		n, _, err := r.(*file.Int32ColumnChunkReader).ReadBatch(int64(len(rows)), values, nil, nil)
		if err != nil || int(n) != len(rows) {
			return fmt.Errorf("column %d ends early: %w", c, ErrDamaged)
		}
		for i, v := range values {
			set(&rows[i], v)
		}
	}
	for i := range numTexts {
		err := readTexts(g, 2+i, len(rows), memory, func(row int, s string) { rows[row].texts[i] = s })
		if err != nil {
			return err
		}
	}
	for i := range numLists {
		if err := readLists(g, i, rows, memory); err != nil {
			return err
		}
	}
	return nil
}

// readLists reads a list column: the list of a row is made once it is known how long it is.
func readLists(g rowGroup, column int, rows []label, memory interned) error {
	var list []string
	of := -1
	end := func() {
		if len(list) > 0 {
			rows[of].lists[column], list = slices.Clone(list), list[:0]
		}
	}
	err := readTexts(g, 2+numTexts+column, len(rows), memory, func(row int, s string) {
		if row != of {
			end()
			of = row
		}
		list = append(list, s)
	})
	end()
	return err
}

// interned makes equal texts share their memory.
type interned map[string]string

func (m interned) text(b []byte) string {
	s, ok := m[string(b)]
	if !ok {
		s = string(b)
		m[s] = s
	}
	return s
}

// textBatch is how many texts are read at once, at most.
const textBatch = 4096

// readTexts hands every text of a column to set with its row.
func readTexts(g rowGroup, column, rows int, memory interned, set func(row int, s string)) error {
	c, err := columnOf(g, column)
	if err != nil {
		return err
	}
	r := c.(*file.ByteArrayColumnChunkReader)
	var repeated []int16
	batch := min(textBatch, max(rows, 16))
	if r.Descriptor().MaxRepetitionLevel() > 0 {
		repeated = make([]int16, batch)
	}
	values, defined := make([]parquet.ByteArray, batch), make([]int16, batch)
	row := -1
	for r.HasNext() {
		n, _, err := r.ReadBatch(int64(batch), values, defined, repeated)
		if err != nil {
			return err
		}
		if n == 0 { // it would go on so for ever
			return fmt.Errorf("column %d ends early: %w", column, ErrDamaged)
		}
		next := values
		for i := range int(n) {
			if repeated == nil || repeated[i] == 0 {
				row++
			}
			if row >= rows {
				return fmt.Errorf("column %d has more than %d rows: %w", column, rows, ErrDamaged)
			}
			if defined[i] == 1 {
				set(row, memory.text(next[0]))
				next = next[1:]
			}
		}
	}
	if row != rows-1 {
		return fmt.Errorf("column %d has %d of %d rows: %w", column, row+1, rows, ErrDamaged)
	}
	return r.Err()
}
