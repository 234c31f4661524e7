package tekton

import (
	"encoding/json"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// The types in this file are the parts of Tekton's payloads that are used. Fields can be
// missing or null.

type event struct {
	PipelineRun *object `json:"pipelineRun"`
	TaskRun     *object `json:"taskRun"`
}

// An object is a pipeline run or a task run.
type object struct {
	Metadata struct {
		UID               payload.ID `json:"uid"`
		Namespace         string     `json:"namespace"`
		GenerateName      string     `json:"generateName"`
		CreationTimestamp string     `json:"creationTimestamp"`
		Labels            struct {
			Pipeline       string `json:"tekton.dev/pipeline"`
			PipelineTask   string `json:"tekton.dev/pipelineTask"`
			PipelineRun    string `json:"tekton.dev/pipelineRun"`
			PipelineRunUID string `json:"tekton.dev/pipelineRunUID"`
			Task           string `json:"tekton.dev/task"`
			ClusterTask    string `json:"tekton.dev/clusterTask"`
		} `json:"labels"`
		OwnerReferences json.RawMessage `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		PipelineRef reference `json:"pipelineRef"`
		TaskRef     reference `json:"taskRef"`
	} `json:"spec"`
	Status struct {
		StartTime      string          `json:"startTime"`
		CompletionTime string          `json:"completionTime"`
		Conditions     json.RawMessage `json:"conditions"`
	} `json:"status"`
}

type reference struct {
	Name string `json:"name"`
}

type owner struct {
	Kind string     `json:"kind"`
	UID  payload.ID `json:"uid"`
}

type condition struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}
