package browser

import (
	"slices"

	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page with the keyboard alone", func() {
	var t *tab
	BeforeEach(func() { t = open(newStage(startDaemon(), fullOverview()).page, wide) })

	focused := func() string {
		return eval[string](t, `document.activeElement.innerText || document.activeElement.ariaLabel || ""`)
	}

	It("is skipped to with the first key", func() {
		t.press(kb.Tab)
		Expect(focused()).To(Equal("Skip to the numbers"))
		t.press(kb.Enter)
		t.eventually(`document.activeElement.id === "main"`)
	})

	It("is sorted by any column, either way", func() {
		heading := `[...document.querySelectorAll("#workers thead button")].find((b) => b.innerText.startsWith("Containers"))`
		eval[bool](t, heading+`.focus() === undefined`)
		t.press(kb.Enter)
		t.eventually(heading + `.closest("th").ariaSort === "descending"`)
		most := t.column("workers", 4)
		Expect(most).To(HaveLen(19))
		Expect(slices.IsSortedFunc(most, func(a, b string) int { return len(b) - len(a) })).To(BeTrue(), "%v", most)
		Expect(eval[[]string](t, `[...document.querySelectorAll("#workers [aria-sort]")].map((h) => h.ariaSort).filter((s) => s !== "none")`)).
			To(Equal([]string{"descending"}))

		t.press(" ")
		t.eventually(heading + `.closest("th").ariaSort === "ascending"`)
		least := t.column("workers", 4)
		slices.Reverse(most)
		Expect(least[0]).To(Equal(most[0]))

		t.refreshed()
		Expect(t.column("workers", 4)).To(Equal(least))
		Expect(focused()).To(Equal("Containers"))
	})

	It("is filtered, and says how many rows match", func() {
		eval[bool](t, `document.querySelector("#workers input").focus() === undefined`)
		t.press("DARWIN")
		Eventually(func() []string { return t.rows("workers") }).Should(And(HaveLen(3), HaveEach(ContainSubstring("| darwin |"))))
		Expect(t.text("#workers .foot")).To(HavePrefix("3 rows of 19 rows match."))
		t.refreshed()
		Expect(t.rows("workers")).To(HaveLen(3))
	})

	It("reads the plot, value by value", func() {
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

	It("reaches everything, and shows where it is", func() {
		reached := map[string]bool{}
		for range 120 {
			t.press(kb.Tab)
			where := eval[string](t, `document.activeElement.closest("section")?.id ?? ""`)
			if where != "" {
				reached[where] = true
			}
			Expect(eval[bool](t, `document.activeElement === document.body ||
				getComputedStyle(document.activeElement).outlineStyle !== "none"`)).To(BeTrue(), focused())
		}
		for _, section := range []string{"events", "unknown", "rejections", "workers", "families", "groups", "agents", "scrapes", "emitters", "settings"} {
			Expect(reached).To(HaveKey(section))
		}
	})
})
