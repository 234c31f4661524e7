package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const withFileName = signalboxName + ", with a storage file"

// measurePushes pushes to Signalbox and to a Pushgateway that hold the same groups.
//
// A push is a POST of 20 gauges in the text format to an existing group, over one
// persistent connection. The time includes that of the client.
//
// The Pushgateway writes its file every five minutes. Signalbox is compared with it
// without a file; another row shows Signalbox with a file, which it writes before each
// answer.
func measurePushes(ctx context.Context, o options) ([]comparison, error) {
	program, err := buildSignalbox(ctx, o.dir)
	if err != nil {
		return nil, err
	}
	gateway, err := findPushgateway(ctx, o.dir)
	if err != nil {
		log.Printf("measuring without the Pushgateway: %v", err)
	}

	var comparisons []comparison
	for _, groups := range []int{1000, 10_000} {
		c, err := comparePushes(ctx, o, groups, program, gateway)
		if err != nil {
			return nil, err
		}
		comparisons = append(comparisons, c)
	}
	return comparisons, nil
}

// comparePushes measures pushes to daemons that hold the given number of groups.
// Without the program of a gateway it measures only Signalbox.
func comparePushes(ctx context.Context, o options, groups int, program, gateway string) (_ comparison, err error) {
	c := comparison{
		work: fmt.Sprintf("Push of %d samples, %s groups held", pushedSamples, thousands(groups)),
		unit: unit{name: "ms"},
	}
	log.Printf("%s", c.work)

	var daemons []*daemon
	defer func() {
		for _, d := range daemons {
			err = errors.Join(err, d.stop())
		}
	}()
	for _, s := range []struct {
		name  string
		flags []string
	}{
		{signalboxName, nil},
		{withFileName, []string{"--push-storage-path=" + filepath.Join(o.dir, fmt.Sprintf("signalbox-groups-%d", groups))}},
	} {
		d, err := startSignalbox(ctx, s.name, program, s.flags...)
		if err != nil {
			return c, err
		}
		daemons = append(daemons, d)
		if err := fillGroups(ctx, d, groups); err != nil {
			return c, err
		}
	}
	if gateway == "" {
		c.work += "; without the Pushgateway, which could not be downloaded"
	} else {
		d, err := startFilledPushgateway(ctx, o.dir, gateway, groups)
		if err != nil {
			return c, err
		}
		daemons = append(daemons, d)
		if groups >= 10_000 {
			c.goals = []goal{{peer: d.name, value: 100}}
		}
	}

	for _, d := range daemons {
		if err := verifyGroups(ctx, d, groups); err != nil {
			return c, err
		}
		c.results = append(c.results, withoutAllocs(result{contender: d.name, noRatio: d.name == withFileName}))
	}

	const warmUp, pushes = 1, 4 // rounds, and pushes in a round
	for round := range warmUp + o.rounds {
		for turn := range daemons {
			i := (round + turn) % len(daemons) // so that each comes first in some rounds
			d, began := daemons[i], time.Now()
			for n := range pushes {
				group := (round*pushes + n) * 7919 % groups
				if err := push(ctx, d, group, round, http.StatusOK); err != nil {
					return c, err
				}
			}
			if round >= warmUp {
				c.results[i].rounds = append(c.results[i].rounds, time.Since(began).Seconds()*1000/pushes)
			}
		}
	}
	return c, nil
}

// fillGroups pushes all groups. The Pushgateway answers with 202 if its check is
// disabled.
func fillGroups(ctx context.Context, d *daemon, groups int) error {
	for group := range groups {
		if err := push(ctx, d, group, 0, http.StatusOK, http.StatusAccepted); err != nil {
			return err
		}
	}
	return nil
}

// verifyGroups fails unless all samples are on the page.
func verifyGroups(ctx context.Context, d *daemon, groups int) error {
	page, err := d.page(ctx)
	if err != nil {
		return err
	}
	held := 0
	for name, family := range page {
		if strings.HasPrefix(name, "bench_") {
			held += len(family.GetMetric())
		}
	}
	if want := pushedSamples * groups; held != want {
		return fmt.Errorf("%s: got %d samples on the page, expected %d", d.name, held, want)
	}
	return nil
}

// push pushes to a group, and fails unless the answer has one of the wanted statuses.
func push(ctx context.Context, d *daemon, group, value int, want ...int) error {
	url := fmt.Sprintf("http://%s/metrics/job/bench/group/%d", d.address, group)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(pushBody(value)))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && !slices.Contains(want, response.StatusCode) {
		err = fmt.Errorf("%s answered a push with %s: %s", d.name, response.Status, answer)
	}
	return err
}

const pushedSamples = 20

// pushBody returns pushedSamples gauges in families of four.
func pushBody(value int) string {
	const perFamily = 4
	var body strings.Builder
	for family := range pushedSamples / perFamily {
		fmt.Fprintf(&body, "# HELP bench_%d_seconds An example.\n# TYPE bench_%[1]d_seconds gauge\n", family)
		for stage := range perFamily {
			fmt.Fprintf(&body, "bench_%d_seconds{stage=\"%d\"} %d\n", family, stage, value)
		}
	}
	return body.String()
}
