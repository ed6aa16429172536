package run

import (
	"sluice/model"
	"sluice/model/store"
)

// nearby returns the rows that have to do with a cluster: its own, whole those of the clusters that rows join it with,
// and those that name none. It is what a store is read of for one. With "" it is all.
func (l *Log) nearby(cluster string, rows []model.Observation) []model.Observation {
	if cluster == "" || cluster == UnnamedCluster || l.Redact != nil {
		return rows
	}
	ends := l.Builder.Tables().Endpoints
	filed := func(r *model.Observation) (of, peer string) { return store.Filed(ends.Get(r.Src), ends.Get(r.Dst), "") }
	near := map[string]bool{cluster: true, store.UnknownCluster: true}
	for i := range rows {
		switch of, peer := filed(&rows[i]); {
		case peer == "":
		case of == cluster:
			near[peer] = true
		case peer == cluster:
			near[of] = true
		}
	}
	var out []model.Observation
	for i := range rows {
		if of, _ := filed(&rows[i]); near[of] {
			out = append(out, rows[i])
		}
	}
	return out
}
