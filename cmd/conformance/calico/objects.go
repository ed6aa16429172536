package main

import (
	"fmt"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	adminpolicy "sigs.k8s.io/network-policy-api/apis/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
	"github.com/projectcalico/calico/libcalico-go/lib/names"
	validator "github.com/projectcalico/calico/libcalico-go/lib/validator/v3"
)

// object reads one document as the API server would: unknown fields are errors, the validator decides, and what the
// server fills in is filled in. Whatever is accepted and enforced is added to the engine.
func (e *engine) object(text string) ObjectAnswer {
	var meta metav1.PartialObjectMetadata
	if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
		return ObjectAnswer{Error: err.Error()}
	}
	a := ObjectAnswer{Kind: meta.Kind, Name: meta.Name}
	var err error
	switch meta.APIVersion {
	case netv1.SchemeGroupVersion.String():
		a.Enforced, err = true, e.kubernetesPolicy(text)
	case adminpolicy.GroupVersion.String():
		a.Enforced, err = true, e.adminPolicy(meta.Kind, text)
	case v3.GroupVersionCurrent:
		a.Enforced, err = e.calicoObject(meta.Kind, text)
	default:
		err = fmt.Errorf("no kind %s %s", meta.APIVersion, meta.Kind)
	}
	if err != nil {
		a.Error, a.Enforced = err.Error(), false
	}
	return a
}

func (e *engine) kubernetesPolicy(text string) error {
	p := &netv1.NetworkPolicy{}
	if err := yaml.UnmarshalStrict([]byte(text), p); err != nil {
		return err
	}
	if p.Kind != "NetworkPolicy" {
		return fmt.Errorf("no kind %s", p.Kind)
	}
	p.UID = e.uid() // the converter refuses objects that never saw an API server
	defaultKubernetesTypes(&p.Spec)
	kvp, err := e.conv.K8sNetworkPolicyToCalico(p)
	if err != nil {
		return err
	}
	key := kvp.Key.(model.ResourceKey)
	key.Kind = v3.KindNetworkPolicy
	kvp.Key = key
	return e.process(v3.KindNetworkPolicy, kvp)
}

// adminPolicy reads a policy of the tiers around those of namespaces. A rule that the converter does not understand it
// complains of and closes, and the rest is in force.
func (e *engine) adminPolicy(kind, text string) error {
	var kvp *model.KVPair
	switch kind {
	case "AdminNetworkPolicy":
		p := &adminpolicy.AdminNetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(text), p); err != nil {
			return err
		}
		p.UID = e.uid()
		kvp, _ = e.conv.K8sAdminNetworkPolicyToCalico(p)
	case "BaselineAdminNetworkPolicy":
		p := &adminpolicy.BaselineAdminNetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(text), p); err != nil {
			return err
		}
		p.UID = e.uid()
		kvp, _ = e.conv.K8sBaselineAdminNetworkPolicyToCalico(p)
	}
	if kvp == nil {
		return fmt.Errorf("no kind %s, or nothing of it can be converted", kind)
	}
	return e.process(v3.KindGlobalNetworkPolicy, kvp)
}

// defaultKubernetesTypes fills in what kube-apiserver does.
func defaultKubernetesTypes(s *netv1.NetworkPolicySpec) {
	if len(s.PolicyTypes) > 0 {
		return
	}
	s.PolicyTypes = []netv1.PolicyType{netv1.PolicyTypeIngress}
	if len(s.Egress) > 0 {
		s.PolicyTypes = append(s.PolicyTypes, netv1.PolicyTypeEgress)
	}
}

func (e *engine) calicoObject(kind, text string) (enforced bool, err error) {
	obj := newObject(kind)
	if obj == nil {
		return false, fmt.Errorf("no kind %s", kind)
	}
	if err := yaml.UnmarshalStrict([]byte(text), obj); err != nil {
		return false, err
	}
	if err := validator.Validate(obj); err != nil {
		return false, err
	}
	name := obj.GetName()
	if spec, ok := tierOf(obj); ok {
		if err := names.ValidateTieredPolicyName(name, spec); err != nil {
			return false, err
		}
		name = names.TieredPolicyName(name)
		obj.SetName(name)
	}
	fillTypes(obj)
	// A staged policy that were loaded but not enforced would stay in its tier and suppress the end of it.
	if strings.HasPrefix(kind, "Staged") {
		return false, nil
	}
	return true, e.add(kind, obj.GetNamespace(), name, obj)
}

func newObject(kind string) metav1.Object {
	switch kind {
	case v3.KindNetworkPolicy:
		return v3.NewNetworkPolicy()
	case v3.KindGlobalNetworkPolicy:
		return v3.NewGlobalNetworkPolicy()
	case v3.KindStagedNetworkPolicy:
		return v3.NewStagedNetworkPolicy()
	case v3.KindStagedGlobalNetworkPolicy:
		return v3.NewStagedGlobalNetworkPolicy()
	case v3.KindStagedKubernetesNetworkPolicy:
		return v3.NewStagedKubernetesNetworkPolicy()
	case v3.KindTier:
		return v3.NewTier()
	case v3.KindNetworkSet:
		return v3.NewNetworkSet()
	case v3.KindGlobalNetworkSet:
		return v3.NewGlobalNetworkSet()
	}
	return nil
}

// tierOf returns the tier that a policy names, "" for the default one.
func tierOf(obj metav1.Object) (string, bool) {
	switch o := obj.(type) {
	case *v3.NetworkPolicy:
		return o.Spec.Tier, true
	case *v3.GlobalNetworkPolicy:
		return o.Spec.Tier, true
	case *v3.StagedNetworkPolicy:
		return o.Spec.Tier, true
	case *v3.StagedGlobalNetworkPolicy:
		return o.Spec.Tier, true
	}
	return "", false
}

// fillTypes fills in what Calico's API server does: without types, ingress, unless there are egress rules alone.
func fillTypes(obj metav1.Object) {
	fill := func(types *[]v3.PolicyType, in, out int) {
		switch {
		case len(*types) > 0:
		case out == 0:
			*types = []v3.PolicyType{v3.PolicyTypeIngress}
		case in == 0:
			*types = []v3.PolicyType{v3.PolicyTypeEgress}
		default:
			*types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
		}
	}
	switch o := obj.(type) {
	case *v3.NetworkPolicy:
		fill(&o.Spec.Types, len(o.Spec.Ingress), len(o.Spec.Egress))
	case *v3.GlobalNetworkPolicy:
		fill(&o.Spec.Types, len(o.Spec.Ingress), len(o.Spec.Egress))
	}
}
