package page

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium is the browser, or a failure that says how to get it.
func chromium(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("SLUICE_CHROMIUM"); name != "" {
		return name
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if at, err := exec.LookPath(name); err == nil {
			return at
		}
	}
	t.Fatal("there is no Chromium: apt-get install chromium, or name one in SLUICE_CHROMIUM")
	return ""
}

// browser starts one that talks to nobody but the pages it is given.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.WindowSize(1280, 800))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", chromium(t), err)
	}
	return ctx
}

// tab is a page in the browser. What it says on its console, what it throws and what it asks of others is a failure.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	expected []string // parts of messages that are not a failure
}

// open opens the review page and waits until it shows its list.
func open(t *testing.T, ctx context.Context, url string, width, height int64, dark bool) *tab {
	t.Helper()
	p := visit(t, ctx, url, width, height, dark)
	p.wait("document.querySelector('.panel .row') !== null")
	return p
}

func visit(t *testing.T, ctx context.Context, url string, width, height int64, dark bool) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	p := &tab{t: t, ctx: ctx}
	own := url[:strings.LastIndex(url, "/")+1]
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *cdplog.EventEntryAdded:
			p.bad(ev.Entry.Text)
		case *runtime.EventExceptionThrown:
			text := ev.ExceptionDetails.Text
			if x := ev.ExceptionDetails.Exception; x != nil {
				text += " " + x.Description
			}
			p.bad(text)
		case *runtime.EventConsoleAPICalled:
			text := "console." + string(ev.Type)
			for _, a := range ev.Args {
				text += " " + string(a.Value)
			}
			p.bad(text)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(ev.Request.URL, own) && !strings.HasPrefix(ev.Request.URL, "data:") {
				p.bad("asks " + ev.Request.URL)
			}
		case *cdppage.EventJavascriptDialogOpening:
			if ev.Type != cdppage.DialogTypeBeforeunload {
				p.bad("dialog " + ev.Message)
			}
			go func() {
				_ = p.call(func(ctx context.Context, t *chromedp.Target) error {
					_, err := cdp.Call(ctx, t, cdppage.HandleJavaScriptDialog, cdppage.HandleJavaScriptDialogParams{Accept: true})
					return err
				})
			}()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	err = p.call(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdplog.Enable, cdp.Empty{})
		_, err2 := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		_, err3 := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		t.Fatal(err)
	}
	p.run(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return p
}

func (p *tab) bad(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.expected {
		if strings.Contains(text, e) {
			return
		}
	}
	p.t.Errorf("the page: %s", text)
}

func (p *tab) expect(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, part)
}

// patience is how long one step may take.
const patience = 20 * time.Second

func (p *tab) call(f func(context.Context, *chromedp.Target) error) error {
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	return chromedp.Do(ctx, chromedp.Func(f))
}

func (p *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval runs a script and returns what it gives.
func eval[T any](p *tab, script string) T {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// does runs a script for what it does.
func (p *tab) does(script string) {
	p.t.Helper()
	eval[bool](p, "(async () => { await ("+script+"); return true; })()")
}

// wait waits until a script is true.
func (p *tab) wait(script string) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; {
		if eval[bool](p, "Boolean("+script+")") {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("never true: %s\n%s", script, eval[string](p, "document.body.innerText.slice(0, 3000)"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// shows waits until an element shows a text.
func (p *tab) shows(selector, part string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%q)", selector, part))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.run(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// types writes into a field.
func (p *tab) types(selector, text string) {
	p.t.Helper()
	p.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// choose sets the value of a field, as a person who chose it.
func (p *tab) choose(selector, value string) {
	p.t.Helper()
	p.does(fmt.Sprintf("(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event('change')); })()", selector, value))
}

// keys presses keys where the focus is.
func (p *tab) keys(k string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(k))
}

// shot writes a picture where they are asked for.
func (p *tab) shot(name string) {
	p.t.Helper()
	dir := os.Getenv("SLUICE_SHOTS")
	if dir == "" {
		return
	}
	time.Sleep(300 * time.Millisecond)
	b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), b, 0o666); err != nil {
		p.t.Fatal(err)
	}
}

const enter, down, escape = kb.Enter, kb.ArrowDown, kb.Escape
