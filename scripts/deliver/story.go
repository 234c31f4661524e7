package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

// A chapter is a list of recordings whose times move by the same amount, so that the
// newest one is now. They are about objects of their own.
type chapter struct {
	files     []string // names without extension; patterns of filepath.Match
	continues bool     // it is about the objects of the previous chapter, and after it
}

// stories are what deliver sends if no files are named: runs with jobs that end in
// different ways, and, if the CI system reports them, deployments to production that fail
// and succeed.
var stories = map[string][]chapter{
	"github": {
		{files: []string{"workflow_*-life_b_rerun-[123]-*"}},
		{files: []string{"workflow_*-life_b_rerun-[456]-*"}, continues: true},
		{files: []string{"workflow_job-life_a-*"}},
		{files: []string{"workflow_job-life_c_*"}},
		{files: []string{"deployment_status-in_progress", "deployment_status-failure"}},
		{files: []string{"deployment_status-in_progress", "deployment_status-success"}},
	},
	"gitlab": {
		{files: []string{"pipeline-life_a-[134]-*"}},
		{files: []string{"pipeline-life_a-[56]-*"}, continues: true},
		{files: []string{"build-life_a-[234]-*"}},
		{files: []string{"build-life_b_retry-[12]-*"}},
		{files: []string{"build-life_b_retry-[34]-*"}, continues: true},
		{files: []string{"build-life_c-*"}},
		{files: []string{"build-life_d-*"}},
		{files: []string{"build-life_e-*"}},
		{files: []string{"deployment-running", "deployment-failed"}},
		{files: []string{"deployment-running", "deployment-success"}},
	},
	"circleci": {
		{files: []string{"life_a-*"}},
		{files: []string{"life_b-*"}, continues: true},
		{files: []string{"life_c-*"}},
	},
	// Without deliveries that report nothing new.
	"azuredevops": {
		{files: []string{"life_a-[1-5]-*"}},
		{files: []string{"life_b-[1-46-9]-*"}},
		{files: []string{"life_c-[1245]-*"}},
		{files: []string{"build.complete-partiallySucceeded"}},
	},
	// Without the delivery that reports that a job waits for others: the queue time of
	// the job would begin when the next delivery arrives, which is later than all times
	// in it.
	"gitea": {
		{files: []string{"workflow_*-life_b_rerun-[123]-*"}},
		{files: []string{"workflow_*-life_b_rerun-[456]-*"}, continues: true},
		{files: []string{"workflow_run-life_a-*", "workflow_job-life_a-[234]-*"}},
		{files: []string{"workflow_job-life_a-2-*", "workflow_job-completed-cancelled-in-queue"}},
	},
	"drone": {
		{files: []string{"build-created-pending", "build-updated-running", "build-updated-success"}},
		{files: []string{"build-created-pending", "build-updated-running", "build-updated-failure"}},
		{files: []string{"build-created-pending", "build-updated-killed"}},
		{files: []string{"build-updated-error"}},
	},
	"cdevents": {
		{files: []string{"v0.5.1-*run-life_a-*"}},
		{files: []string{"v0.5.1-*run-life_d-*"}},
		{files: []string{"v0.5.1-pipelinerun-life_b-*"}},
		{files: []string{"v0.5.1-pipelinerun-life_c-*"}},
		{files: []string{"v0.5.1-service_rolledback"}},
		{files: []string{"v0.5.1-service_deployed-structured"}},
		{files: []string{"v0.5.1-incident-life_a-*"}},
		{files: []string{"v0.5.1-testcaserun_finished"}},
		{files: []string{"v0.5.1-testcaserun_skipped"}},
	},
	"tekton": {
		{files: []string{"*run.queued", "*run.started", "taskrun.successful", "pipelinerun.successful"}},
		{files: []string{"*run.queued", "*run.started", "taskrun.failed", "pipelinerun.failed"}},
		{files: []string{"*run.queued", "*run.started", "taskrun.failed-cancelled", "pipelinerun.failed-cancelled"}},
		{files: []string{"*run.queued", "*run.started", "taskrun.failed-timeout", "pipelinerun.failed-timeout"}},
	},
	"buildkite": {
		{files: []string{"build.scheduled", "build.running", "job.scheduled", "job.started", "job.finished-passed", "build.finished-passed"}},
		{files: []string{"build.scheduled", "build.running", "job.scheduled", "job.started", "job.finished-failed", "build.finished-failed"}},
		{files: []string{"job.finished-retry-manual"}, continues: true},
		{files: []string{"build.finished-passed"}, continues: true},
		{files: []string{"build.scheduled", "build.running", "job.scheduled", "job.finished-canceled-never-started", "build.finished-canceled"}},
		{files: []string{"build.skipped"}},
		{files: []string{"agent.connected"}},
		{files: []string{"agent.stopping"}, continues: true},
		{files: []string{"agent.stopped"}, continues: true},
		{files: []string{"agent.connected"}},
		{files: []string{"agent.lost"}, continues: true},
	},
	"jenkins": {
		{files: []string{"notification-queued", "notification-started", "notification-completed-success"}},
		{files: []string{"notification-queued", "notification-started", "notification-completed-failure"}},
		{files: []string{"notification-queued", "notification-started", "notification-completed-aborted"}},
		{files: []string{"cloudevents-queue_*", "cloudevents-job_started", "cloudevents-job_completed"}},
		{files: []string{"cloudevents-job_failed"}},
		{files: []string{"cloudevents-node_offline"}},
		{files: []string{"cloudevents-node_online"}, continues: true},
	},
}

