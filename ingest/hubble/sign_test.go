package hubble

import (
	"fmt"
	"testing"
)

// TestSigns: each key by itself, or two of them, tell a record.
func TestSigns(t *testing.T) {
	for _, key := range signs {
		object := fmt.Sprintf(`{"verdict":"A",%q:{}}`, key)
		if key != "IP" && key != "source" && key != "destination" && !Sniff([]byte(object)) {
			t.Errorf("%s is no record", object)
		}
	}
}
