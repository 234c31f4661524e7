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

// A look is how a tab shows a page.
type look struct {
	width, height int64
	dark          bool
	scale         float64 // of pixels; 0 means 1
}

var (
	wide   = look{width: 1440, height: 900}
	narrow = look{width: 390, height: 844}
)

// A tab is a tab of the browser, that keeps account of what went wrong in it and of
// where it asked.
type tab struct {
	ctx context.Context

	mu       sync.Mutex
	troubles []string
	urls     []string
}

// hurry keeps account of what the page's scripts ask for and of how long they wait for
// the next time, and makes these waits a fifth of what they are: a test need not wait
// for a page that looks every two seconds. Patience with the server stays.
const hurry = `
	window.questions = [];
	window.waits = [];
	window.fetch = ((fetch) => (address, ...more) => (questions.push(address), fetch(address, ...more)))(fetch);
	window.setTimeout = ((setTimeout) => (what, wait = 0) => {
		if (wait < 1000 || wait === 15000) return setTimeout(what, wait);
		waits.push(wait);
		return setTimeout(what, wait / 5);
	})(setTimeout);`

// open opens a page in a tab of its own, and waits until it shows an overview.
func open(url string, looks look) *tab {
	GinkgoHelper()
	t := &tab{}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithListener(t.note))
	DeferCleanup(cancel)
	ctx, timeout := context.WithTimeout(ctx, 5*time.Minute)
	DeferCleanup(timeout)
	t.ctx = ctx
	_, logging := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, asking := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, hurrying := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: hurry})
	Expect(errors.Join(logging, asking, hurrying)).To(Succeed())
	t.look(looks)
	t.run(chromedp.Navigate(url))
	t.eventually(`document.body.dataset.shown > 0`)
	return t
}

// look gives the tab a size and colours. Nothing moves.
func (t *tab) look(l look) {
	GinkgoHelper()
	colours := "light"
	if l.dark {
		colours = "dark"
	}
	_, sizing := chromedp.Call(t.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: l.width, Height: l.height, DeviceScaleFactor: max(1, l.scale), Mobile: l.width < 500,
	})
	_, colouring := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: colours},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
	Expect(errors.Join(sizing, colouring)).To(Succeed())
}

// note keeps what the browser tells of the page.
func (t *tab) note(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var values []string
		for _, argument := range e.Args {
			values = append(values, string(argument.Value))
		}
		t.troubles = append(t.troubles, fmt.Sprintf("console.%s: %s", e.Type, strings.Join(values, " ")))
	case *runtime.EventExceptionThrown:
		t.troubles = append(t.troubles, fmt.Sprint("exception: ", *e.ExceptionDetails))
	case *log.EventEntryAdded:
		t.troubles = append(t.troubles, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
	case *page.EventJavascriptDialogOpening:
		t.troubles = append(t.troubles, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		t.urls = append(t.urls, e.Request.URL)
	}
}

// trouble is what went wrong: errors, refusals by the content security policy,
// anything on the console.
func (t *tab) trouble() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.troubles...)
}

// questions are the addresses that the page's scripts have asked for, up to now: what
// the browser tells of its requests, and what a server gets of them, comes later.
func (t *tab) questions() []string {
	GinkgoHelper()
	return eval[[]string](t, `questions`)
}

// asked is every URL that the browser has told of asking for the page.
func (t *tab) asked() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.urls...)
}

func (t *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	GinkgoHelper()
	Expect(chromedp.Do(t.ctx, steps...)).To(Succeed())
}

// eval is the value of an expression, or of a promise, in the page.
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

// refreshed waits until the page has shown another overview.
func (t *tab) refreshed() {
	GinkgoHelper()
	shown := eval[int](t, `Number(document.body.dataset.shown)`)
	t.eventually(fmt.Sprintf(`document.body.dataset.shown > %d`, shown+1))
}

// rows are the texts of the rows of a section's table that can be seen, their cells
// with " | " between them.
func (t *tab) rows(section string) []string {
	GinkgoHelper()
	return eval[[]string](t, `[...document.querySelectorAll("#`+section+` tbody tr")]
		.filter((row) => row.checkVisibility())
		.map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, " ").trim()).join(" | "))`)
}

// column are the texts of one column of a section's table.
func (t *tab) column(section string, index int) []string {
	GinkgoHelper()
	return eval[[]string](t, fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")]
		.map((row) => row.cells[%d].innerText.trim())`, section, index))
}

// text is the visible text of an element.
func (t *tab) text(selector string) string {
	GinkgoHelper()
	return eval[string](t, `document.querySelector(`+"`"+selector+"`"+`).innerText`)
}

// press presses a key, with what has the focus.
func (t *tab) press(keys string) {
	GinkgoHelper()
	t.run(chromedp.KeyEvent(keys))
}

// click clicks an element if a mouse could: nothing is before its middle. It does not
// move the mouse, since the page may move what is below it meanwhile.
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

// screenshot writes a picture of the page, all of it or as far as it is seen.
func (t *tab) screenshot(file string, all bool) {
	GinkgoHelper()
	params := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if all {
		size := eval[[]float64](t, `[document.documentElement.scrollWidth, document.documentElement.scrollHeight]`)
		beyond := true
		params.CaptureBeyondViewport = &beyond
		params.Clip = &page.Viewport{Width: size[0], Height: size[1], Scale: 1}
	}
	picture, err := chromedp.Call(t.ctx, page.CaptureScreenshot, params)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(file, picture.Data, 0o644)).To(Succeed())
}
