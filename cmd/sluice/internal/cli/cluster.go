package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/kube"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
)

// clusterFlags say which cluster is asked, in the words of kubectl and of the hubble command line.
type clusterFlags struct {
	kube.Options
	forward   bool
	namespace string // of the server
	secret    string
	opened    *kube.Cluster
	about     *pflag.FlagSet // of the command, whose -n says which namespaces it is about
}

// which adds the flags that choose a cluster, once.
func (k *clusterFlags) which(c *cobra.Command) {
	f := c.Flags()
	if f.Lookup("kubeconfig") != nil {
		return
	}
	k.about = f
	k.Waiting = func(what string) {
		if q := f.Lookup("quiet"); q == nil || q.Value.String() != "true" {
			fmt.Fprintln(c.ErrOrStderr(), "sluice: "+text.Printable(what, 500))
		}
	}
	f.StringVar(&k.Kubeconfig, "kubeconfig", "", "the kubeconfig `FILE` of the cluster (default $KUBECONFIG, else ~/.kube/config)")
	f.StringVar(&k.Context, "context", "", "the `NAME` of the context in the kubeconfig (default: the current one)")
	f.StringVar(&k.Context, "kube-context", "", "as --context")
	_ = f.MarkHidden("kube-context") // the name that the hubble command line has for it
	for _, name := range []string{"context", "kube-context"} {
		_ = c.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return kube.Contexts(k.Options), cobra.ShellCompDirectiveNoFileComp
		})
	}
}

// servers adds the flags of commands that can read the servers of a cluster.
func (k *clusterFlags) servers(c *cobra.Command) {
	k.which(c)
	f := c.Flags()
	f.BoolVarP(&k.forward, "port-forward", "P", false,
		"read the Hubble relay of the cluster, through its API server: short for hubble://")
	f.StringVar(&k.namespace, "kube-namespace", "",
		"the `NAMESPACE` of the server (default kube-system for Hubble, calico-system for Calico)")
	f.StringVar(&k.secret, "tls-secret", "",
		"read ca.crt, tls.crt and tls.key of the `SECRET` beside the server of the cluster (hubble-relay-client-certs, node-certs)")
}

// cluster opens the cluster, once.
func (k *clusterFlags) cluster() (*kube.Cluster, error) {
	if k.opened == nil {
		c, err := kube.Open(k.Options)
		if err != nil {
			return nil, err
		}
		k.opened = c
	}
	return k.opened, nil
}

// within are the namespaces that are enough for who may not read all: those of -n, else that of the context.
func (k *clusterFlags) within(c *kube.Cluster) []string {
	if all := k.about.Lookup("all-namespaces"); all != nil && all.Value.String() == "true" {
		return nil
	}
	if f := k.about.Lookup("namespace"); f != nil && f.Value.String() != "" {
		return strings.Split(f.Value.String(), ",")
	}
	if c.Namespace != "" {
		return []string{c.Namespace}
	}
	return nil
}

// Policies asks the cluster for its policies: with get and list, and only where a command line names it.
func (k *clusterFlags) Policies(ctx context.Context, take func(string, []byte) error) ([]error, error) {
	c, err := k.cluster()
	if err != nil {
		return nil, err
	}
	return c.Each(ctx, kube.Policies, k.within(c), take)
}

// Declared asks the cluster for its workloads, services, namespaces and nodes.
func (k *clusterFlags) Declared(ctx context.Context, take func(string, []byte) error) ([]error, error) {
	c, err := k.cluster()
	if err != nil {
		return nil, err
	}
	return c.Each(ctx, kube.Declared, k.within(c), take)
}

// serverHomes are where the servers of clusters are, unless somebody says otherwise.
var serverHomes = map[string]kube.Service{
	"hubble://":        {Namespace: "kube-system", Name: "hubble-relay"},
	"hubbles://":       {Namespace: "kube-system", Name: "hubble-relay"},
	"goldmane://":      {Namespace: "calico-system", Name: "goldmane"},
	"whisker+http://":  {Namespace: "calico-system", Name: "whisker"},
	"whisker+https://": {Namespace: "calico-system", Name: "whisker"},
}

