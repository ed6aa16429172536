package kubernetes

import (
	"cmp"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// The service that leads to the API server. Its endpoints bear its name, and the API server keeps them itself.
const (
	apiServer          = "kubernetes"
	apiServerNamespace = "default"
	sliceOf            = "kubernetes.io/service-name"
)

// parseEndpoints returns the function that reads the addresses behind a service, or those of the API server: a field of
// each item of a list has them, or objects with a text.
func parseEndpoints(list, addresses, text string) func(*render.Reader, *yaml.Node) []policy.Policy {
	return func(r *render.Reader, n *yaml.Node) []policy.Policy {
		r.Report(render.Skipped, n, "endpoints of a service are no policy")
		meta := render.Field(n, "metadata")
		of := scalar(meta, "name")
		if s := scalar(render.Path(meta, "labels"), sliceOf); s != "" {
			of = s
		}
		out := []netip.Addr{}
		for _, item := range items(render.Field(n, list)) {
			for _, a := range items(render.Path(item, addresses)) {
				value := a.Value
				if text != "" {
					value = scalar(a, text)
				}
				if addr, err := netip.ParseAddr(value); err == nil {
					out = append(out, addr.Unmap())
				}
			}
		}
		if of == apiServer && scalar(meta, "namespace") == apiServerNamespace {
			r.Beside(policy.Manifests{APIServer: out})
			return nil
		}
		name := policy.ServiceName{Namespace: cmp.Or(scalar(meta, "namespace"), render.DefaultNamespace), Name: of}
		each := []netip.Prefix{}
		for _, a := range out {
			each = append(each, netip.PrefixFrom(a, a.BitLen()))
		}
		r.Beside(policy.Manifests{Endpoints: map[policy.ServiceName][]netip.Prefix{name: each}})
		return nil
	}
}

// agentContainers are what plugins call the containers of their agents.
var agentContainers = map[string]string{"cilium-agent": "cilium", "calico-node": "calico"}

// enterprise is in the names of images that count versions of their own.
const enterprise = "cnx"

// agents are the plugins whose agents a DaemonSet runs, by the tags of their images.
func agents(spec *yaml.Node) []policy.Plugin {
	var out []policy.Plugin
	if spec == nil {
		return nil
	}
	for _, c := range items(render.Field(spec, "containers")) {
		name, ok := agentContainers[scalar(c, "name")]
		image, _, _ := strings.Cut(scalar(c, "image"), "@")
		at := strings.LastIndexAny(image, ":/")
		if !ok || at < 0 || image[at] != ':' || strings.Contains(image, enterprise) {
			continue
		}
		if _, ok := policy.ParseRelease(image[at+1:]); ok {
			out = append(out, policy.Plugin{Name: name, Versions: []string{image[at+1:]}})
		}
	}
	return out
}
