package graph_test

import (
	"slices"
	"testing"

	"sluice/model"
	"sluice/model/graph"
)

// TestHours counts every record, noise among them.
func TestHours(t *testing.T) {
	tables := model.NewTables()
	b := graph.NewBuilder(tables)
	a := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "a"})
	b.Add(tables, []model.Observation{
		{Window: 125, Src: a, Dst: a, Port: 80, Proto: model.TCP, Fate: model.Irrelevant, Records: 2},
		{Window: 61, Src: a, Dst: a, Port: 81, Proto: model.TCP, Fate: model.Used, Records: 3},
		{Window: 119, Src: a, Dst: a, Port: 80, Proto: model.TCP, Fate: model.Used, Records: 4},
	})
	if got, want := b.Hours(), []graph.Hour{{Hour: 1, Records: 7}, {Hour: 2, Records: 2}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
