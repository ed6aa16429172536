package goldmane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/ingest/calico"
	"sluice/model"
)

// liar answers with flows of the times that it is given.
type liar struct {
	lister
	times [][2]int64
}

func (l *liar) links() uint64 { return 0 }

func (l *liar) sample(_ context.Context, take func([]byte)) error {
	for _, t := range l.times {
		take(fmt.Appendf(nil, `{"start_time":%d,"end_time":%d,"action":"Allow","source_name":"a-*","source_namespace":"x",`+
			`"dest_name":"b-*","dest_namespace":"y","protocol":"tcp","dest_port":80,"reporter":"Src"}`, t[0], t[1]))
	}
	return nil
}

// TestLyingTimes: whatever times a server gives, the length of a bucket stays one that goes on being asked for.
func TestLyingTimes(t *testing.T) {
	now := time.Unix(1_772_000_000, 0)
	for _, c := range []struct {
		name  string
		times [][2]int64
		want  int64
	}{
		{"honest", [][2]int64{{1_771_999_980, 1_771_999_995}, {1_771_999_920, 1_771_999_980}}, 15},
		{"honest and long", [][2]int64{{1_771_999_200, 1_771_999_800}, {1_771_998_600, 1_771_999_200}}, 600},
		{"nothing", nil, usualBucket},
		{"a life long", [][2]int64{{1_700_000_000, 3_400_000_000}}, usualBucket},
		{"never ends", [][2]int64{{1_700_000_000, math.MaxInt64 / 1_000_000}}, usualBucket},
		{"ends before it begins", [][2]int64{{1_700_000_000, 1_000_000}}, usualBucket},
		{"before all time", [][2]int64{{-15, 0}, {0, 0}}, usualBucket},
		{"one beside honest ones", [][2]int64{{1_771_999_980, 1_771_999_995}, {0, 1_700_000_000 * 3600}}, 15},
	} {
		cfg := DefaultConfig()
		cfg.Log = slog.New(slog.DiscardHandler)
		p := newPoll(&cfg, &liar{times: c.times}, func() time.Time { return now }, time.Millisecond)
		p.decoder = calico.NewDecoder("test", model.NewTables())
		if err := p.learn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.name == "never ends" || c.name == "ends before it begins" {
			if p.width < 1 || p.width > longestBucket {
				t.Errorf("%s: %d s", c.name, p.width)
			}
			continue
		}
		if p.width != c.want {
			t.Errorf("%s: %d s, want %d", c.name, p.width, c.want)
		}
	}
}

// TestLyingCounts: a number of flows that is none is asked for again, once each time that it is looked at, and the flows
// that come again are not counted twice.
func TestLyingCounts(t *testing.T) {
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		c := collect(t, cfg, now, nil)
		begin := now().Unix()
		for n := range int64(4) {
			f.add(begin-n*15, 80+int(n))
		}
		f.mu.Lock()
		f.lie = math.MaxInt64
		f.mu.Unlock()
		c.await(f)
		if err := c.stop(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestLyingFlow: a flow of many megabytes is one malformed record, whose text nobody spells; the flow behind it is read.
func TestLyingFlow(t *testing.T) {
	in := func(num protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), b)
	}
	large := in(2, in(2, in(1, in(1, bytes.Repeat([]byte{1}, 8*maxFlow)))))
	honest := in(2, in(2, flowBytes(t, `{"Key":{"source_name":"a-*","source_namespace":"x","source_type":1,"dest_name":"b-*",`+
		`"dest_namespace":"y","dest_type":1,"dest_port":80,"proto":"tcp","reporter":1,"action":1},`+
		`"start_time":1772000010,"end_time":1772000025,"source_labels":["app=a"],"dest_labels":["app=b"]}`)))
	d := calico.NewDecoder("test", model.NewTables())
	var fates []string
	_, err := answer(append(large, honest...), func(b []byte) {
		if len(b) > maxFlow {
			t.Errorf("%d bytes of a flow were spelled", len(b))
		}
		f, rej := d.Decode(b)
		if rej != nil {
			fates = append(fates, rej.Fate.String())
			return
		}
		fates = append(fates, fmt.Sprint("port ", f.DstPort))
	})
	if got := fmt.Sprint(fates); err != nil || got != "[malformed port 80]" {
		t.Errorf("%s, %v", got, err)
	}
}
