package browser

import (
	"fmt"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Screenshots of the page for reviewers: -screenshots DIR writes them.
var _ = Describe("Screenshots", func() {
	overviews := map[string]func() object{
		"empty": emptyOverview, "full": fullOverview, "hostile": hostileOverview, "reports": reportsOverview,
	}
	looks := map[string]look{
		"wide": wide, "narrow": narrow, "4k": {width: 3840, height: 2160}, "tablet": {width: 820, height: 1180},
		"phone": {width: 320, height: 568},
	}

	It("are written to the directory that the flag names", func() {
		if *screenshotsFlag == "" {
			return
		}
		Expect(os.MkdirAll(*screenshotsFlag, 0o755)).To(Succeed())
		d := startDaemon()
		for content, overview := range overviews {
			s := newFakeServer(d, overview())
			for name, l := range looks {
				for _, dark := range []bool{false, true} {
					if content != "full" && (dark && content != "reports" || name == "4k" || name == "tablet" || name == "phone") {
						continue
					}
					l.dark = dark
					t := open(s.page, l)
					scheme := map[bool]string{false: "light", true: "dark"}[dark]
					t.screenshot(filepath.Join(*screenshotsFlag, fmt.Sprintf("%s-%s-%s.png", content, name, scheme)), name != "4k")
				}
			}
		}
	})
})
