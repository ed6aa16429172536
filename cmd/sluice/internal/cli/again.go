package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/run"
	"sluice/synth/bundle"
)

// alike are the flags of learn that sluice verify takes, too, and that decide how flows are judged.
var alike = []string{"config", "manifests", "with", "cluster", "cni", "kubeconfig", "context"}

// again says how new flows are replayed from where these were learned: of servers, and as they were read. Pseudonyms do
// not tell where.
func (o *learnOptions) again(args []string) (a bundle.Again) {
	if o.redact != "" {
		return a
	}
	args, err := o.withServer(args)
	if err != nil {
		return a
	}
	servers, err := collect.Servers(args)
	if err != nil {
		return a
	}
	flags := alike
	if len(servers) > 0 {
		flags = slices.Concat(alike, []string{"kube-namespace", "tls-secret"}, tlsFlags)
	}
	for _, s := range servers {
		a.Servers = append(a.Servers, run.WithoutUser(s))
	}
	for _, name := range flags {
		if f := o.kube.about.Lookup(name); f != nil && f.Changed {
			a.Flags = append(a.Flags, given(f)...)
		}
	}
	return a
}

// given is a flag as it was given, but for what came on standard input.
func given(f *pflag.Flag) (words []string) {
	list := []string{f.Value.String()}
	if v, ok := f.Value.(pflag.SliceValue); ok {
		list = v.GetSlice()
	}
	list = slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == "-" })
	switch {
	case len(list) == 0:
	case f.Value.Type() == "bool" && list[0] == "true":
		words = append(words, "--"+f.Name)
	case f.Value.Type() == "stringSlice":
		words = append(words, "--"+f.Name, strings.Join(list, ","))
	default:
		for _, v := range list {
			words = append(words, "--"+f.Name, v)
		}
	}
	return words
}
