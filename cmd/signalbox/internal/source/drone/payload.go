package drone

import (
	"encoding/json"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// The types in this file are the parts of Drone's payloads that are used. Fields can be
// missing or null. Times are in seconds since 1970; 0 means unknown.

type delivery struct {
	Event  string `json:"event"`
	Action string `json:"action"`
	Build  *build `json:"build"`
	Repo   struct {
		Slug          string `json:"slug"`
		DefaultBranch string `json:"default_branch"`
	} `json:"repo"`
	System struct {
		Link string `json:"link"`
	} `json:"system"`
}

type build struct {
	ID       payload.ID `json:"id"`
	Number   payload.ID `json:"number"`
	Status   string     `json:"status"`
	Event    string     `json:"event"`
	After    string     `json:"after"`
	Source   string     `json:"source"`
	Target   string     `json:"target"`
	Created  int64      `json:"created"`
	Updated  int64      `json:"updated"`
	Started  int64      `json:"started"`
	Finished int64      `json:"finished"`

	// Stages are decoded one at a time. Some deliveries lack them.
	Stages json.RawMessage `json:"stages"`
}

type stage struct {
	ID        payload.ID    `json:"id"`
	Name      string        `json:"name"`
	Type      string        `json:"type"`
	Status    string        `json:"status"`
	Machine   string        `json:"machine"`
	OS        string        `json:"os"`
	Arch      string        `json:"arch"`
	Created   int64         `json:"created"`
	Updated   int64         `json:"updated"`
	Started   int64         `json:"started"`
	Stopped   int64         `json:"stopped"`
	DependsOn payload.Texts `json:"depends_on"`
}
