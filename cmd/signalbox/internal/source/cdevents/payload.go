package cdevents

import (
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cloudevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// An event is the part of a CDEvent that is used. Fields can be missing or null.
type event struct {
	envelope cloudevents.Event

	Context struct {
		ID        string `json:"id"`
		Source    string `json:"source"`
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
	} `json:"context"`
	Subject struct {
		ID      payload.ID `json:"id"`
		Source  string     `json:"source"`
		Content content    `json:"content"`
	} `json:"subject"`
}

type content struct {
	PipelineName string    `json:"pipelineName"`
	TaskName     string    `json:"taskName"`
	PipelineRun  reference `json:"pipelineRun"`
	URI          string    `json:"uri"` // since version 0.5
	URL          string    `json:"url"` // before
	Outcome      string    `json:"outcome"`
	Environment  reference `json:"environment"`
	Service      reference `json:"service"`
	TicketURI    string    `json:"ticketURI"`
}

type reference struct {
	ID payload.ID `json:"id"`
}
