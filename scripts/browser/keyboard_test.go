package browser

import (
	"slices"

	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page with only the keyboard", func() {
	var t *tab
	BeforeEach(func() { t = open(newFakeServer(startDaemon(), fullOverview()).page, wide) })

	focused := func() string {
		return eval[string](t, `document.activeElement.innerText || document.activeElement.ariaLabel || ""`)
	}

	It("has a link to the main content as its first element", func() {
		t.press(kb.Tab)
		Expect(focused()).To(Equal("Skip to main content"))
		t.press(kb.Enter)
		t.eventually(`document.activeElement.id === "main"`)
	})

	It("sorts by any column, in both directions", func() {
		heading := `[...document.querySelectorAll("#workers thead button")].find((b) => b.innerText.startsWith("Containers"))`
		eval[bool](t, heading+`.focus() === undefined`)
		t.press(kb.Enter)
		t.eventually(heading + `.closest("th").ariaSort === "descending"`)
		descending := t.column("workers", 4)
		Expect(descending).To(HaveLen(19))
		Expect(slices.IsSortedFunc(descending, func(a, b string) int { return len(b) - len(a) })).To(BeTrue(), "%v", descending)
		Expect(eval[[]string](t, `[...document.querySelectorAll("#workers [aria-sort]")].map((h) => h.ariaSort).filter((s) => s !== "none")`)).
			To(Equal([]string{"descending"}))

		t.press(" ")
		t.eventually(heading + `.closest("th").ariaSort === "ascending"`)
		ascending := t.column("workers", 4)
		slices.Reverse(descending)
		Expect(ascending[0]).To(Equal(descending[0]))

		t.refreshed()
		Expect(t.column("workers", 4)).To(Equal(ascending))
		Expect(focused()).To(Equal("Containers"))
	})

	It("filters a table, and shows how many rows match", func() {
		eval[bool](t, `document.querySelector("#workers input").focus() === undefined`)
		t.press("DARWIN")
		Eventually(func() []string { return t.rows("workers") }).Should(And(HaveLen(3), HaveEach(ContainSubstring("| darwin |"))))
		Expect(t.text("#workers .foot")).To(HavePrefix("3 of 19 rows match."))
		t.refreshed()
		Expect(t.rows("workers")).To(HaveLen(3))
	})

	It("reads the plot value by value", func() {
		value := `document.querySelector(".plot").getAttribute("aria-valuetext")`
		eval[bool](t, `document.querySelector(".plot").focus() === undefined`)
		now := eval[string](t, value)
		Expect(now).To(MatchRegexp(`^[\d,]+ events per second, 14:32:00 to 14:32:10$`))
		t.press(kb.ArrowLeft)
		Expect(eval[string](t, value)).To(HaveSuffix(", 14:31:50 to 14:32:00"))
		t.press(kb.PageDown)
		Expect(eval[string](t, value)).To(HaveSuffix(", 14:26:50 to 14:27:00"))
		t.press(kb.Home)
		Expect(eval[string](t, value)).To(HaveSuffix(", 13:32:10 to 13:32:20"))
		Expect(t.text(".readout")).To(MatchRegexp(`^13:32:10 to 13:32:20: [\d,]+ events/s$`))
		t.press(kb.End)
		Expect(eval[string](t, value)).To(Equal(now))
	})

	It("reaches every section, and shows the focus", func() {
		reached := map[string]bool{}
		for range 170 {
			t.press(kb.Tab)
			section := eval[string](t, `document.activeElement.closest("section")?.id ?? ""`)
			if section != "" {
				reached[section] = true
			}
			Expect(eval[bool](t, `document.activeElement === document.body ||
				getComputedStyle(document.activeElement).outlineStyle !== "none"`)).To(BeTrue(), focused())
		}
		for _, section := range []string{"builds", "pipelines", "latest-runs", "runner-classes", "events", "unknown", "rejections", "workers", "families", "groups", "agents", "sources", "scrapes", "emitters", "settings"} {
			Expect(reached).To(HaveKey(section))
		}
	})
})
