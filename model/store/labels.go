package store

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"sluice/model"
)

// podName is the kind of the labels' rows that are no endpoints but names of pods: flows refer to both by one id.
const podName = "pod-name"

// label is one row of the labels.
type label struct {
	id    uint32
	marks uint16
	texts [numTexts]string
	lists [numLists][]string
}

// The text columns, null where empty, and the list columns, in the order they are stored in.
const (
	textCluster = iota
	textNamespace
	textName
	textKind
	textOwnerKind
	textOwner
	textServiceAccount
	textAddress
	numTexts
)

const (
	listLabels = iota
	listNamespaceLabels
	listEntities
	listNames
	numLists
)

var (
	textColumns = [numTexts]string{"cluster", "namespace", "name", "kind", "owner_kind", "owner",
		"service_account", "address"}
	listColumns = [numLists]string{"labels", "namespace_labels", "entities", "names"}
)

func labelsSchema() *schema.GroupNode {
	required, optional := parquet.Repetitions.Required, parquet.Repetitions.Optional
	number := func(name string, bits int8) schema.Node {
		kind := schema.NewIntLogicalType(bits, false)
		return schema.Must(schema.NewPrimitiveNodeLogical(name, required, kind, parquet.Types.Int32, 0, -1))
	}
	text := func(name string, rep parquet.Repetition) schema.Node {
		kind := schema.StringLogicalType{}
		return schema.Must(schema.NewPrimitiveNodeLogical(name, rep, kind, parquet.Types.ByteArray, 0, -1))
	}
	fields := schema.FieldList{number("id", 32), number("marks", 16)}
	for _, name := range textColumns {
		fields = append(fields, text(name, optional))
	}
	for _, name := range listColumns {
		fields = append(fields, schema.Must(schema.ListOfWithName(name, text("element", required), required, -1)))
	}
	return schema.MustGroup(schema.NewGroupNode("labels", required, fields, -1))
}

// EndpointTexts are the texts and lists that an endpoint is stored as, in the order of the columns of labels: cluster,
// namespace, name, kind, owner_kind, owner, service_account, address; labels, namespace_labels, entities, names.
func EndpointTexts(e *model.Endpoint) (texts [numTexts]string, lists [numLists][]string) {
	l := endpointLabel(0, e)
	return l.texts, l.lists
}

// EndpointOf is the reverse of EndpointTexts.
func EndpointOf(texts [numTexts]string, lists [numLists][]string, marks model.Marks) (model.Endpoint, error) {
	l := label{texts: texts, lists: lists, marks: uint16(marks)}
	return l.endpoint()
}

func endpointLabel(id uint32, e *model.Endpoint) label {
	l := label{id: id, marks: uint16(e.Marks)}
	l.texts = [numTexts]string{e.Cluster, e.Namespace, e.Name, e.Kind.String(), e.Owner.Kind, e.Owner.Name,
		e.ServiceAccount, ""}
	if e.Address.IsValid() {
		l.texts[textAddress] = e.Address.String()
	}
	l.lists = [numLists][]string{e.Labels, e.NamespaceLabels, nil, e.Names}
	if e.Entities != 0 {
		l.lists[listEntities] = strings.Split(e.Entities.String(), "+")
	}
	return l
}

// endpoint is the reverse of endpointLabel.
func (l *label) endpoint() (e model.Endpoint, err error) {
	t := &l.texts
	kind, ok := model.ParseKind(t[textKind])
	if !ok {
		return e, fmt.Errorf("kind %q: %w", t[textKind], ErrDamaged)
	}
	e = model.Endpoint{
		Kind: kind, Cluster: t[textCluster], Namespace: t[textNamespace], Name: t[textName],
		Owner:          model.Owner{Kind: t[textOwnerKind], Name: t[textOwner]},
		ServiceAccount: t[textServiceAccount], Labels: l.lists[listLabels], NamespaceLabels: l.lists[listNamespaceLabels],
		Names: l.lists[listNames], Marks: model.Marks(l.marks)}
	for _, name := range l.lists[listEntities] {
		entity, ok := model.ParseEntity(name)
		if !ok {
			return e, fmt.Errorf("entity %q: %w", name, ErrDamaged)
		}
		e.Entities |= entity
	}
	if a := t[textAddress]; a != "" {
		e.Address, err = netip.ParseAddr(a)
	}
	return e, err
}

// labelGroup is the size of a row group of labels. Its columns are one page each: the texts of a batch must not span
// pages, since the reader reuses the memory of a page for the next.
const labelGroup = 1 << 14

// writeLabels writes a file of labels.
func writeLabels(e *encoder, w io.Writer, rows []label) error {
	return e.write(w, labelsKind, labelsSchema(), nil, func(p *parquetFile) error {
		for part := range slices.Chunk(rows, labelGroup) {
			column := func(c int, w *chunk) error {
				return w.texts(func(w file.ColumnChunkWriter) error { return writeLabelColumn(w, c, part) })
			}
			if err := p.group(len(part), column); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeLabelColumn writes the column of a place in labelsSchema.
func writeLabelColumn(w file.ColumnChunkWriter, column int, rows []label) error {
	switch {
	case column == 0:
		return writeNumbers(w, rows, func(l *label) int32 { return int32(l.id) })
	case column == 1:
		return writeNumbers(w, rows, func(l *label) int32 { return int32(l.marks) })
	case column < 2+numTexts:
		return writeTexts(w, texts(rows, column-2))
	}
	return writeTexts(w, lists(rows, column-2-numTexts))
}

func writeNumbers(w file.ColumnChunkWriter, rows []label, field func(*label) int32) error {
	values := make([]int32, len(rows))
	for i := range rows {
		values[i] = field(&rows[i])
	}
	_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(values, nil, nil)
	return err
}

func writeTexts(w file.ColumnChunkWriter, v levelled) error {
	_, err := w.(*file.ByteArrayColumnChunkWriter).WriteBatch(v.values, v.defined, v.repeated)
	return err
}

// levelled are the texts of a column with the levels that tell which row they are of.
type levelled struct {
	values            []parquet.ByteArray
	defined, repeated []int16
}

// texts returns a text column: empty texts are undefined.
func texts(rows []label, column int) levelled {
	v := levelled{values: make([]parquet.ByteArray, 0, len(rows)), defined: make([]int16, len(rows))}
	for i := range rows {
		if s := rows[i].texts[column]; s != "" {
			v.values, v.defined[i] = append(v.values, []byte(s)), 1
		}
	}
	return v
}

// lists returns the elements of a list column: an empty list is one undefined element.
func lists(rows []label, column int) (v levelled) {
	n := 0
	for i := range rows {
		n += max(1, len(rows[i].lists[column]))
	}
	v = levelled{make([]parquet.ByteArray, 0, n), make([]int16, 0, n), make([]int16, 0, n)}
	for i := range rows {
		list := rows[i].lists[column]
		if len(list) == 0 {
			v.defined, v.repeated = append(v.defined, 0), append(v.repeated, 0)
		}
		for j, s := range list {
			v.values = append(v.values, []byte(s))
			v.defined, v.repeated = append(v.defined, 1), append(v.repeated, int16(min(j, 1)))
		}
	}
	return v
}
