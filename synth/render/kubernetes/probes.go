package kubernetes

import (
	"cmp"
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// asking are the fields of a container in which the kubelet is told to ask it, by what they are called.
var asking = []struct {
	use  string
	path []string
}{
	{"readiness", []string{"readinessProbe"}},
	{"liveness", []string{"livenessProbe"}},
	{"startup", []string{"startupProbe"}},
	{"postStart", []string{"lifecycle", "postStart"}},
	{"preStop", []string{"lifecycle", "preStop"}},
}

// ways are the fields of a probe that say how the kubelet asks. A command is run in the pod and needs no network.
var ways = []struct{ field, way string }{{"httpGet", "http"}, {"tcpSocket", "tcp"}, {"grpc", "grpc"}}

// probes reads how the kubelet asks containers over the network. One that names a host asks that and not the pod.
func probes(list *yaml.Node) []policy.Probe {
	var out []policy.Probe
	for _, c := range items(list) {
		named := portNumbers(c)
		for _, a := range asking {
			for _, w := range ways {
				ask := render.Path(c, append(append([]string{}, a.path...), w.field)...)
				if ask == nil || scalar(ask, "host") != "" {
					continue
				}
				text := scalar(ask, "port")
				number, err := strconv.ParseUint(cmp.Or(named[text], text), 10, 16)
				if err == nil && number > 0 {
					out = append(out, policy.Probe{Use: a.use, Way: w.way, Port: uint16(number)})
				}
			}
		}
	}
	return out
}

// portNumbers are the numbers of a container's TCP ports by their names: the kubelet asks no other.
func portNumbers(container *yaml.Node) map[string]string {
	out := map[string]string{}
	for _, p := range items(render.Path(container, "ports")) {
		proto, ok := wire[scalar(p, "protocol")]
		if name := scalar(p, "name"); name != "" && (!ok || proto == model.TCP) {
			out[name] = scalar(p, "containerPort")
		}
	}
	return out
}
