// Package browser tests the status page of the built daemon in headless Chromium. Run
// it with scripts/browser-test.
package browser

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var (
	chromiumFlag    = flag.String("chromium", "chromium", "Browser to run.")
	signalboxFlag   = flag.String("signalbox", "", "Signalbox binary to run; built from the source if empty.")
	screenshotsFlag = flag.String("screenshots", "", "Directory for screenshots of the page; none are written if empty.")
)

func TestBrowser(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "the status page in a browser")
}

var (
	signalboxBinary string

	// browser is the context of the Chromium process, which all tabs share.
	browser context.Context
)

var _ = BeforeSuite(func() {
	dir, err := os.MkdirTemp("", "signalbox-browser")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, dir)

	signalboxBinary = *signalboxFlag
	if signalboxBinary == "" {
		signalboxBinary = filepath.Join(dir, "signalbox")
		build := exec.Command("go", "build", "-o", signalboxBinary, "./cmd/signalbox")
		build.Dir = "../.."
		output, err := build.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(output))
	}

	// Chromium must not send requests of its own, for example for updates, because the
	// tests check the requests of the page. The sandbox does not work for root.
	allocator, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(*chromiumFlag),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-US"),
		chromedp.Env("TZ=UTC"),
	)
	DeferCleanup(cancel)
	var close context.CancelFunc
	browser, close = chromedp.NewContext(allocator)
	DeferCleanup(close)
	Expect(chromedp.Do(browser)).To(Succeed(), "starting %s", *chromiumFlag)
})
