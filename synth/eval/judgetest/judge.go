// Package judgetest asks programs of cmd/conformance, each a process of its own, by JSON lines. The tests that do so
// have the build tag conformance, and fail where `make conformance` has not said which program to ask.
package judgetest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sluice/model"
)

// Object says what became of an object that a judge was given.
type Object struct {
	Kind, Name string
	Error      string // why it was refused
}

// Refused returns the complaints about objects, "" if there are none.
func Refused(objects []Object) string {
	var out strings.Builder
	for _, o := range objects {
		if o.Error != "" {
			out.WriteString(o.Kind + " " + o.Name + ": " + o.Error + "; ")
		}
	}
	return out.String()
}

// LabelMap returns labels as judges want them.
func LabelMap(l model.Labels) map[string]string {
	m := map[string]string{}
	for _, kv := range l {
		k, v, _ := strings.Cut(kv, "=")
		m[k] = v
	}
	return m
}

// Program returns the program that an environment variable names.
func Program(t *testing.T, variable string) string {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Fatalf("%s names no program: run make conformance", variable)
	}
	return program
}

// Ask returns the answers of the program that an environment variable names, one for each question.
func Ask[A, Q any](t *testing.T, variable string, questions []Q) []A {
	t.Helper()
	program := Program(t, variable)
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for i := range questions {
		if err := enc.Encode(questions[i]); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	var answers []A
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); {
		var a A
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%s: %d answers to %d questions", program, len(answers), len(questions))
	}
	return answers
}
