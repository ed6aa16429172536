// Package kube reaches a cluster through its API server, as kubectl does: by a kubeconfig, or in a pod by the pod's
// account. It dials ports of pods, has a collector's pod print its store, reads objects with get and list, and changes
// nothing. It alone knows the client of
// Kubernetes. What a cluster refuses is an error that names the right that is missing.
package kube

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"sluice/ingest/live"
)

// Options say which cluster. The zero value is that of the current context.
type Options struct {
	Kubeconfig string // "": $KUBECONFIG, else ~/.kube/config, else the account of the pod
	Context    string // "": the current one
	// Waiting is told once what is waited for, where the cluster does not answer at once; nil: nobody is.
	Waiting func(text string)
}

// Cluster is one that can be asked.
type Cluster struct {
	Name    string // that the kubeconfig gives the cluster, else its host
	Context string // "" without a kubeconfig
	// Namespace is that of the context, "" where it has none.
	Namespace string
	config    *rest.Config
	client    *http.Client
	base      string

	waiting   func(text string)
	patience  time.Duration // after which waiting is called, and answering how long one answer may take
	answering time.Duration
	told      atomic.Bool // waiting was called
	answered  atomic.Bool // once at least
}

// Open reads the kubeconfig. The cluster is not asked yet.
func Open(o Options) (*Cluster, error) {
	loader := o.loader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	name := cmp.Or(o.Context, raw.CurrentContext)
	if err := check(&raw, o, name); err != nil {
		return nil, err
	}
	config, err := loader.ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, o.nothing()
	case err != nil:
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "sluice"
	config.WarningHandler = rest.NoWarnings{}
	c := &Cluster{Context: name, config: config, waiting: o.Waiting, patience: patience, answering: answering}
	if of := raw.Contexts[name]; of != nil {
		c.Name, c.Namespace = of.Cluster, of.Namespace
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: the server of the cluster: %w", err)
	}
	c.base = strings.TrimRight(base.String(), "/")
	c.Name = cmp.Or(c.Name, base.Host)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	to := *client // it may be the one of all
	to.CheckRedirect = stays
	c.client = &to
	return c, nil
}

// stays is the error where a server sends on to another: every request bears the credentials of the kubeconfig, also
// those that follow.
func stays(to *http.Request, via []*http.Request) error {
	const most = 5
	from := via[0].URL
	if to.URL.Scheme != from.Scheme || to.URL.Host != from.Host {
		return fmt.Errorf("%s sends on to %s, which the kubeconfig does not name", from.Host, to.URL.Host)
	}
	if len(via) > most {
		return fmt.Errorf("%s sends on without end", from.Host)
	}
	return nil
}

func (o *Options) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	rules.Warner = func(error) {} // files that KUBECONFIG lists and nobody made: what lacks in the end is told
	chosen := &clientcmd.ConfigOverrides{CurrentContext: o.Context}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, chosen)
}

// check says what is missing in a kubeconfig, in words that tell what there is.
func check(raw *api.Config, o Options, name string) error {
	known := slices.Sorted(maps.Keys(raw.Contexts))
	switch {
	case name == "" && len(known) == 0:
		return nil // perhaps a pod
	case name == "":
		return fmt.Errorf("the kubeconfig has no current context: give --context: %s", some(known))
	case raw.Contexts[name] == nil && api.IsConfigEmpty(raw):
		return fmt.Errorf("there is no context %q: %w", name, o.nothing())
	case raw.Contexts[name] == nil && len(known) == 0:
		return fmt.Errorf("there is no context %q: the kubeconfig has none", name)
	case raw.Contexts[name] == nil:
		return fmt.Errorf("there is no context %q: the kubeconfig has %s", name, some(known))
	case raw.Clusters[raw.Contexts[name].Cluster] == nil:
		return fmt.Errorf("the context %q is for the cluster %q, which the kubeconfig does not have",
			name, raw.Contexts[name].Cluster)
	}
	return nil
}

// nothing is the error where there is no kubeconfig, or an empty one.
func (o *Options) nothing() error {
	if o.Kubeconfig != "" {
		return fmt.Errorf("the kubeconfig %s is empty: name another", live.Brief(o.Kubeconfig))
	}
	if named := os.Getenv(clientcmd.RecommendedConfigPathEnvVar); named != "" {
		const text = "no kubeconfig: KUBECONFIG is %s, which is not there or empty: name another, or give --kubeconfig FILE"
		return fmt.Errorf(text, live.Brief(named))
	}
	return errors.New("no kubeconfig: give --kubeconfig FILE or set KUBECONFIG, or run in a pod with an account")
}

// some lists the first few of many names.
func some(names []string) string {
	const shown = 10
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", some(names[:shown]), more)
	}
	return live.Brief(strings.Join(names, ", "))
}

// Contexts returns the names of the contexts of the kubeconfig.
func Contexts(o Options) []string {
	o.Context = ""
	raw, err := o.loader().RawConfig()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(raw.Contexts))
}
