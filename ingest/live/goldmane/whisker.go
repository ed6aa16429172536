package goldmane

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"sluice/ingest/live"
)

// whisker is a lister that asks Goldmane through Whisker's backend. It has no endpoint types, services or counts of
// connections, and answers whole lists whatever page is asked for.
type whisker struct {
	cfg     *Config
	client  *http.Client
	queries []string // filters, as JSON
}

// sampleSeconds is how far back the length of a bucket is learned from.
const sampleSeconds = 600

func newWhisker(cfg *Config) (*whisker, error) {
	w := &whisker{cfg: cfg, queries: filterQueries(cfg.Namespaces)}
	t := http.DefaultTransport.(*http.Transport).Clone()
	if cfg.TLS != nil {
		tls, err := cfg.TLS.Config()
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = tls
	}
	if cfg.Way != nil {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return cfg.Way.Dial(ctx) }
	}
	// A redirect leads to a login page or another host: neither has flows.
	w.client = &http.Client{
		Transport:     t,
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// filterQueries are filters as Whisker takes them, one for each end.
func filterQueries(namespaces []string) []string {
	if len(namespaces) == 0 {
		return []string{""}
	}
	type match struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	var matches []match
	for _, ns := range slices.Sorted(slices.Values(namespaces)) {
		matches = append(matches, match{"Exact", ns})
	}
	var out []string
	for _, end := range []string{"source_namespaces", "dest_namespaces"} {
		b, _ := json.Marshal(map[string][]match{end: matches}) // texts can always be written
		out = append(out, string(b))
	}
	return out
}

func (w *whisker) filters() int { return len(w.queries) }

// links is no help: behind the backend Goldmane may be another one any time. What is missing then shows when the stream
// is opened anew.
func (w *whisker) links() uint64 { return 0 }

func (w *whisker) close() { w.client.CloseIdleConnections() }

func (w *whisker) list(
	ctx context.Context,
	filter int,
	from, to int64,
	take func([]byte),
) (bytes, missing int, err error) {
	q := url.Values{"startTimeGte": {strconv.FormatInt(from, 10)}, "startTimeLt": {strconv.FormatInt(to, 10)}}
	if f := w.queries[filter]; f != "" {
		q.Set("filters", f)
	}
	return w.get(ctx, q, take)
}

func (w *whisker) sample(ctx context.Context, take func([]byte)) error {
	_, _, err := w.get(ctx, url.Values{"startTimeGte": {strconv.Itoa(-sampleSeconds)}}, take)
	return err
}

func (w *whisker) count(context.Context, int, int64, int64) (int, bool, error) { return 0, false, nil }

// statusError is an answer that is no list.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP status %d: %s", e.code, e.text) }

// get asks, and gives the bytes of the answer and how many flows at least it lacks: one for each other page.
func (w *whisker) get(ctx context.Context, q url.Values, take func([]byte)) (bytes, missing int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.cfg.Target+"/flows?"+q.Encode(), nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("User-Agent", "sluice")
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	body := &counting{r: resp.Body}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(body, 200))
		return body.n, 0, &statusError{resp.StatusCode, live.Brief(string(text))}
	}
	pages, err := items(body, func(item []byte) {
		body.item = 0
		take(item)
	})
	return body.n, min(max(0, pages-1), maxMissing), err
}

// maxItem is the largest part of an answer taken: a flow has some kilobytes.
const maxItem = 1 << 20

// counting counts the bytes of an answer, and refuses one that would not fit into memory.
type counting struct {
	r    io.Reader
	n    int
	item int // bytes since the last flow
}

func (c *counting) Read(b []byte) (int, error) {
	switch {
	case c.item > maxItem:
		return 0, errLarge
	case c.n > maxAnswer:
		return 0, errEndless
	}
	n, err := c.r.Read(b)
	c.n += n
	c.item += n
	return n, err
}

// items hands on what is in the array "items" of an answer, and gives the number of its pages. The rest of it is read too,
// so that half an answer is an error.
func items(r io.Reader, take func([]byte)) (pages int, err error) {
	d := json.NewDecoder(r)
	found := false
	if err := expect(d, json.Delim('{')); err != nil {
		return 0, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, err
		}
		if key == "items" {
			found = true
			if err := each(d, take); err != nil {
				return 0, err
			}
			continue
		}
		var other json.RawMessage
		if err := d.Decode(&other); err != nil {
			return 0, err
		}
		var total struct{ TotalPages int }
		if key == "total" && json.Unmarshal(other, &total) == nil {
			pages = total.TotalPages
		}
	}
	if !found {
		return 0, fmt.Errorf("%w: no items", errNoList)
	}
	return pages, expect(d, json.Delim('}'))
}

// each hands on the elements of an array; null is an empty one.
func each(d *json.Decoder, take func([]byte)) error {
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('[') {
		return fmt.Errorf("%w: items is no array", errNoList)
	}
	for d.More() {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return err
		}
		take(item)
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("%w: %v instead of %v", errNoList, t, want)
	}
	return nil
}

func (w *whisker) said(err error) error {
	return fmt.Errorf("whisker at %s: %w", w.cfg.Target, w.cfg.explain(err))
}
