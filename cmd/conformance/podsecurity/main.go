// Command podsecurity says what Kubernetes' own check of Pod Security finds in the pods of a manifest, at the level
// restricted and the newest version. It exits with 1 where it finds anything, and where there is no pod.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	if err := judge(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// judge reads documents and checks the pod of each workload.
func judge(in io.Reader) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	pods := 0
	for d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var o struct {
			Kind string `json:"kind"`
			Spec struct {
				Template *struct {
					Metadata metav1.ObjectMeta `json:"metadata"`
					Spec     corev1.PodSpec    `json:"spec"`
				} `json:"template"`
			} `json:"spec"`
		}
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF) && pods == 0:
			return errors.New("no pod")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && o.Kind == "":
			return err
		}
		if o.Spec.Template == nil {
			continue
		}
		pods++
		r := policy.AggregateCheckResults(checks.EvaluatePod(level, &o.Spec.Template.Metadata, &o.Spec.Template.Spec))
		if !r.Allowed {
			return fmt.Errorf("%s: %s: %s", o.Kind, r.ForbiddenReason(), r.ForbiddenDetail())
		}
		fmt.Printf("%s: restricted\n", o.Kind)
	}
}
