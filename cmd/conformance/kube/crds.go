package main

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	cilium "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/client/crds/v2"
	calico "github.com/projectcalico/calico/libcalico-go/config"
	_ "sigs.k8s.io/network-policy-api/apis/v1beta1" // its module ships the CRD
	"sigs.k8s.io/yaml"
)

// definition is a CRD and the kind that it defines.
type definition struct {
	apiVersion, kind string
	text             []byte
}

// The kinds that policies in a bundle can have, or refer to, and those that say what the cluster has. Policies of
// Kubernetes itself need no definition.
var (
	ciliumKinds = []string{"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies", "ciliumcidrgroups"}
	calicoKinds = []string{"networkpolicies", "globalnetworkpolicies", "stagednetworkpolicies", "stagedglobalnetworkpolicies",
		"stagedkubernetesnetworkpolicies", "networksets", "globalnetworksets", "tiers", "clusterinformations", "felixconfigurations"}
)

// clusterPolicies names the file of the CRD of ClusterNetworkPolicies, which its module ships beside its code.
const clusterPolicies = "NETWORK_POLICY_API_CRD"

// definitions returns the CRDs of Cilium and of network-policy-api as their releases ship them, and those of Calico renamed: the release ships the
// schemas of the objects that its API server keeps (crd.projectcalico.org/v1), whose spec is that of the API
// (projectcalico.org/v3), field by field.
func definitions() ([]definition, error) {
	var out []definition
	for _, kind := range ciliumKinds {
		text, err := fs.ReadFile(cilium.EmbedFS, kind+".yaml")
		if err != nil {
			return nil, err
		}
		out = append(out, definition{text: text})
	}
	for _, kind := range calicoKinds {
		text, err := fs.ReadFile(calico.CRDFiles, "crd/crd.projectcalico.org_"+kind+".yaml")
		if err != nil {
			return nil, err
		}
		if text, err = rename(text); err != nil {
			return nil, fmt.Errorf("rename %s: %w", kind, err)
		}
		out = append(out, definition{text: text})
	}
	if file := os.Getenv(clusterPolicies); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		out = append(out, definition{text: text})
	}
	for i := range out {
		if err := out[i].read(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rename turns a definition of crd.projectcalico.org/v1 into one of projectcalico.org/v3.
func rename(text []byte) ([]byte, error) {
	var crd map[string]any
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, err
	}
	spec, _ := crd["spec"].(map[string]any)
	meta, _ := crd["metadata"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	if len(versions) != 1 || spec["group"] != "crd.projectcalico.org" {
		return nil, fmt.Errorf("%d versions of group %v", len(versions), spec["group"])
	}
	spec["group"] = "projectcalico.org"
	versions[0].(map[string]any)["name"] = "v3"
	meta["name"] = strings.Replace(fmt.Sprint(meta["name"]), ".crd.projectcalico.org", ".projectcalico.org", 1)
	return yaml.Marshal(crd)
}

func (d *definition) read() error {
	var crd struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct{ Name string }
		}
	}
	if err := yaml.Unmarshal(d.text, &crd); err != nil {
		return err
	}
	s := crd.Spec
	if len(s.Versions) == 0 || s.Names.Kind == "" {
		return fmt.Errorf("no custom resource definition of %s", s.Group)
	}
	d.apiVersion, d.kind = s.Group+"/"+s.Versions[0].Name, s.Names.Kind
	return nil
}
