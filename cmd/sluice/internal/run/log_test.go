package run

import (
	"slices"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/model/store"
)

// TestMissing: an hour is incomplete where a part of a gap lies in it, also of one that began long before; a gap whose
// end is not known has its beginning. So are the hours of lost events, all hours where nobody knows when they were lost,
// and all from the first record to the last of a source that was stored before hours were noted. What ends before
// --since, or begins after --until, is not told.
func TestMissing(t *testing.T) {
	const hour = 3600e6
	stream := store.Source{Stream: &store.Stream{Gaps: []store.Gap{{From: 8.5 * hour, To: 8.6 * hour},
		{From: 2.5 * hour, To: 5.1 * hour}, {From: 3 * hour, To: 3.1 * hour}, {From: 11.2 * hour}}}}
	for name, c := range map[string]struct {
		src          store.Source
		since, until model.Micros
		lost         uint64
		want         []uint32
	}{
		"gaps":               {stream, 0, 0, 0, []uint32{2, 3, 4, 5, 8, 11}},
		"gaps, some":         {stream, 4 * hour, 8.6 * hour, 0, []uint32{2, 3, 4, 5, 8}},
		"lost":               {store.Source{Lost: 7, LostHours: model.Losses{3: 7}}, 0, 0, 7, []uint32{3}},
		"lost, before":       {store.Source{Lost: 7, LostHours: model.Losses{3: 5, 4: 2}}, 4 * hour, 0, 2, []uint32{4}},
		"lost, after":        {store.Source{Lost: 7, LostHours: model.Losses{3: 5, 4: 2}}, 0, 4 * hour, 5, []uint32{3}},
		"lost, in its hour":  {store.Source{Lost: 7, LostHours: model.Losses{3: 7}}, 3.5 * hour, 3.6 * hour, 7, []uint32{3}},
		"lost, long ago":     {store.Source{Lost: 7, First: 4.2 * hour, Last: 6.1 * hour}, 0, 0, 7, []uint32{4, 5, 6}},
		"lost, longer ago":   {store.Source{Lost: 7, First: 4.2 * hour, Last: 6.1 * hour}, 9 * hour, 0, 0, nil},
		"lost, and where":    {store.Source{Lost: 7}, 0, 0, 7, []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		"lost, and where so": {store.Source{Lost: 7}, 3 * hour, 4 * hour, 7, []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		"whole":              {store.Source{}, 0, 0, 0, nil},
	} {
		l := NewLog(&Config{})
		l.lostOf(&c.src, c.since, c.until)
		if l.Report.Lost != c.lost {
			t.Errorf("%s: %d lost, want %d", name, l.Report.Lost, c.lost)
		}
		incomplete := l.graphConfig().Incomplete
		var got []uint32
		for h := uint32(1); incomplete != nil && h <= 12; h++ {
			if incomplete(h) {
				got = append(got, h)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: hours %v, want %v", name, got, c.want)
		}
	}
}

// TestHoles: a log that has records all the time breaks off where an hour has none; one that has few shows nothing by it.
func TestHoles(t *testing.T) {
	steady := []graph.Hour{{Hour: 4, Records: 90}, {Hour: 5, Records: 50}, {Hour: 8, Records: 60}}
	if got := holes(steady); !slices.Equal(got, []model.Micros{5 * 3600e6, 8 * 3600e6}) {
		t.Errorf("holes %v", got)
	}
	if got := holes([]graph.Hour{{Hour: 4, Records: 90}, {Hour: 8, Records: 3}}); got != nil {
		t.Errorf("holes of a log that is mostly quiet: %v", got)
	}
}
