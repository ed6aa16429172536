package store

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
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

// labelGroupBytes of texts end a row group of labels before that, far from what a page may have (mostTexts).
const labelGroupBytes = mostTexts / 8

// writeLabels writes a file of labels.
func writeLabels(e *encoder, w io.Writer, rows []label) error {
	var v levelled
	return e.write(w, labelsKind, labelsSchema(), nil, func(p *parquetFile) error {
		for rest := rows; len(rest) > 0; {
			part := rest[:labelGroupOf(rest)]
			rest = rest[len(part):]
			err := p.group(len(part), func(c int, w *chunk) error { return writeLabelColumn(w, c, part, &v) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// labelGroupOf is how many of rows the next row group has.
func labelGroupOf(rows []label) int {
	size := 0
	for i := range rows[:min(labelGroup, len(rows))] {
		if size += rows[i].size(); size > labelGroupBytes {
			return i + 1
		}
	}
	return min(labelGroup, len(rows))
}

// size is what the texts of a label take in pages.
func (l *label) size() (n int) {
	const length = 4 // before each text
	for _, s := range l.texts {
		n += length + len(s)
	}
	for _, list := range l.lists {
		for _, s := range list {
			n += length + len(s)
		}
	}
	return n
}

// writeLabelColumn writes the column of a place in labelsSchema. v is memory for it.
func writeLabelColumn(w *chunk, column int, rows []label, v *levelled) error {
	switch {
	case column == 0:
		return writeNumbers(w, rows, func(l *label) int32 { return int32(l.id) })
	case column == 1:
		return writeNumbers(w, rows, func(l *label) int32 { return int32(l.marks) })
	case column < 2+numTexts:
		v.texts(rows, column-2)
	default:
		v.ofLists(rows, column-2-numTexts)
	}
	return w.texts(v)
}

func writeNumbers(w *chunk, rows []label, field func(*label) int32) error {
	values := make([]int32, len(rows))
	for i := range rows {
		values[i] = field(&rows[i])
	}
	stats := metadata.NewInt32Statistics(w.meta.Descr(), w.props.Allocator())
	stats.Update(values, 0)
	return w.numbers(arrow.Int32Traits.CastToBytes(values), arrow.Int32SizeBytes, len(rows), nil, stats)
}

// levelled are the texts of a column with the levels that tell which row they are of.
type levelled struct {
	lists             bool // it is a column of lists
	values            []string
	defined, repeated []int16 // repeated: of lists
}

// texts fills v with a text column: empty texts are undefined.
func (v *levelled) texts(rows []label, column int) {
	v.lists, v.values, v.defined = false, v.values[:0], v.defined[:0]
	for i := range rows {
		s := rows[i].texts[column]
		if s == "" {
			v.defined = append(v.defined, 0)
			continue
		}
		v.values, v.defined = append(v.values, s), append(v.defined, 1)
	}
}

// ofLists fills v with the elements of a list column: an empty list is one undefined element.
func (v *levelled) ofLists(rows []label, column int) {
	v.lists, v.values, v.defined, v.repeated = true, v.values[:0], v.defined[:0], v.repeated[:0]
	for i := range rows {
		list := rows[i].lists[column]
		if len(list) == 0 {
			v.defined, v.repeated = append(v.defined, 0), append(v.repeated, 0)
		}
		for j, s := range list {
			v.values = append(v.values, s)
			v.defined, v.repeated = append(v.defined, 1), append(v.repeated, int16(min(j, 1)))
		}
	}
}

// Encode returns what the column says of its values: the least, the greatest, and how many are undefined.
func (v *levelled) Encode() (about metadata.EncodedStatistics, err error) {
	about.SetNullCount(int64(len(v.defined) - len(v.values)))
	if len(v.values) > 0 {
		about.SetMin([]byte(slices.Min(v.values))).SetMax([]byte(slices.Max(v.values)))
	}
	return about, nil
}
