package jenkins

import "github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"

// The types in this file are the parts of the payloads that are used. Fields can be
// missing or null. Those that consist of several words have different names in the two
// plugins. Times and durations are in milliseconds.

type notification struct {
	Name  string `json:"name"`
	URL   string `json:"url"` // relative, such as "job/folder/job/name/"
	Build *build `json:"build"`
}

type build struct {
	notificationBuild
	cloudEventBuild

	Number    payload.ID `json:"number"`
	Phase     string     `json:"phase"`
	Status    string     `json:"status"`
	URL       string     `json:"url"` // relative
	Timestamp int64      `json:"timestamp"`
	Duration  payload.ID `json:"duration"`
}

type notificationBuild struct {
	FullURL string `json:"full_url"` // missing if Jenkins does not know its own URL
	QueueID int64  `json:"queue_id"`
	SCM     scm    `json:"scm"`
	Tests   struct {
		Passed  uint64 `json:"passed"`
		Failed  uint64 `json:"failed"`
		Skipped uint64 `json:"skipped"`
	} `json:"test_summary"`
}

type cloudEventBuild struct {
	CloudEventFullURL string `json:"fullUrl"`
	CloudEventQueueID int64  `json:"queueId"`
	CloudEventSCM     scm    `json:"scmState"`
}

type scm struct {
	URL    string `json:"url"` // can contain a password
	Branch string `json:"branch"`
	Commit string `json:"commit"`
}