// relayName is in the certificates of relays, whatever their cluster is called.
const relayName = "ui.hubble-relay.cilium.io"

// reach finds the servers of the cluster among servers.
func (k *clusterFlags) reach(ctx context.Context, servers []string, o *collect.Options) error {
	if !slices.ContainsFunc(servers, collect.IsBare) {
		if k.secret != "" || k.namespace != "" {
			return run.Usagef(
				"--tls-secret and --kube-namespace are about a server of the cluster: give -P, goldmane:// or another without an address",
			)
		}
		return nil
	}
	c, err := k.cluster()
	if err != nil && !k.forward {
		return fmt.Errorf("a server without an address is that of a cluster (else give it as hubble://HOST:PORT): %w", err)
	} else if err != nil {
		return err
	}
	o.Reached = map[string]collect.Reached{}
	for _, arg := range servers {
		if !collect.IsBare(arg) {
			continue
		}
		r, err := k.find(ctx, c, arg, o)
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
		o.Reached[arg] = r
	}
	return nil
}

// find finds a server of the cluster, and how to talk to it.
func (k *clusterFlags) find(
	ctx context.Context, c *kube.Cluster, arg string, o *collect.Options,
) (r collect.Reached, err error) {
	of := serverHomes[arg]
	of.Namespace = cmp.Or(k.namespace, of.Namespace)
	f, err := c.Forward(ctx, of)
	if err != nil {
		return r, elsewhere(ctx, c, err)
	}
	r = collect.Reached{Name: c.Name + "/" + of.Namespace + "/" + of.Name, Address: f.Address(), Way: f}
	secure := arg != "hubble://" && arg != "whisker+http://" || o.UseTLS
	if !secure && arg == "hubble://" {
		if secure, err = f.SpeaksTLS(ctx); err != nil {
			return r, err
		}
	}
	if !secure {
		if k.secret != "" {
			return r, run.Usagef("%s is read without TLS, and --tls-secret would do nothing: leave it out", f.Address())
		}
		return r, nil
	}
	tls := o.TLS
	if strings.HasPrefix(arg, "hubble") {
		tls.ServerName = cmp.Or(tls.ServerName, relayName)
	}
	if k.secret != "" {
		if tls, err = c.Certificates(ctx, of.Namespace, k.secret, tls); err != nil {
			return r, fmt.Errorf("--tls-secret: %w", err)
		}
	}
	if arg == "goldmane://" && tls.CertFile == "" {
		return r, run.Usagef("Goldmane requires a client certificate. Give --tls-secret node-certs, " +
			"which reads that of Calico's nodes from the cluster, or --tls-client-cert-file and --tls-client-key-file")
	}
	if _, err := tls.Config(); err != nil {
		return r, err
	}
	r.TLS = &tls
	return r, nil
}

// elsewhere adds to the error for a service that is not there where it may be.
func elsewhere(ctx context.Context, c *kube.Cluster, err error) error {
	var none *kube.NoService
	if !errors.As(err, &none) {
		return err
	}
	in, findErr := c.Find(ctx, none.Name)
	switch {
	case findErr != nil:
		return fmt.Errorf("%w: give its namespace with --kube-namespace", err)
	case len(in) > 0:
		return fmt.Errorf("%w: there is one in %s: give --kube-namespace %s", err, strings.Join(in, ", "), in[0])
	case none.Name != "hubble-relay":
		return fmt.Errorf("%w, nor in any other: is it enabled (Goldmane and Whisker of Calico's operator)?", err)
	}
	if in, findErr = c.Find(ctx, "goldmane"); findErr == nil && len(in) > 0 {
		return fmt.Errorf("%w, but Calico has Goldmane in %s: give goldmane:// --tls-secret node-certs", err, in[0])
	}
	return fmt.Errorf("%w, nor in any other: enable the relay (cilium hubble enable), or name files", err)
}
