package emitter_test

import (
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/status"
)

var _ = Describe("Standard input", func() {
	It("is on the page and in the overview, as its reader says", func() {
		now := time.UnixMilli(1_700_000_000_000).UTC()
		input := emitter.Input{Format: "events", Accepted: 7, Unknown: 3, Rejected: 2, Skipped: 5}
		config := &emitter.PrometheusConfig{GCInterval: time.Hour, Input: func() emitter.Input { return input }}
		emitter.DriveTime(config, func() time.Time { return now })
		p := start(config, nil)
		for outcome, lines := range map[string]string{"known": "4", "unknown": "3", "rejected": "2", "skipped": "5"} {
			Expect(samplesOf(p)).To(HaveKeyWithValue(`signalbox_input_lines_total{outcome="`+outcome+`"}`, lines))
		}
		Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_input_up", "1"))
		o := emitter.Overview(p, 1)
		Expect(o.Input).To(Equal(&status.Input{Format: "events", Accepted: 7, Unknown: 3, Rejected: 2, Skipped: 5}))

		input.EndedAt, input.Err = now, errors.New("line 15: input/output error")
		now = now.Add(time.Second)
		Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_input_up", "0"))
		Expect(emitter.Overview(p, 1).Input).To(And(
			HaveField("EndedAt", HaveValue(Equal(input.EndedAt))), HaveField("Error", "line 15: input/output error")))
	})

	It("is nowhere if nobody reads it", func() {
		p := start(&emitter.PrometheusConfig{}, nil)
		Expect(samplesOf(p)).NotTo(HaveKey("signalbox_input_up"))
		Expect(emitter.Overview(p, 1).Input).To(BeNil())
	})
})
