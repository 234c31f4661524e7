// Deliver sends recorded webhooks to Signalbox, as if the CI system had just sent them.
// Use it to try a configuration and to see the metrics, without a CI system:
//
//	openssl rand -hex 32 > github.secret
//	signalbox run --github-secret-file github.secret &
//	go run ./scripts/deliver -secret-file github.secret
//
// Each argument is a file with the body of a delivery. Its headers are in the file with
// the same name and the extension .headers. The last part of the URL says which CI system
// they come from. Without arguments, deliver sends recordings of the project about runs
// and jobs that end in different ways, and about deployments to production: in the order
// of their times, with ends that are now, and each time about new objects.
//
// Signalbox recognizes deliveries, runs and jobs that it has seen before: to send the
// same files again, use -copies 1, which gives them new IDs.
//
// All times in the deliveries of a run move by the same amount, so that the newest one
// is now. Each delivery is signed again, with the secrets in the file. Deliver prints
// the answers. It exits with code 1 if a delivery was not accepted.
package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("deliver: ")
	var o options
	flag.StringVar(&o.url, "url", "http://127.0.0.1:29391/webhooks/github", "`URL` of the webhook; its last part is the name of the CI system, such as github or gitlab")
	flag.StringVar(&o.secretFile, "secret-file", "", "`file` with the secrets or tokens of the webhook, as for signalbox run; required")
	flag.DurationVar(&o.interval, "interval", 100*time.Millisecond, "time between deliveries")
	flag.IntVar(&o.repeat, "repeat", 1, "number of times to send each delivery, with the same ID")
	flag.IntVar(&o.copies, "copies", 0, "number of copies to send instead of the originals, each about runs and jobs of its own with new IDs")
	flag.BoolVar(&o.newIDs, "new-ids", false, "replace the IDs of deliveries, so that the same recordings are not recognized by them")
	flag.BoolVar(&o.shuffle, "shuffle", false, "send the deliveries in random order")
	flag.BoolVar(&o.quiet, "quiet", false, "print only a summary")
	flag.Parse()
	if err := run(os.Stdout, o, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	url, secretFile        string
	interval               time.Duration
	repeat, copies         int
	newIDs, shuffle, quiet bool
}

func run(w io.Writer, o options, files []string) error {
	target, err := url.Parse(o.url)
	if err != nil {
		return err
	}
	system := path.Base(target.Path)
	if o.secretFile == "" {
		return errors.New("-secret-file is missing, expected the file that signalbox run has as --" + system + "-secret-file or --" + system + "-token-file")
	}
	secrets, err := deliveries.ReadSecrets(o.secretFile)
	if err != nil {
		return err
	}
	if len(files) == 0 && stories[system] == nil {
		return fmt.Errorf("got the CI system %q in the URL, expected one of %s", system, strings.Join(slices.Sorted(maps.Keys(stories)), ", "))
	}
	all, err := prepare(o, system, files)
	if err != nil {
		return err
	}
	return send(w, o, system, secrets, all)
}

// recordings returns the directory of the recordings of a CI system.
func recordings(system string) string {
	return filepath.Join("cmd", "signalbox", "internal", "source", system, "testdata")
}

// prepare reads deliveries, and moves, multiplies and orders them.
func prepare(o options, system string, files []string) ([]deliveries.Delivery, error) {
	originals, err := readFiles(files)
	if len(files) == 0 {
		originals, err = readStory(system, time.Now())
		o.copies = max(1, o.copies)
	}
	if err != nil {
		return nil, err
	}

	var all []deliveries.Delivery
	// The first number is random, so that the objects are new each time.
	number := mathrand.Int64N(1e9) * idDistance
	for range max(1, o.copies) {
		var next int64
		for _, original := range originals {
			d := original.Clone()
			if o.copies > 0 {
				d.Renumber(number + original.number*idDistance)
			}
			if o.copies > 0 || o.newIDs {
				d.SetID(rand.Text())
			}
			for range max(1, o.repeat) {
				all = append(all, d)
			}
			next = max(next, original.number+1)
		}
		number += next * idDistance
	}
	if o.shuffle {
		mathrand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	return all, nil
}

// readFiles reads deliveries, and moves their times to now.
func readFiles(files []string) ([]part, error) {
	var all []deliveries.Delivery
	for _, file := range files {
		d, err := deliveries.Read(file)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	deliveries.ShiftToNow(all, time.Now())
	var parts []part
	for _, d := range all {
		parts = append(parts, part{Delivery: d})
	}
	return parts, nil
}

// idDistance is the difference between the IDs of copies. It is a prime number, so that
// they are unlikely to have IDs in common.
const idDistance = 1_000_003

// send sends the deliveries, and prints the answers and a summary.
func send(w io.Writer, o options, system string, secrets []string, all []deliveries.Delivery) error {
	begun := time.Now()
	failed := 0
	for i := range all {
		if i > 0 {
			time.Sleep(o.interval)
		}
		d := all[i].Clone()
		if err := d.Sign(system, secrets, time.Now()); err != nil {
			return err
		}
		status, answer, err := post(o.url, d)
		if err != nil {
			return err
		}
		if status/100 != 2 {
			failed++
		}
		if !o.quiet {
			fmt.Fprintf(w, "%s: %d %s\n", d.Name, status, cmp.Or(strings.TrimSpace(answer), http.StatusText(status)))
		}
	}
	fmt.Fprintf(w, "%d deliveries in %s\n", len(all), time.Since(begun).Round(time.Millisecond))
	if failed > 0 {
		return fmt.Errorf("%d of %d deliveries were not accepted", failed, len(all))
	}
	return nil
}

func post(url string, d deliveries.Delivery) (status int, answer string, err error) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		return 0, "", err
	}
	request.Header = d.Header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}
