package cli

import (
	"fmt"

	"sluice/cmd/sluice/internal/kube"
	"sluice/cmd/sluice/internal/run"
)

// printRoles prints the roles of people who reach the server from outside and read the cluster.
func printRoles(s Streams, o *installOptions) error {
	if _, err := o.check(); err != nil {
		return err
	}
	v := &installValues{installOptions: *o}
	if err := v.peer(); err != nil {
		return err
	}
	if v.PeerNamespace == "" {
		return run.Usagef("--rbac: --server %s is not in the cluster: write it as NAME.NAMESPACE.svc", o.Server)
	}
	_, err := fmt.Fprintf(s.Out, `# For people, not for the collector. Bind them to a user, a group or an account:
#   kubectl create rolebinding sluice-forward -n %[1]s --role sluice-forward --user USER
#   kubectl create clusterrolebinding sluice-read --clusterrole sluice-read --user USER
#   ... or to read one namespace alone: kubectl create rolebinding sluice-read -n NAMESPACE --clusterrole sluice-read --user USER
#   kubectl create rolebinding sluice-pull -n %[4]s --role sluice-pull --user USER
#
# -P and servers without an address
%[2]s---
# cluster: policies, workloads, services, namespaces and nodes, with get and list
%[3]s---
# pull: whoever may run commands in the collector's pod can also read what it connects with, and change its store
%[5]s`, v.PeerNamespace, kube.Forwarding(v.PeerNamespace, o.Secret), kube.Reading(), o.Namespace, kube.Pulling(o.Namespace))
	return err
}