// replacements are pairs of texts in the deliveries of stories. They let deployments go
// to production, and be of the commit of a run of the same repository, so that they have
// lead times.
var replacements = map[string][]string{
	"github": {
		"octo-user/Hello-World", "octo-org/octo-repo",
		"f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "3484a3fb816e0859fd6e1cea078d76385ff50625",
		`"ref": "master"`, `"ref": "main"`,
		"2020-10-05T16:32:07Z", "2026-03-04T08:30:00Z", // of the commit
	},
	"gitlab": {
		"root/test-deployment-webhooks", "gitlab-org/gitlab-test",
		"279484c09fbe69ededfced8c1bb6e6d24616b468", "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
		`"short_sha": "279484c0"`, `"short_sha": "bcbb5ec3"`,
		"staging", "production",
	},
	"cdevents": {`"id": "test123"`, `"id": "production"`},
}

// A part is a delivery of a story.
type part struct {
	deliveries.Delivery
	number int64     // of the objects that it is about
	at     time.Time // when it would be sent
}

// readStory returns the deliveries of the story of a CI system, in the order of their
// times.
func readStory(system string, now time.Time) ([]part, error) {
	directory := recordings(system)
	var story []part
	var number int64
	chapters := stories[system]
	for i, c := range chapters {
		var read []deliveries.Delivery
		for _, pattern := range c.files {
			files, err := filepath.Glob(filepath.Join(directory, pattern+".json"))
			if err != nil {
				return nil, err
			}
			if len(files) == 0 {
				return nil, fmt.Errorf("no files match %s in %s: run deliver in the root of the repository, or name files", pattern, directory)
			}
			for _, file := range files {
				d, err := deliveries.Read(file)
				if err != nil {
					return nil, err
				}
				for pair := range slices.Chunk(replacements[system], 2) {
					d.Body = bytes.ReplaceAll(d.Body, []byte(pair[0]), []byte(pair[1]))
				}
				read = append(read, d)
			}
		}
		var earliest time.Time
		if c.continues {
			earliest = story[len(story)-1].at
		} else {
			number++
		}
		end := now
		if i+1 < len(chapters) && chapters[i+1].continues {
			end = now.Add(-time.Second) // times have no fractions of a second
		}
		story = append(story, arrange(read, number, earliest, end)...)
	}
	slices.SortStableFunc(story, func(a, b part) int { return a.at.Compare(b.at) })
	return story, nil
}

// arrange moves the times in the deliveries of a chapter so that the newest one is end.
// The deliveries are sent after earliest.
func arrange(chapter []deliveries.Delivery, number int64, earliest, end time.Time) []part {
	var newest time.Time
	for i := range chapter {
		if t := chapter[i].Newest(); t.After(newest) {
			newest = t
		}
	}
	by := end.Sub(newest).Truncate(time.Second)
	var parts []part
	for _, d := range chapter {
		d.Shift(by)
		at := d.Newest()
		if at.Before(earliest) {
			at = earliest
		}
		parts = append(parts, part{d, number, at})
	}
	return parts
}
