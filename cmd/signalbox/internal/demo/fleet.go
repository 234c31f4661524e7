package demo

import (
	"fmt"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/simulate"
)

// A workerPlan describes a group of identical workers.
type workerPlan struct {
	count    int
	platform string
	team     string // team that owns them; "" means that all teams share them
	tag      string
	tasks    int // maximum number of concurrent tasks of each
}

var fleet = []workerPlan{
	{count: 8, platform: "linux", tasks: 3},
	{count: 2, platform: "linux", tag: "gpu", tasks: 1},
	{count: 1, platform: "linux", tag: "vault", tasks: 2},
	{count: 1, platform: "linux", team: "data", tasks: 3},
	{count: 2, platform: "darwin", tasks: 2},
	{count: 2, platform: "darwin", team: "mobile", tasks: 2},
	{count: 3, platform: "windows", tasks: 2},
}

// newFleet returns the workers. All of them are running and have no builds.
func newFleet(r simulate.Random) []*worker {
	var workers []*worker
	numbers := make(map[string]int)
	for _, plan := range fleet {
		for range plan.count {
			group := plan.platform
			if plan.tag != "" {
				group += "-" + plan.tag
			}
			if plan.team != "" {
				group += "-" + plan.team
			}
			numbers[group]++
			w := &worker{
				name:     fmt.Sprintf("%s-%d", group, numbers[group]),
				platform: plan.platform,
				team:     plan.team,
				tag:      plan.tag,
				tasks:    plan.tasks,
				state:    running,
				slowness: 1,
				caches:   120 + r.IntN(300),
			}
			if plan.tag != "" {
				w.tags = []string{plan.tag}
			}
			workers = append(workers, w)
		}
	}
	return workers
}
