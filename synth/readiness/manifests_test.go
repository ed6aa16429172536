package readiness_test

import (
	"strings"
	"testing"
	"time"

	"sluice/synth/readiness"
)

const manifests = `
apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: CronJob
  metadata: {name: report, namespace: shop, creationTimestamp: "2026-01-07T10:00:00Z"}
  spec:
    schedule: "0 3 * * 1"
    timeZone: Europe/Vienna
    jobTemplate: {spec: {template: {metadata: {labels: {app: report}}}}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: cart, namespace: shop}
  spec: {replicas: 0, template: {metadata: {labels: {app: cart}}}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: x}
---
kind: CronJob
metadata: {name: nightly}
spec: {schedule: "@daily", suspend: true}
---
kind: StatefulSet
metadata: {name: db, namespace: shop}
`

// TestReadManifests reads lists, documents, schedules and what is idle.
func TestReadManifests(t *testing.T) {
	list, err := readiness.ReadManifests(strings.NewReader(manifests), "m.yaml", "default")
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]readiness.Manifest{}
	for _, m := range list {
		by[m.Namespace+"/"+m.Kind+"/"+m.Name] = m
	}
	if len(by) != 4 {
		t.Fatalf("%d workloads, want 4: %v", len(by), by)
	}
	r := by["shop/CronJob/report"]
	if r.Period != 7*24*time.Hour || r.Since != time.Date(2026, 1, 7, 10, 0, 0, 0, time.UTC).UnixMicro() || strings.Join(r.Labels, ",") != "app=report" {
		t.Errorf("report: %+v", r)
	}
	if next, want := r.Next(monday+day), time.Date(2026, 1, 12, 2, 0, 0, 0, time.UTC).UnixMicro(); next != want {
		t.Errorf("next run %s, want %s", time.UnixMicro(next).UTC(), time.UnixMicro(want).UTC())
	}
	if n := by["default/CronJob/nightly"]; !n.Idle || n.Period != 24*time.Hour {
		t.Errorf("nightly: %+v", n)
	}
	if !by["shop/Deployment/cart"].Idle || by["shop/StatefulSet/db"].Idle {
		t.Error("a Deployment without replicas is idle, a StatefulSet that says nothing is not")
	}
}

func TestPeriods(t *testing.T) {
	for schedule, want := range map[string]float64{"*/5 * * * *": 1. / 24, "0 3 * * *": 1, "0 3 * * 1-5": 3, "0 3 1 * *": 31, "0 0 29 2 *": 1461, "* * * * 6": 6 + 1./24} {
		list, err := readiness.ReadManifests(strings.NewReader("kind: CronJob\nmetadata: {name: a}\nspec: {schedule: \""+schedule+"\"}\n"), "m", "default")
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", schedule, err)
		}
		if got := list[0].Period.Hours() / 24; got < want-0.05 || got > want+0.05 {
			t.Errorf("%s: longest time between two runs %.2f days, want %.2f", schedule, got, want)
		}
	}
}

// TestBadManifests names the file and what is wrong, and keeps the rest.
func TestBadManifests(t *testing.T) {
	list, err := readiness.ReadManifests(strings.NewReader("kind: CronJob\nmetadata: {name: a}\nspec: {schedule: every monday}\n---\nkind: CronJob\nmetadata: {name: b}\nspec: {schedule: '@hourly', timeZone: Mars/Olympus}\n---\nkind: Deployment\nmetadata: {name: c}\n"), "m.yaml", "default")
	if err == nil || !strings.Contains(err.Error(), "m.yaml:1: CronJob default/a: schedule") || !strings.Contains(err.Error(), "Mars") {
		t.Errorf("error %v", err)
	}
	if len(list) != 3 {
		t.Errorf("%d workloads, want all 3: one without a readable schedule still has to be seen", len(list))
	}
	if _, err := readiness.ReadManifests(strings.NewReader("kind: [\n"), "m.yaml", "default"); err == nil {
		t.Error("broken YAML is no error")
	}
}
