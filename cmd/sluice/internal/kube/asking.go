package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"sluice/ingest/live"
)

// page is how many objects one answer holds: what a server with many sends at once has a bound.
const page = 500

// maxEmpty is how many pages in a row may hold nothing: those whose objects the user may not see, or that are gone.
const maxEmpty = 100

// maxAnswer is how many bytes one answer may have: a page of objects of the largest size that etcd keeps has fewer
// where they are not all of it.
const maxAnswer = 256 << 20

// maxList is how many bytes the objects of a list may have together, and minPage how many a page counts for at least.
const (
	maxList = 4 << 30
	minPage = 256 << 10
)

// list calls take with each object of a list, in pages. Where the server has forgotten how the list was it goes on with
// how it is: what was made meanwhile before that place is not in it.
func (c *Cluster) list(
	ctx context.Context, path string, q url.Values, at access, take func(json.RawMessage) error,
) error {
	query := url.Values{"limit": {fmt.Sprint(page)}}
	maps.Copy(query, q)
	for empty, left := 0, int64(maxList); ; {
		var list struct {
			Metadata struct{ Continue string }
			Items    []json.RawMessage
		}
		err := c.get(ctx, path, query, at, &list)
		var old *expired
		if errors.As(err, &old) && old.next != "" {
			list.Metadata.Continue, err = old.next, nil
		}
		if err != nil {
			return err
		}
		bytes := 0
		for _, item := range list.Items {
			bytes += len(item)
			if err := take(item); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
		left -= int64(max(bytes, minPage))
		next := list.Metadata.Continue
		switch {
		case next == "":
			return nil
		case left < 0:
			return fmt.Errorf("%s: the list of %s goes on after %d MiB: that is no API server, or its objects are too large",
				at, c.base, maxList>>20)
		case next == query.Get("continue"), len(list.Items) == 0 && empty > maxEmpty:
			return fmt.Errorf("%s: the list of %s does not end: each page says that the next one follows", at, c.base)
		case len(list.Items) == 0:
			empty++
		default:
			empty = 0
		}
		query.Set("continue", next)
	}
}

// answering is how long the API server may take for one answer, and patience after what time somebody is told.
const (
	answering = 30 * time.Second
	patience  = 5 * time.Second
)

// asks is how often a server that is busy or out of order is asked, and firstWait how long it is left alone after the
// first time where it does not say; then twice as long each time.
const (
	asks      = 5
	firstWait = 250 * time.Millisecond
)

// get reads an answer of the API server, which has a moment to recover.
func (c *Cluster) get(ctx context.Context, path string, q url.Values, at access, into any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	for n, wait := 1, firstWait; ; n, wait = n+1, 2*wait {
		err := c.ask(ctx, path, at, into)
		var later *busy
		if err == nil || !errors.As(err, &later) || n == asks || later.stalled && n > 1 {
			return err
		}
		if later.said {
			wait = later.after
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
		if later.stalled {
			utilnet.CloseIdleConnectionsFor(c.client.Transport) // the one that stalled is idle by now
		}
	}
}

// ask reads one answer.
func (c *Cluster) ask(ctx context.Context, path string, at access, into any) error {
	whole := ctx
	ctx, stop := context.WithTimeout(ctx, c.answering)
	defer stop()
	defer time.AfterFunc(c.patience, func() { c.wait(at) }).Stop()
	// stalled is the error where none came in time: who answered before is asked once more, by another connection.
	stalled := func(err error) error {
		if whole.Err() != nil || ctx.Err() == nil || !c.answered.Load() {
			return err
		}
		return &busy{error: err, stalled: true}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return stalled(c.unreachable(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil && ctx.Err() == nil: // the connection broke
		return &busy{error: fmt.Errorf("%s: %w", at, c.unreachable(err))}
	case err != nil:
		return stalled(fmt.Errorf("%s: %w", at, c.unreachable(err)))
	case len(body) > maxAnswer:
		return fmt.Errorf("%s: %s answers with more than %d MiB: that is no API server, or its objects are too large",
			at, c.base, maxAnswer>>20)
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError:
		after, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
		wait := min(time.Duration(after)*time.Second, answering)
		return &busy{error: c.refusal(resp.StatusCode, body, at), after: wait, said: err == nil}
	case resp.StatusCode != http.StatusOK:
		return c.refusal(resp.StatusCode, body, at)
	}
	c.answered.Store(true)
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: the answer of %s is no JSON of Kubernetes: %w", at, c.base, err)
	}
	return nil
}

// busy is the error of a server that may answer when it is asked once more.
type busy struct {
	error
	after   time.Duration
	said    bool // after is the server's word
	stalled bool // it took too long
}

func (e *busy) Unwrap() error { return e.error }

// wait tells once what is waited for.
func (c *Cluster) wait(at access) {
	if c.waiting == nil || c.told.Swap(true) {
		return
	}
	text := fmt.Sprintf("waiting for %s to %s", c, at)
	if p := c.config.ExecProvider; p != nil && !c.answered.Load() {
		text = fmt.Sprintf("waiting for %s, or for %s, which logs in to it", c, live.Brief(p.Command))
	}
	c.waiting(text)
}
