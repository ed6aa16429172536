package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/protobuf/encoding/protojson"
)

// record is a flow of the capture and its place among all records of the capture.
type record struct {
	index int
	flow  *flowpb.Flow
}

// capture is what one node holds of a capture.
type capture struct {
	records []record      // in order
	total   int           // records of the whole capture
	first   time.Time     // of the whole capture
	span    time.Duration // from the first to the last record
}

// readCapture keeps the records of the nodes that are dealt to node `seat` of `seats`: the capture's node names, in order of
// appearance, go round.
func readCapture(file string, seat, seats int) (*capture, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &capture{}
	var names []string
	r := bufio.NewReaderSize(f, 1<<20)
	var last []byte
	for {
		line, err := r.ReadBytes('\n')
		if bytes.Contains(line, []byte(`"flow":{`)) { // what else an exporter writes is no record
			name := nodeName(line)
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			mine := slices.Index(names, name)%seats == seat
			if c.total == 0 || mine {
				e, err := parse(line)
				if err != nil {
					return nil, fmt.Errorf("%s, record %d: %w", file, c.total, err)
				}
				if c.total == 0 {
					c.first = e.GetTime().AsTime()
				}
				if mine {
					c.records = append(c.records, record{c.total, e})
				}
			}
			c.total++
			last = line
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if c.total == 0 {
		return nil, fmt.Errorf("%s has no records", file)
	}
	e, err := parse(last)
	if err != nil {
		return nil, err
	}
	c.span = e.GetTime().AsTime().Sub(c.first)
	return c, nil
}

func parse(line []byte) (*flowpb.Flow, error) {
	var e observerpb.ExportEvent
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(line, &e); err != nil {
		return nil, err
	}
	if e.GetFlow() == nil {
		return nil, errors.New("not a flow")
	}
	return e.GetFlow(), nil
}

// nodeName finds a record's node without parsing the record.
func nodeName(line []byte) string {
	_, rest, _ := bytes.Cut(line, []byte(`"node_name":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}
