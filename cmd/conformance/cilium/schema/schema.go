package main

import (
	"fmt"

	crds "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/client/crds/v2"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"
)

// schemas are those of the kinds that are judged.
type schemas map[string]schema

type schema struct {
	validator  validation.SchemaValidator
	structural *structuralschema.Structural
}

// load reads the schemas that Cilium carries to install them.
func load() (schemas, error) {
	out := schemas{}
	for _, file := range []string{"ciliumnetworkpolicies.yaml", "ciliumclusterwidenetworkpolicies.yaml", "ciliumcidrgroups.yaml"} {
		text, err := crds.EmbedFS.ReadFile(file)
		if err != nil {
			return nil, err
		}
		kind, s, err := compile(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out[kind] = s
	}
	return out, nil
}

func compile(text []byte) (kind string, s schema, err error) {
	var external apiextv1.CustomResourceDefinition
	var crd apiextensions.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &external); err != nil {
		return "", s, err
	}
	if err := apiextv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&external, &crd, nil); err != nil {
		return "", s, err
	}
	rules := crd.Spec.Validation // where the conversion puts the schema of a single version
	for _, v := range crd.Spec.Versions {
		if rules == nil && v.Name == "v2" {
			rules = v.Schema
		}
	}
	if s.validator, _, err = validation.NewSchemaValidator(rules.OpenAPIV3Schema); err != nil {
		return "", s, err
	}
	s.structural, err = structuralschema.NewStructural(rules.OpenAPIV3Schema)
	return crd.Spec.Names.Kind, s, err
}

// check returns what the API server would say to an object: violations, and fields that it would drop.
func (s schema) check(o map[string]any) []string {
	var out []string
	for _, e := range validation.ValidateCustomResource(nil, o, s.validator) {
		out = append(out, e.Error())
	}
	for _, f := range pruning.PruneWithOptions(o, s.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		out = append(out, "unknown field "+f)
	}
	return out
}
