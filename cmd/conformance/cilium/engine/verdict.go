package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	ipcachetypes "github.com/cilium/cilium/pkg/ipcache/types"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/types"
	testidentity "github.com/cilium/cilium/pkg/testutils/identity"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	pkgtypes "github.com/cilium/cilium/pkg/types"
	"github.com/cilium/cilium/pkg/u8proto"
)

// engine is the policy repository of one world.
type engine struct {
	world *World
	ends  []*identity.Identity
	repo  *policy.Repository
	ids   identitymanager.IDManager
}

// newEngine loads all identities and then all policies.
func newEngine(w *World, read *objects) (*engine, error) {
	e := &engine{world: w, ids: identitymanager.NewIDManager(silent)}
	all := identity.IdentityMap{}
	for n, l := range identity.ListReservedIdentities() {
		all[n] = l
	}
	named := newIdentities(read)
	for i := range w.Ends {
		id, err := named.of(&w.Ends[i])
		if err != nil {
			return nil, fmt.Errorf("end %d: %w", i, err)
		}
		all[id.ID] = id.LabelArray
		e.ends = append(e.ends, id)
	}
	e.repo = policy.NewPolicyRepository(silent, all, nil, nil, e.ids, testpolicy.NewPolicyMetricsNoop())
	ports, err := namedPorts(w, e.ends)
	if err != nil {
		return nil, err
	}
	e.repo.SetNamedPortsGetter(ports)
	e.repo.GetSelectorCache().SetLocalIdentityNotifier(testidentity.NewDummyIdentityNotifier())
	var done sync.WaitGroup
	e.repo.GetSubjectSelectorCache().UpdateIdentities(all, nil, &done)
	done.Wait()
	for i, entries := range read.policies {
		e.repo.ReplaceByResource(entries, ipcachetypes.NewResourceID(ipcachetypes.ResourceKindCNP, "", fmt.Sprint(i)))
	}
	return e, nil
}

// portNames are the named ports of every identity, by which rules of egress find theirs.
type portNames struct{ all pkgtypes.NamedPortMultiMap }

// GetNamedPorts returns the ports.
func (p portNames) GetNamedPorts() pkgtypes.NamedPortMultiMap { return p.all }

func namedPorts(w *World, ends []*identity.Identity) (portNames, error) {
	all := pkgtypes.NewNamedPortMultiMap()
	for i, id := range ends {
		for _, p := range w.Ends[i].Ports {
			one := pkgtypes.NamedPortMap{}
			if err := one.AddPort(p.Name, int(p.Port), p.Protocol); err != nil {
				return portNames{}, fmt.Errorf("end %d: %w", i, err)
			}
			all.Update(id.ID, nil, one)
		}
	}
	return portNames{all}, nil
}

// verdict looks a connection up in the policy maps of both ends.
func (e *engine) verdict(c Connection) (Verdict, error) {
	if c.From < 0 || c.To < 0 || c.From >= len(e.ends) || c.To >= len(e.ends) {
		return Verdict{}, fmt.Errorf("connection from %d to %d: there are %d ends", c.From, c.To, len(e.ends))
	}
	flow := types.Flow{From: e.ends[c.From], To: e.ends[c.To], Proto: u8proto.U8proto(c.Protocol), Dport: c.Port,
		NamedPortsTCP: map[string]uint16{}, NamedPortsUDP: map[string]uint16{}}
	for _, p := range e.world.Ends[c.To].Ports {
		switch strings.ToUpper(p.Protocol) { // the lookup knows no names for others
		case "UDP":
			flow.NamedPortsUDP[p.Name] = p.Port
		case "TCP":
			flow.NamedPortsTCP[p.Name] = p.Port
		}
	}
	r, _, _, err := policy.LookupFlow(silent, e.repo, e.ids, flow)
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{word(r.Egress), word(r.Ingress)}, nil
}

func word(d types.Decision) string {
	if d == types.DecisionAllowed {
		return "allow"
	}
	return "deny"
}
