package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/synth/policy"
	"sluice/synth/readiness"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// ReadManifests reads the cluster's manifests of files, directories, "-" and "cluster": pods of the log are given the
// owners that these declare, readiness waits for what is declared and was never seen, policies find the namespaces,
// services, ports and accounts that they name, and policies are in force. What cannot be read is a problem, and keeps
// nothing else from being read.
func (c *Config) ReadManifests(ctx context.Context, paths []string, in Inputs) error {
	for _, path := range paths {
		before := len(c.ManifestProblems) + c.declarations()
		if err := c.manifests(ctx, path, in); err != nil {
			return fmt.Errorf("--manifests: %w", err)
		}
		if c.declarations()+len(c.ManifestProblems) == before {
			return fmt.Errorf("--manifests %s: no CronJob, Deployment, StatefulSet or DaemonSet, no Service, "+
				"ServiceAccount, route, Ingress, Namespace, Node or NetworkSet, and nothing of the API server or the network plugin: "+
				"nothing would be known", path)
		}
	}
	return nil
}

// declarations is how many things the manifests say.
func (c *Config) declarations() int {
	return len(c.Manifests) + c.Cluster.Len() + len(c.InForce.Set.Networks)
}

func (c *Config) manifests(ctx context.Context, path string, in Inputs) error {
	defer c.join()
	if path == "-" {
		c.take(in.Stdin, "-")
		return nil
	}
	if of, err := isCluster(path); err != nil {
		return err
	} else if of {
		return in.Watch.during("reading what the cluster declares", func() error {
			return c.clusterManifests(ctx, in.Cluster)
		})
	}
	return eachYAML(path, func(p string) error {
		text, err := readYAML(p)
		if err != nil {
			return err
		}
		c.take(bytes.NewReader(text), p)
		return nil
	})
}

func (c *Config) take(r io.Reader, file string) {
	text, err := io.ReadAll(r)
	if err != nil {
		c.ManifestProblems = append(c.ManifestProblems, fmt.Errorf("%s: %w", file, err))
		return
	}
	set, problems := render.Parse(bytes.NewReader(text), file, all.Kinds()...)
	c.taken.Join(set)
	if c.taken.Manifests.Len() >= maxTaken {
		c.join()
	}
	c.InForce.Problems = append(c.InForce.Problems, problems...)
	list, err := readiness.ReadManifests(bytes.NewReader(text), file, render.DefaultNamespace)
	c.Manifests = append(c.Manifests, list...)
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		c.ManifestProblems = append(c.ManifestProblems, several.Unwrap()...)
	} else if err != nil {
		c.ManifestProblems = append(c.ManifestProblems, err)
	}
}

// maxTaken is how many objects wait to be joined with the others: each time looks at all that are known, and a cluster
// has tens of thousands.
const maxTaken = 1000

// join adds what was taken.
func (c *Config) join() {
	c.Cluster.Join(c.taken.Manifests)
	c.InForce.Set.Join(c.taken)
	c.taken = policy.PolicySet{}
}

// clusterManifests reads what the cluster declares, and what policies are in force there.
func (c *Config) clusterManifests(ctx context.Context, of Cluster) error {
	take := func(name string, object []byte) error {
		c.take(bytes.NewReader(object), name)
		return nil
	}
	lost, err := of.Declared(ctx, take)
	if err != nil {
		return err
	}
	policies, err := of.Policies(ctx, take)
	without, needed := bearable(append(lost, policies...))
	c.Without = append(c.Without, costs(without)...)
	_, unread := bearable(policies)
	c.InForce.Problems = append(c.InForce.Problems, notRead(unread)...)
	c.ManifestProblems = append(c.ManifestProblems, together(needed)...)
	return err
}

// together are errors for kinds that have to be known: what lacks for want of rights is told once, with its remedy.
func together(needed []error) []error {
	var out []error
	var alike []string
	refused := -1
	for _, e := range needed {
		var u unread
		switch is := errors.As(e, &u); {
		case is && refused >= 0:
			alike = append(alike, u.Resource())
			continue
		case is:
			refused = len(out)
		}
		out = append(out, fmt.Errorf("%s: not read: %w", clusterName, e))
	}
	if len(alike) > 0 {
		out[refused] = fmt.Errorf("%w; for the same reason not read: %s", out[refused], strings.Join(alike, ", "))
	}
	return out
}
