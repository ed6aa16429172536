// Package kube reaches a cluster through its API server, as kubectl does: by a kubeconfig, or in a pod by the pod's
// account. It dials ports of pods, has a collector's pod print its store, reads objects with get and list, and changes
// nothing. It alone knows the client of
// Kubernetes. What a cluster refuses is an error that names the right that is missing.
package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
}

// answering is how long the API server may take for one answer.
const answering = 30 * time.Second

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
		return nil, errors.New("no kubeconfig: give --kubeconfig FILE or set KUBECONFIG, or run in a pod with an account")
	case err != nil:
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "sluice"
	config.WarningHandler = rest.NoWarnings{}
	c := &Cluster{Context: name, config: config}
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

// page is how many objects one answer holds: what a server with many sends at once has a bound.
const page = 500

// maxEmpty is how many pages in a row may hold nothing: those whose objects the user may not see, or that are gone.
const maxEmpty = 100

// maxAnswer is how many bytes one answer may have: a page of objects of the largest size that etcd keeps has fewer
// where they are not all of it.
const maxAnswer = 256 << 20

// maxList is how many bytes the objects of a list may have together, and minPage how many a page counts for at least.
const (
	maxList = 4 << 30
	minPage = 256 << 10
)

// list calls take with each object of a list, in pages.
func (c *Cluster) list(
	ctx context.Context, path string, q url.Values, at access, take func(json.RawMessage) error,
) error {
	query := url.Values{"limit": {fmt.Sprint(page)}}
	maps.Copy(query, q)
	for empty, left := 0, int64(maxList); ; {
		var list struct {
			Metadata struct{ Continue string }
			Items    []json.RawMessage
		}
		if err := c.get(ctx, path, query, at, &list); err != nil {
			return err
		}
		bytes := 0
		for _, item := range list.Items {
			bytes += len(item)
			if err := take(item); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
		left -= int64(max(bytes, minPage))
		next := list.Metadata.Continue
		switch {
		case next == "":
			return nil
		case left < 0:
			return fmt.Errorf("%s: the list of %s goes on after %d MiB: that is no API server, or its objects are too large",
				at, c.base, maxList>>20)
		case next == query.Get("continue"), len(list.Items) == 0 && empty > maxEmpty:
			return fmt.Errorf("%s: the list of %s does not end: each page says that the next one follows", at, c.base)
		case len(list.Items) == 0:
			empty++
		default:
			empty = 0
		}
		query.Set("continue", next)
	}
}

// get reads one answer of the API server.
func (c *Cluster) get(ctx context.Context, path string, q url.Values, at access, into any) error {
	ctx, stop := context.WithTimeout(ctx, answering)
	defer stop()
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("%s: %w", at, c.unreachable(err))
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("%s: %s answers with more than %d MiB: that is no API server, or its objects are too large",
			at, c.base, maxAnswer>>20)
	}
	if resp.StatusCode != http.StatusOK {
		return c.refusal(resp.StatusCode, body, at)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: the answer of %s is no JSON of Kubernetes: %w", at, c.base, err)
	}
	return nil
}
