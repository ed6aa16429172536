package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluice/model"
)

// fileRows are rows that only one file has: its number is their port.
func fileRows(r *rand.Rand, file int, clusters []string, from time.Time, hours float64) (model.Tables, []model.Observation) {
	t := model.NewTables()
	rows := make([]model.Observation, 1+r.IntN(20))
	for i := range rows {
		web := model.Endpoint{Kind: model.KindPod, Cluster: clusters[r.IntN(len(clusters))], Namespace: "shop", Name: "web"}
		db := model.Endpoint{Kind: model.KindPod, Cluster: web.Cluster, Namespace: "shop", Name: "db"}
		if r.IntN(5) == 0 {
			db.Cluster = clusters[r.IntN(len(clusters))]
		}
		at := from.Add(time.Duration(r.Float64() * hours * float64(time.Hour)))
		rows[i] = model.Observation{Window: uint32(at.Unix() / 60), Src: t.Endpoints.Intern(web), Dst: t.Endpoints.Intern(db),
			Port: uint16(file), Proto: 6, Records: 1, First: at.UnixMicro(), Last: at.UnixMicro()}
	}
	return t, rows
}

// byFile counts the records of each file.
func byFile(t *testing.T, s *Store) map[uint16]int {
	t.Helper()
	out := map[uint16]int{}
	_, rows := scanned(t, s, ScanOptions{})
	for i := range rows {
		out[rows[i].Port] += int(rows[i].Records)
	}
	return out
}

// TestPackAgain: files that are read again into what was unpacked of a part of their store are there once and whole, or
// the store says that it has but a part of them. One that has grown is known by what it is now.
func TestPackAgain(t *testing.T) {
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		s := inMemory(t)
		type file struct {
			src    Source
			tables model.Tables
			rows   []model.Observation
			grew   bool // from the one before it
		}
		var files []file
		for n := range 3 + r.IntN(8) {
			clusters := [][]string{{""}, {"east"}, {"west"}, {"north"}, {"east", "west"}, {"", "east"}}[r.IntN(6)]
			from, hours := begin.Add(time.Duration(r.IntN(96))*time.Hour), []float64{0.5, 5, 40}[r.IntN(3)]
			f := file{src: Source{Name: fmt.Sprint("f", n), Digest: fmt.Sprint("d", n), Records: 1, Bytes: int64(1 + n)}}
			if r.IntN(3) == 0 {
				f.src.Cluster = clusters[0]
			}
			if n > 0 && r.IntN(4) == 0 {
				f.src.Name, f.grew = files[n-1].src.Name, !files[n-1].grew
			}
			f.tables, f.rows = fileRows(r, n, clusters, from, hours)
			files = append(files, f)
			commitRows(t, s, WriterOptions{Cluster: f.src.Cluster}, f.tables, f.rows, f.src)
			if r.IntN(3) == 0 {
				if _, err := s.Compact(t.Context(), CompactOptions{Run: 2 + r.IntN(2)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		all := byFile(t, s)
		var o ScanOptions
		if r.IntN(3) > 0 {
			o.Since = begin.Add(time.Duration(r.IntN(120)) * time.Hour).UnixMicro()
		}
		if r.IntN(3) == 0 {
			o.Until = begin.Add(time.Duration(r.IntN(120)) * time.Hour).UnixMicro()
		}
		o.Cluster = []string{"", "", "east", "north"}[r.IntN(4)]
		var pack bytes.Buffer
		if err := s.Pack(t.Context(), &pack, o); err != nil {
			t.Fatal(err)
		}
		got, err := Unpack(t.Context(), &pack, newDirFiles(memRoot, NewMem()), maxFile)
		if err != nil {
			t.Fatal(err)
		}
		partial := map[string]bool{}
		for _, src := range got.Sources() {
			partial[src.Digest] = src.Partial
		}
		for n, f := range files {
			grows := n+1 < len(files) && files[n+1].grew // who reads that has this, too
			if !got.HasSource(f.src.Digest) && !(grows && got.HasSource(files[n+1].src.Digest)) {
				commitRows(t, got, WriterOptions{Cluster: f.src.Cluster}, f.tables, f.rows, f.src)
			}
			if grows && partial[files[n+1].src.Digest] {
				partial[f.src.Digest] = true
			}
		}
		for n, records := range byFile(t, got) {
			if want := all[n]; records > want {
				t.Errorf("seed %d, %+v: file %d has %d records, more than %d", seed, o, n, records, want)
			}
		}
		have, some := byFile(t, got), 0
		for n, f := range files {
			if have[uint16(n)] < all[uint16(n)] && !partial[f.src.Digest] {
				t.Errorf("seed %d, %+v: %d of %d records of file %d, and it is not said", seed, o, have[uint16(n)], all[uint16(n)], n)
			}
			if have[uint16(n)] < all[uint16(n)] {
				some++
			}
		}
		if o == (ScanOptions{}) && slices.ContainsFunc(got.Sources(), func(s Source) bool { return s.Partial }) || o == (ScanOptions{}) && some > 0 {
			t.Errorf("seed %d: a part of a whole store", seed)
		}
	}
}
