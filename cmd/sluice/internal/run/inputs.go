package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// Inputs are where what lies in no file comes from.
type Inputs struct {
	Stdin   io.Reader
	Cluster Cluster // asked only where a command line names it
	Watch   Watch   // told while the cluster is asked; nil: nobody is
}

// Cluster is one that can be asked for what it has. take is called with a name for people and an object as JSON; lost
// has an error for each kind that may not be read.
type Cluster interface {
	Policies(ctx context.Context, take func(name string, object []byte) error) (lost []error, err error)
	Declared(ctx context.Context, take func(name string, object []byte) error) (lost []error, err error)
}

// unread is an error for a kind of the cluster that may not be read, all of it or what is of other namespaces.
type unread interface {
	error
	Resource() string
	Cost() string // what is not known then; "": the command has to know it
}

// bearable parts what a command can do without from what it has to have.
func bearable(lost []error) (without []unread, needed []error) {
	for _, e := range lost {
		var u unread
		if errors.As(e, &u) && u.Cost() != "" {
			without = append(without, u)
		} else {
			needed = append(needed, e)
		}
	}
	return without, needed
}

// costs says of each cost what it is of.
func costs(list []unread) []string {
	var order []string
	of := map[string][]string{}
	for _, u := range list {
		if of[u.Cost()] == nil {
			order = append(order, u.Cost())
		}
		of[u.Cost()] = append(of[u.Cost()], u.Resource())
	}
	for i, cost := range order {
		order[i] = fmt.Sprintf("%s: not read for lack of rights (sluice install --rbac): %s. %s%s", clusterName,
			strings.Join(of[cost], ", "), strings.ToUpper(cost[:1]), cost[1:])
	}
	return order
}

// clusterName stands for the cluster where files are named.
const clusterName = "cluster"

// isCluster reports whether a path means the cluster. Where a file is called so, nobody knows what was meant.
func isCluster(path string) (bool, error) {
	if path != clusterName {
		return false, nil
	}
	if _, err := os.Lstat(path); err == nil {
		return false, Usagef("cluster is the cluster of the kubeconfig, and a file here is called so: write ./cluster for the file")
	}
	return true, nil
}

// clusterPolicies reads the policies of a cluster. What may not be read is a problem, as a file is that cannot be read.
func clusterPolicies(ctx context.Context, in Inputs) (*Policies, error) {
	_, done := in.Watch.start("reading the policies of the cluster", 0)
	defer done()
	p := &Policies{Read: map[string][]byte{}}
	lost, err := in.Cluster.Policies(ctx, func(name string, object []byte) error {
		p.Read[name] = object
		set, problems := render.Parse(bytes.NewReader(object), name, all.Kinds()...)
		p.Set.Join(set)
		p.Problems = append(p.Problems, problems...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	p.Problems = append(p.Problems, notRead(lost)...)
	if len(p.Set.Policies) == 0 && !render.Incomplete(p.Problems) {
		none := render.Problem{Severity: render.Note, Text: "no policy is in force there: nothing is denied. " +
			"Is it the right one (--context)?"}
		none.At = policy.Position{File: clusterName, Document: 1}
		p.Problems = append(p.Problems, none)
	}
	return p, nil
}

// notRead are the problems of kinds of policies that may not be read: the set lacks what is in force. Where those of
// the namespaces in question were read it lacks nothing of them.
func notRead(lost []error) []render.Problem {
	var out []render.Problem
	for _, e := range lost {
		p := render.Problem{Severity: render.Unsupported, Text: "not read: " + e.Error()}
		p.At = policy.Position{File: clusterName, Document: 1}
		var u unread
		if errors.As(e, &u) {
			p.Kind = u.Resource()
		}
		var partly interface{ Within() []string }
		if errors.As(e, &partly) {
			p.Severity, p.Text, p.Kind = render.Note, e.Error(), ""
		}
		out = append(out, p)
	}
	return out
}

// Apply returns the policies that are in force once more were applied.
func (p *Policies) Apply(more *Policies) *Policies {
	out := *more
	out.Set = p.Set.Apply(more.Set)
	return &out
}
