package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const fresh = "# ours\nresolver: none # of ben\n"

// TestReview goes the way of a reviewer: search, read a rule, reject it, see what is lost, undo, accept, write, load again.
func TestReview(t *testing.T) {
	dir := boutique(t)
	config := filepath.Join(dir, "sluice.yaml")
	if err := os.WriteFile(config, []byte(fresh), 0o600); err != nil {
		t.Fatal(err)
	}
	url := serve(t, dir)
	p := open(t, browser(t), url, 1280, 800, false)
	p.shows(".answer", "nothing seen is lost")
	p.shows(".count", "29 rules, 32 edges")
	p.shot("boutique-rules")

	p.types("#q", "redis-cart 6379")
	p.shows(".count", "of 29 rules")
	p.wait("document.querySelectorAll('.spacer .row').length === 2")
	p.click(".spacer .row")
	p.shows(".detail", "6379/tcp to default/app=redis-cart")
	p.shows(".detail .yaml .marked", "# rule ")
	p.shows(".detail", "Evidence: 1 edge")
	p.shot("boutique-rule")

	p.click(".detail button.verdict.reject")
	p.shows("dialog .effect", "that worked would be denied, on 1 edge")
	p.shows("dialog .effect", "default/cartservice → default/redis-cart 6379/tcp")
	p.shows("dialog .effect", "2 rules go")
	p.click("dialog button[type=submit]")
	p.shows("dialog", "Give a reason")
	p.types("#ask-reason", "a <b>test</b>")
	p.shot("boutique-reject")
	p.click("dialog button[type=submit]")
	p.wait("document.querySelector('dialog') === null")
	p.shows(".bar", "1 decision, not written yet")
	p.shows(".spacer .row", "reject")
	if text := read(t, config); text != fresh {
		t.Errorf("written before anybody asked: %q", text)
	}
	p.click("#tab-decisions")
	p.shows(".sheet", "a <b>test</b>")
	p.shows(".sheet .effect", "would be denied")
	p.shot("boutique-decisions")
	p.click(".bar button") // undo
	p.shows(".bar", "Decisions go to sluice.yaml")
	p.shows(".sheet", "None yet")

	// By keyboard alone: back to the rules, the second of those that are left, accept.
	p.keys("1")
	p.wait("document.activeElement.getAttribute('role') === 'grid'")
	p.keys(down)
	p.wait("document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.getAttribute('aria-selected') === 'true'")
	p.keys("a")
	p.wait("document.activeElement.id === 'ask-reason'")
	p.does("document.activeElement.value = ''") // the key of a machine writes what the page took already
	p.shows("dialog .effect", "Nothing that was seen would be allowed or denied differently.")
	p.keys("the cart needs it")
	p.does("document.querySelector('dialog form').requestSubmit()")
	p.wait("document.querySelector('dialog') === null")
	p.shows(".bar", "1 decision, not written yet")
	p.keys("s")
	p.shows(".bar", "Written to sluice.yaml")
	want := fresh + "decisions:\n- {source: default/cartservice, destination: default/redis-cart, port: 6379/tcp, " +
		"verdict: accept, reason: the cart needs it, by: ana}\n"
	if text := read(t, config); text != want {
		t.Errorf("sluice.yaml: %q", text)
	}
	p.run(chromedp.Reload())
	p.wait("document.querySelector('.panel .row') !== null")
	p.shows(".bar", "1 decision written to sluice.yaml")
	p.types("#q", "redis-cart 6379")
	p.shows(".spacer .row .verdict.written", "accept")

	// What is written can be taken back.
	p.click("#tab-decisions")
	p.shows(".drafts", "the cart needs it")
	p.click(".drafts button")
	p.shows(".bar", "not written yet")
	p.click(".bar button.primary")
	p.shows(".bar", "Written to")
	if text := read(t, config); text != fresh {
		t.Errorf("taken back: %q", text)
	}

	// What somebody else wrote meanwhile stays.
	if err := os.WriteFile(config, []byte("resolver: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.keys("1")
	p.keys(down)
	p.keys("r")
	p.wait("document.activeElement.id === 'ask-reason'")
	p.keys("r")
	p.does("document.querySelector('dialog form').requestSubmit()")
	p.wait("document.querySelector('dialog') === null")
	p.expect("409")
	p.keys("s")
	p.shows(".bar", "changed by somebody else")
	p.keys("u")
}

// TestTakeOut: a decision of an earlier session is taken out of the file, which is undone, done again and written. Only
// that entry leaves the file, and what it denied is told as allowed again.
func TestTakeOut(t *testing.T) {
	const entry = "  - {source: default/frontend, destination: default/adservice, port: 9555/tcp, verdict: reject, reason: no ads}\n"
	const begin, end = "# ours\ndecisions: # by ben\n  # the first\n", "  # the second\n  - source: default/checkoutservice\n" +
		"    destination: \"*\" # all\n    port: 8080/tcp\n    verdict: accept\n    reason: mail\nresolver: none\n"
	dir := learned(t, begin+entry+end)
	config := filepath.Join(dir, "sluice.yaml")
	p := open(t, browser(t), serve(t, dir), 1280, 800, false)
	p.keys("7")
	p.shows(".stacked", "no ads")
	p.click(".stacked tbody tr button")
	p.shows(".stacked tr.out", "to be taken out")
	p.shows(".bar", "1 taken out of the file, not written yet")
	p.shows(".sheet .effect", "4 connections would be allowed that are not today")
	p.shot("takeout")
	p.keys("u")
	p.shows(".bar", "Decisions go to sluice.yaml")
	p.wait("document.querySelector('.stacked tr.out') === null")
	if text := read(t, config); text != begin+entry+end {
		t.Errorf("written before anybody asked: %q", text)
	}
	// From the edge too.
	p.keys("2")
	p.types("#q", "adservice 9555")
	p.wait("document.querySelectorAll('.spacer .row').length === 1")
	p.click(".spacer .row")
	p.shows(".detail .facts", "Take the decision out")
	p.click(".detail .facts dd button:not(.link)")
	p.shows(".detail .facts", "Put the decision back")
	p.click(".bar button.primary")
	p.shows(".bar", "Written to sluice.yaml")
	if text := read(t, config); text != begin+end {
		t.Errorf("more than the entry moved: %q", text)
	}
	p.run(chromedp.Reload())
	p.wait("document.querySelector('.panel .row') !== null")
	p.shows(".bar", "1 taken out of the file: written to sluice.yaml")
	p.keys("7")
	p.shows(".sheet .effect", "4 connections would be allowed") // it is drawn again when this has come
	p.click(".stacked tr.out button")
	p.click(".bar button.primary")
	p.shows(".bar", "Written to")
	if text := read(t, config); text != begin+entry+end {
		t.Errorf("put back: %q", text)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestViews: the map, the matrix, the findings and the curves show the same bundle, and can be used by keyboard.
func TestViews(t *testing.T) {
	p := open(t, browser(t), serve(t, boutique(t)), 1280, 800, false)
	p.click("#tab-map")
	p.shows(".told", "arrows")
	p.wait("sluice.drawn() > 20")
	p.shot("boutique-map")
	p.click("#tab-matrix")
	p.shows(".told", "cells with edges")
	p.does("document.querySelector('.map canvas').focus()")
	p.keys("n")
	p.shows(".told", "allowed")
	p.keys(enter)
	p.shows(".detail h2", "→")
	p.shot("boutique-matrix")
	p.keys("5")
	p.shows(".sheet", "fragile-address")
	p.shot("boutique-findings")
	p.keys("6")
	p.shows(".sheet", "Edges known over time")
	p.wait("document.querySelector('.uplot canvas') !== null")
	p.shot("boutique-curves")
	p.keys("2")
	p.keys(down)
	p.shows(".detail", "Rules for it")
	p.choose("select[aria-label='Any finding']", "fragile-address")
	p.shows(".count", "2 of 32 edges")
}

// TestFile: the page as a file needs no server, and offers no decision.
func TestFile(t *testing.T) {
	dir := boutique(t)
	sluice(t, dir, "review", "bundle", "--html", "review.html")
	p := open(t, browser(t), "file://"+filepath.Join(dir, "review.html"), 1280, 800, false)
	p.click(".spacer .row")
	p.shows(".detail", "Evidence")
	buttons := eval[int](p, "document.querySelectorAll('.verdict, .bar:not([hidden])').length")
	if buttons != 0 {
		t.Errorf("%d buttons to decide with", buttons)
	}
	p.keys("r")
	p.wait("document.querySelector('dialog') === null")
}

// TestPrint: paper takes all rows of a table, in their order, in dark on light; the screen those in sight.
func TestPrint(t *testing.T) {
	p := open(t, browser(t), serve(t, boutique(t)), 1280, 400, true)
	p.keys("2")
	const rows = "[...document.querySelectorAll('.spacer .row')].map((r) => Number(r.id.split('-')[1]))"
	all := eval[int](p, "sluice.state.on.edges.length")
	if n := eval[[]int](p, rows); len(n) >= all {
		t.Fatalf("%d of %d rows are in sight", len(n), all)
	}
	p.does("document.querySelector('.scroller').scrollTop = 300")
	p.does("window.dispatchEvent(new Event('beforeprint'))")
	for i, n := range append(eval[[]int](p, rows), -1) {
		if i < all && n != i || i == all && n >= 0 {
			t.Fatalf("row %d of %d is %d on paper", i, all, n)
		}
	}
	p.does("window.dispatchEvent(new Event('afterprint'))")
	if n := eval[[]int](p, rows); len(n) >= all {
		t.Errorf("%d of %d rows after printing", len(n), all)
	}
	const crooked = `(() => {
	  const at = (row) => [...row.children].map((c) => c.getBoundingClientRect().left);
	  const head = at(document.querySelector('.row.head')), row = at(document.querySelector('.spacer .row'));
	  return Math.max(...head.map((x, i) => Math.abs(x - row[i])));
	})()`
	if off := eval[float64](p, crooked); off > 1 {
		t.Errorf("a column's head stands %.0f px beside it", off)
	}
}

// hostile learns a bundle from pods whose names are markup, turn text round or never end, and returns the directory
// that it is in.
func hostile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const pod = `{"identity":%d,"namespace":"bank","labels":["k8s:app=%[2]s","k8s:io.kubernetes.pod.namespace=bank"],"pod_name":"%[2]s-5f7c9d8b6-k2v7q"}`
	const owned = `{"identity":%d,"namespace":"bank","labels":["k8s:app=w%[1]d","k8s:io.kubernetes.pod.namespace=bank"],"pod_name":"w%[1]d-0","workloads":[{"kind":"StatefulSet","name":"%[2]s"}]}`
	const flow = `{"flow":{"time":"2026-05-04T08:00:0%dZ","verdict":"FORWARDED","IP":{"source":"10.4.1.10","destination":"10.4.2.20"},"l4":{"TCP":{"source_port":%d,"destination_port":%d,"flags":{%s}}},"source":%s,"destination":%s,"node_name":"n1","event_type":{"type":4},"traffic_direction":"INGRESS","is_reply":%v,"trace_observation_point":"TO_ENDPOINT"},"node_name":"n1","time":"2026-05-04T08:00:01Z"}` + "\n"
	var b strings.Builder
	for i, pair := range [][2]string{
		{`</script><script>alert(1)</script>`, `\"'><img src=x onerror=alert(2)>`},
		{`a\u202egnp.exe\u200b`, strings.Repeat("long", 500)}, {`{{7*7}}${7*7}`, "`<!--"},
	} {
		for k, form := range []string{pod, owned} { // names in a label, which no policy can select, and in the owner's
			src, dst := fmt.Sprintf(form, 2000+2*i+k, pair[0]), fmt.Sprintf(form, 3000+2*i+k, pair[1])
			fmt.Fprintf(&b, flow, 1, 43000+2*i+k, 8080, `"SYN":true`, src, dst, false)
			fmt.Fprintf(&b, flow, 2, 8080, 43000+2*i+k, `"SYN":true,"ACK":true`, dst, src, true)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "flows.jsonl"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	sluice(t, dir, "learn", "flows.jsonl", "-n", "bank", "--out", "bundle", "--min-watch", "0", "-q")
	return dir
}

// TestHostile: names that would be markup, that turn text round or never end are shown as what they are.
func TestHostile(t *testing.T) {
	dir := hostile(t)
	p := open(t, browser(t), serve(t, dir), 1280, 800, false)
	p.keys("2")
	p.wait("document.querySelectorAll('.spacer .row').length >= 3")
	rows := eval[int](p, "document.querySelectorAll('.spacer .row').length")
	for i := range rows {
		p.does(fmt.Sprintf("document.querySelectorAll('.spacer .row')[%d].click()", i))
		p.shows(".detail", "Source")
	}
	for _, view := range []string{"3", "4", "5", "6", "7", "1", "2"} {
		p.keys(view)
		time.Sleep(50 * time.Millisecond)
		p.does("document.querySelectorAll('.sheet details').forEach((d) => { d.open = true; })")
		const sticksOut = "Math.max(0, ...[...document.querySelectorAll('.sheet, .detail')].map((e) => e.scrollWidth - e.clientWidth))"
		if wide := eval[int](p, sticksOut); wide > 0 {
			t.Errorf("view %s: text sticks out by %d", view, wide)
		}
	}
	type looks struct {
		Scripts, Images, Wide int
		Turned                bool
	}
	found := eval[looks](p, "({Scripts: document.scripts.length, Images: document.images.length, Wide: document.documentElement.scrollWidth - innerWidth, Turned: /[\\u202e\\u200b]/.test(document.body.innerText)})")
	if found.Scripts != 0 || found.Images != 0 || found.Wide > 0 || found.Turned {
		t.Errorf("%+v", found)
	}
	p.shot("hostile")
	// The name comes back from the page as it was, so that the decision names the same edge.
	p.does("[...document.querySelectorAll('.spacer .row')].find((r) => !/w[23]\\d{3}/.test(r.innerText)).click()")
	p.click(".detail button.verdict.reject")
	p.shows("dialog .effect", "still be allowed") // no policy can name such a pod: it is held open
	p.types("#ask-reason", "no")
	p.does("document.querySelector('dialog form').requestSubmit()")
	p.wait("document.querySelector('dialog') === null")
	p.click(".bar button.primary")
	p.shows(".bar", "Written to")
	sluice(t, dir, "learn", "flows.jsonl", "-n", "bank", "--out", "bundle", "--min-watch", "0", "-q")
	if review := read(t, filepath.Join(dir, "bundle", "REVIEW.md")); strings.Contains(review, "names nothing") {
		t.Errorf("the decision names another edge: %s", read(t, filepath.Join(dir, "sluice.yaml")))
	}
}

// looks is what is wrong with how a page can be read: what sticks out, what has no name, what has too little contrast.
const looks = `(() => {
  const out = [];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) out.push('wider than the screen by ' + wide);
  const visible = (el) => { const b = el.getBoundingClientRect(); return b.width > 1 && b.height > 1 && el.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }); };
  for (const el of document.querySelectorAll('button, input, select, textarea, [tabindex="0"], [role=grid], [role=tab]')) {
    const name = el.getAttribute('aria-label') || el.innerText || [...(el.labels ?? [])].map((l) => l.innerText).join(' ') || (el.tagName === 'PRE' ? 'text' : '');
    if (visible(el) && !name.trim()) out.push('no name: ' + el.outerHTML.slice(0, 120));
  }
  const parse = (c) => (c.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const back = (el) => { for (; el; el = el.parentElement) { const c = parse(getComputedStyle(el).backgroundColor); if (c.length && (c[3] ?? 1) > 0.99) return c; } return [255, 255, 255]; };
  const seen = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const el = n.parentElement;
    if (!n.textContent.trim() || !visible(el) || el.closest('noscript, :disabled, [aria-hidden]')) continue;
    const style = getComputedStyle(el), a = light(parse(style.color)), b = light(back(el));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) { const k = style.color + ' on ' + back(el); if (!seen.has(k)) { seen.add(k); out.push('contrast ' + ratio.toFixed(2) + ': ' + n.textContent.trim().slice(0, 40) + ' ' + k); } }
    if (el.closest('.c-risk') && el.scrollWidth > el.clientWidth + 1) out.push('cut: ' + n.textContent.trim());
    if (parseFloat(style.fontSize) < 10) out.push('letters of ' + style.fontSize + ': ' + n.textContent.trim().slice(0, 40));
  }
  return out;
})()`

// TestLooks: at 1280 and 390 px, light and dark, in every view nothing sticks out, everything has a name, and all text can
// be read.
func TestLooks(t *testing.T) {
	ctx := browser(t)
	url := serve(t, learned(t, "decisions:\n- {source: default/frontend, destination: '*', port: 9555/tcp, verdict: ignore, "+
		"reason: nobody looks at what is shown beside the goods since the shop was rebuilt, by: ben}\n"))
	for _, width := range []int64{1280, 390} {
		for _, dark := range []bool{false, true} {
			name := fmt.Sprintf("%d-%v", width, map[bool]string{false: "light", true: "dark"}[dark])
			p := open(t, ctx, url, width, 844, dark)
			check := func(what string) {
				t.Helper()
				for _, w := range eval[[]string](p, looks) {
					t.Errorf("%s, %s: %s", name, what, w)
				}
				p.shot(name + "-" + what)
			}
			for key, view := range map[string]string{"1": "rules", "2": "edges", "3": "map", "4": "matrix", "5": "findings", "6": "curves", "7": "decisions"} {
				p.keys(key)
				p.wait(fmt.Sprintf("document.querySelector('#tab-%s').getAttribute('aria-selected') === 'true'", view))
				check(view)
			}
			p.keys("1")
			p.keys(down)
			p.shows(".detail", "Evidence")
			check("detail")
			p.click(".detail button.verdict.reject")
			p.shows("dialog .effect", "would be denied")
			check("dialog")
			p.keys(escape)
		}
	}
}

// bounds are how long things may take on the page of 400 workloads and 16,000 edges. Where another program is at work
// too, what took longer is tried again.
const (
	firstPicture = time.Second
	filtering    = 100 * time.Millisecond
	tries        = 12
)

// large is the shape of a cluster as large as the page has to be quick with.
const large = "{seed: 1, namespaces: 60, workloads: 400, pods: 800, edges: 16000, outside: 200}"

// TestLarge: 400 workloads with 16,000 edges: the first picture stands within a second, a filter in a tenth. What it took
// is printed.
func TestLarge(t *testing.T) {
	dir := load(t, "large", large)
	url := serve(t, dir)
	ctx := browser(t)
	best := time.Hour
	var p *tab
	for n := 0; n < 3 || n < tries && best > firstPicture; n++ {
		p = open(t, ctx, url, 1280, 800, false)
		p.wait("performance.getEntriesByName('drawn').length > 0")
		ms := eval[float64](p, "performance.getEntriesByName('drawn')[0].startTime")
		best = min(best, time.Duration(ms*1e6))
	}
	t.Logf("first picture %v after it was asked for", best)
	if best > firstPicture {
		t.Errorf("first picture after %v, want %v", best, firstPicture)
	}
	p.shows(".count", "16,000 edges")
	p.shot("large-rules")
	for _, c := range []struct{ key, name string }{{"1", "rules"}, {"2", "edges"}, {"3", "map"}, {"4", "matrix"}} {
		p.keys(c.key)
		p.wait(fmt.Sprintf("document.querySelector('#tab-%s').getAttribute('aria-selected') === 'true'", c.name))
		time.Sleep(200 * time.Millisecond)
		p.shot("large-" + c.name)
		ms := eval[[]float64](p, fmt.Sprintf(`(async () => {
		  const took = [];
		  for (const q of ['team-03', 'team-03/ 8001', 'billing', '']) {
		    let best = Infinity;
		    for (let again = 1; again <= 3 || again <= %d && best > %d; again++) {
		      sluice.change({filter: {...sluice.state.filter, q: 'warm' + again}});
		      await new Promise((r) => requestAnimationFrame(() => setTimeout(r, 0)));
		      const from = performance.now();
		      sluice.change({filter: {...sluice.state.filter, q}});
		      document.body.offsetHeight;
		      best = Math.min(best, performance.now() - from);
		    }
		    took.push(best);
		  }
		  return took;
		})()`, tries, filtering.Milliseconds()))
		t.Logf("filter in %s: %.0f ms", c.name, ms)
		for _, m := range ms {
			if d := time.Duration(m * 1e6); d > filtering {
				t.Errorf("a filter in %s takes %v, want %v", c.name, d, filtering)
			}
		}
	}
	p.keys("3")
	p.does("sluice.change({selected: {type: 'group', group: 3}})")
	p.shows(".detail", "Peers")
	p.shot("large-map-selected")
	drawn := eval[int](p, "sluice.drawn()")
	if drawn > 600 {
		t.Errorf("%d elements are drawn", drawn)
	}
	p.keys("1")
	p.keys(down)
	p.keys("r")
	p.shows("dialog .effect", "would still be allowed by something else") // the log has no look-ups: its namespaces are held open
	p.shot("large-reject")
	p.keys(escape)
	for _, width := range []int64{1280, 390} {
		for _, dark := range []bool{false, true} {
			p := open(t, ctx, url, width, 844, dark)
			for _, c := range []struct{ key, name string }{{"1", "rules"}, {"3", "map"}, {"4", "matrix"}, {"5", "findings"}} {
				p.keys(c.key)
				p.wait(fmt.Sprintf("document.querySelector('#tab-%s').getAttribute('aria-selected') === 'true'", c.name))
				name := fmt.Sprintf("large-%d-%v-%s", width, map[bool]string{false: "light", true: "dark"}[dark], c.name)
				for _, w := range eval[[]string](p, looks) {
					t.Errorf("%s: %s", name, w)
				}
				p.shot(name)
			}
		}
	}
}

// TestHuge: 2,000 workloads open, and the map draws no more than some hundreds of elements.
func TestHuge(t *testing.T) {
	dir := load(t, "huge", "{seed: 1, namespaces: 100, workloads: 2000, pods: 2000, edges: 12000, outside: 200}")
	p := open(t, browser(t), serve(t, dir), 1280, 800, true)
	p.shows(".count", "12,000 edges")
	for _, key := range []string{"3", "4", "2"} {
		p.keys(key)
		time.Sleep(300 * time.Millisecond)
		p.shot("huge-" + key)
	}
	drawn := eval[int](p, "sluice.drawn()")
	if drawn < 100 || drawn > 600 {
		t.Errorf("%d elements are drawn", drawn)
	}
}
