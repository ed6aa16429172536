package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"sluice/model/store"
)

// TestReadyFollow: a store that is filled meanwhile becomes ready, which is told, and ends the command with success; one
// that does not ends with what is not Stable.
func TestReadyFollow(t *testing.T) {
	const early = 12 // days
	whole, dir := newMonth(35, 2), t.TempDir()+"/st"
	begin := *whole
	for i := range whole.rows {
		if whole.rows[i].First-whole.rows[0].First > int64(early*24*time.Hour/time.Microsecond) {
			begin.rows, whole.rows = whole.rows[:i], whole.rows[i:]
			break
		}
	}
	if err := begin.commit(dir); err != nil {
		t.Fatal(err)
	}
	follow := func(ctx context.Context, out *bytes.Buffer) error {
		root := newRoot(Streams{Out: out, Err: &bytes.Buffer{}}, &profiles{})
		root.SetArgs([]string{"ready", "--store", dir, "-n", "shop", "--follow", "--every", "50ms"})
		return root.ExecuteContext(ctx)
	}
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if err := follow(ctx, &out); exitCode(err) != ExitFindings || strings.Count(out.String(), "shop: Learning") != 1 {
		t.Fatalf("before: %v\n%s", err, out.String())
	}
	time.AfterFunc(300*time.Millisecond, func() {
		st, err := store.Open(dir)
		if err == nil {
			err = whole.write(st)
		}
		if err != nil {
			t.Error(err)
		}
	})
	out.Reset()
	ctx, stop = context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := follow(ctx, &out); err != nil || !strings.Contains(out.String(), "shop: Learning -> Stable") {
		t.Errorf("after: %v\n%s", err, out.String())
	}
}
