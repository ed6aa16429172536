package kube

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// Namespaces returns the names of the namespaces of the cluster.
func (c *Cluster) Namespaces(ctx context.Context) ([]string, error) {
	var names []string
	at := access{verb: "list", resource: "namespaces"}
	err := c.list(ctx, "/api/v1/namespaces", nil, at, func(item json.RawMessage) error {
		var o struct{ Metadata struct{ Name string } }
		err := json.Unmarshal(item, &o)
		names = append(names, o.Metadata.Name)
		return err
	})
	return names, err
}

// Workloads returns the workloads of the cluster, as NAMESPACE/NAME, as far as they may be listed.
func (c *Cluster) Workloads(ctx context.Context, within []string) []string {
	var names []string
	for i := range kinds {
		if k := &kinds[i]; k.pods {
			_ = c.objects(ctx, k, within, func(name string, _ []byte) error {
				names = append(names, name[strings.Index(name, "/")+1:])
				return nil
			})
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
