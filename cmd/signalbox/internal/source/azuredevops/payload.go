package azuredevops

import (
	"encoding/json"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// The types in this file are the parts of Azure DevOps' payloads that are used. Fields
// can be missing or null.

type delivery struct {
	ID        payload.ID `json:"id"`
	EventType string     `json:"eventType"`
	// CreatedDate is when the event was created, which is some seconds after what it
	// reports.
	CreatedDate        string   `json:"createdDate"`
	Resource           resource `json:"resource"`
	ResourceContainers struct {
		Collection struct {
			ID payload.ID `json:"id"`
		} `json:"collection"`
	} `json:"resourceContainers"`
}

type resource struct {
	// Of events about runs and jobs.
	Job          job             `json:"job"`
	Run          run             `json:"run"`
	Pipeline     pipeline        `json:"pipeline"`
	Repositories json.RawMessage `json:"repositories"`

	// Of build.complete. Version 1.0 of the resource has Status and SourceGetVersion
	// instead of Result, SourceBranch and SourceVersion.
	ID               payload.ID `json:"id"`
	Status           string     `json:"status"`
	Result           string     `json:"result"`
	Reason           string     `json:"reason"`
	QueueTime        string     `json:"queueTime"`
	StartTime        string     `json:"startTime"`
	FinishTime       string     `json:"finishTime"`
	SourceBranch     string     `json:"sourceBranch"`
	SourceVersion    string     `json:"sourceVersion"`
	SourceGetVersion string     `json:"sourceGetVersion"`
	URL              string     `json:"url"`
	Links            links      `json:"_links"`
	Definition       struct {
		Name string `json:"name"`
		Path string `json:"path"`
	} `json:"definition"`
	Repository repository `json:"repository"`
}

type job struct {
	// ID is the same in all runs of a pipeline, and in all attempts.
	ID         payload.ID `json:"id"`
	Attempt    payload.ID `json:"attempt"`
	Name       string     `json:"name"`
	State      string     `json:"state"`
	Result     string     `json:"result"`
	StartTime  string     `json:"startTime"`
	FinishTime string     `json:"finishTime"`
	Links      links      `json:"_links"`
}

type run struct {
	// ID is also that of the build.
	ID           payload.ID `json:"id"`
	State        string     `json:"state"`
	Result       string     `json:"result"`
	CreatedDate  string     `json:"createdDate"`
	FinishedDate string     `json:"finishedDate"`
	Links        links      `json:"_links"`
	Resources    struct {
		Repositories struct {
			Self struct {
				RefName string `json:"refName"`
				Version string `json:"version"`
			} `json:"self"`
		} `json:"repositories"`
	} `json:"resources"`
}

type pipeline struct {
	Name   string `json:"name"`
	Folder string `json:"folder"`
	URL    string `json:"url"`
}

type repository struct {
	Alias string `json:"alias"`
	URL   string `json:"url"`
}

type links struct {
	Web struct {
		Href string `json:"href"`
	} `json:"web"`
}
