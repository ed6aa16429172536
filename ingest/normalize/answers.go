package normalize

import (
	"net/netip"

	"sluice/model"
)

// maxLife is how many hours an answer of a resolver may count for.
const maxLife = 24

// noteAnswer hands on which names a client was given for an address, and in which hours that holds, as rows that count
// no record. A graph names by them what this client, and nobody else, then connects to.
func (n *Normalizer) noteAnswer(f *model.Flow, fate model.Fate) {
	if f.Answer == nil || n.Endpoints == nil || fate != model.Reply {
		return
	}
	first := int64(n.windowOf(f.Time)) / 60
	last := min((f.Time+int64(f.Answer.TTL)*1e6)/hourTime, first+maxLife)
	for _, text := range f.Answer.Addresses {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		row := model.Observation{
			Src: f.Dst.ID, Fate: model.Irrelevant, Reason: model.Backend, Marks: model.MarkNoted,
			Dst: n.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World,
				Address: ip.Unmap().WithZone(""), Names: []string{f.Answer.Name}}),
		}
		for hour := first; hour <= last; hour++ {
			row.Window, row.First = uint32(hour*60), max(f.Time, hour*hourTime)
			row.Last = row.First
			n.fold.Add(&row, nil, nil)
		}
	}
}
