package kube

import (
	"net/http"
	"strings"
	"testing"
)

// TestUnknownUser: who is not known is told how to be, a person otherwise than a pod.
func TestUnknownUser(t *testing.T) {
	for context, want := range map[string]string{"": "does not know the account of this pod", "lab": "log in again, as for kubectl"} {
		err := (&Cluster{Context: context}).refusal(http.StatusUnauthorized, []byte(`{"message":"Unauthorized"}`), access{"list", "pods", ""})
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", context, err)
		}
	}
}
