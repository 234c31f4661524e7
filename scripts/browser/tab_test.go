package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A look is the size and the color scheme of a tab.
type look struct {
	width, height int64
	dark          bool
	scale         float64 // device pixel ratio; 0 means 1
}

var (
	wide   = look{width: 1440, height: 900}
	narrow = look{width: 390, height: 844}
)

// A tab is a tab of the browser. It records errors and requests.
type tab struct {
	ctx context.Context

	mu       sync.Mutex // protects the following fields
	errorLog []string
	urls     []string // of all requests
}

// fasterRefresh is a script that records the URLs that the page fetches, and the times
// for which it waits between requests. It divides these times by five, so that the
// tests do not wait for a page that refreshes every two seconds. It does not change the
// request timeout of 15 s.
const fasterRefresh = `
	window.fetched = [];
	window.waits = [];
	window.fetch = ((fetch) => (url, ...options) => (fetched.push(url), fetch(url, ...options)))(fetch);
	window.setTimeout = ((setTimeout) => (callback, wait = 0) => {
		if (wait < 1000 || wait === 15000) return setTimeout(callback, wait);
		waits.push(wait);
		return setTimeout(callback, wait / 5);
	})(setTimeout);`

// open opens a page in a new tab and waits until it shows an overview.
func open(url string, looks look) *tab {
	GinkgoHelper()
	t := &tab{}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithListener(t.note))
	DeferCleanup(cancel)
	ctx, timeout := context.WithTimeout(ctx, 5*time.Minute)
	DeferCleanup(timeout)
	t.ctx = ctx
	_, logErr := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, scriptErr := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: fasterRefresh})
	Expect(errors.Join(logErr, networkErr, scriptErr)).To(Succeed())
	t.look(looks)
	t.run(chromedp.Navigate(url))
	t.eventually(`document.body.dataset.shown > 0`)
	return t
}

// look sets the size and the color scheme of the tab, and disables animations.
func (t *tab) look(l look) {
	GinkgoHelper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	_, sizeErr := chromedp.Call(t.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: l.width, Height: l.height, DeviceScaleFactor: max(1, l.scale), Mobile: l.width < 500,
	})
	_, mediaErr := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
	Expect(errors.Join(sizeErr, mediaErr)).To(Succeed())
}

// note records an event that the browser reports about the page.
func (t *tab) note(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var values []string
		for _, argument := range e.Args {
			values = append(values, string(argument.Value))
		}
		t.errorLog = append(t.errorLog, fmt.Sprintf("console.%s: %s", e.Type, strings.Join(values, " ")))
	case *runtime.EventExceptionThrown:
		t.errorLog = append(t.errorLog, fmt.Sprint("exception: ", *e.ExceptionDetails))
	case *log.EventEntryAdded:
		t.errorLog = append(t.errorLog, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
	case *page.EventJavascriptDialogOpening:
		t.errorLog = append(t.errorLog, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		t.urls = append(t.urls, e.Request.URL)
	}
}

// problems returns the errors so far: exceptions, console output, dialogs, and
// violations of the content security policy.
func (t *tab) problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.errorLog...)
}

// overviewRequests returns the URLs that the page's scripts have fetched. It includes
// requests that the browser has not reported and the server has not received yet.
func (t *tab) overviewRequests() []string {
	GinkgoHelper()
	return eval[[]string](t, `fetched`)
}

// requestedURLs returns the URLs of the requests that the browser has reported.
func (t *tab) requestedURLs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.urls...)
}

func (t *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	GinkgoHelper()
	Expect(chromedp.Do(t.ctx, steps...)).To(Succeed())
}

// eval returns the value of an expression in the page, or the value of its promise.
func eval[T any](t *tab, script string) T {
	GinkgoHelper()
	value, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	Expect(err).NotTo(HaveOccurred(), script)
	return value
}

// eventually waits until a condition holds in the page.
func (t *tab) eventually(condition string) {
	GinkgoHelper()
	Eventually(func() bool { return eval[bool](t, "Boolean("+condition+")") }).Should(BeTrue(), condition)
}

// refreshed waits until the page has shown an overview that it requested after the
// call.
func (t *tab) refreshed() {
	GinkgoHelper()
	shown := eval[int](t, `Number(document.body.dataset.shown)`)
	t.eventually(fmt.Sprintf(`document.body.dataset.shown > %d`, shown+1))
}

// rows returns the texts of the visible rows of a section's table, with " | " between
// the cells.
func (t *tab) rows(section string) []string {
	GinkgoHelper()
	return eval[[]string](t, `[...document.querySelectorAll("#`+section+` tbody tr")]
		.filter((row) => row.checkVisibility())
		.map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, " ").trim()).join(" | "))`)
}

// column returns the texts of a column of a section's table.
func (t *tab) column(section string, index int) []string {
	GinkgoHelper()
	return eval[[]string](t, fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")]
		.map((row) => row.cells[%d].innerText.trim())`, section, index))
}

// text returns the visible text of an element.
func (t *tab) text(selector string) string {
	GinkgoHelper()
	return eval[string](t, `document.querySelector(`+"`"+selector+"`"+`).innerText`)
}

// press sends key presses to the focused element.
func (t *tab) press(keys string) {
	GinkgoHelper()
	t.run(chromedp.KeyEvent(keys))
}

// click clicks an element. It fails if another element covers the center. It does not
// move the mouse pointer, because the page can move elements in the meantime.
func (t *tab) click(selector string) {
	GinkgoHelper()
	Expect(eval[bool](t, `(() => {
		const e = document.querySelector(`+"`"+selector+"`"+`);
		e.scrollIntoView({block: "center"});
		const {x, y, width, height} = e.getBoundingClientRect();
		const hit = document.elementFromPoint(x + width / 2, y + height / 2);
		if (hit !== e && !e.contains(hit)) return false;
		e.click();
		return true;
	})()`)).To(BeTrue(), "%s cannot be clicked", selector)
}

// screenshot writes a picture of the whole page, or of the visible part.
func (t *tab) screenshot(file string, wholePage bool) {
	GinkgoHelper()
	params := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if wholePage {
		size := eval[[]float64](t, `[document.documentElement.scrollWidth, document.documentElement.scrollHeight]`)
		beyond := true
		params.CaptureBeyondViewport = &beyond
		params.Clip = &page.Viewport{Width: size[0], Height: size[1], Scale: 1}
	}
	picture, err := chromedp.Call(t.ctx, page.CaptureScreenshot, params)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(file, picture.Data, 0o644)).To(Succeed())
}
