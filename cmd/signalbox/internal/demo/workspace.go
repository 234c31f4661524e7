package demo

import "strings"

// A workspace is the development environment of a user. While it is open, its agent
// pushes metrics.
type workspace struct {
	user, name, template string

	open   bool
	builds [2]int // numbers of successful and failed builds since it was opened
}

func newWorkspaces() []*workspace {
	var workspaces []*workspace
	templates := []string{"go", "node", "android", "data-science"}
	for i, user := range strings.Fields("alice bo chen dana emil fatima goran hana ines jo kim lars") {
		for _, name := range []string{"main", "review"} {
			workspaces = append(workspaces, &workspace{user: user, name: name, template: templates[i%len(templates)]})
		}
	}
	return workspaces
}

// open opens a workspace, and adds its closing and reopening to the agenda.
func (s *simulation) open(w *workspace) {
	w.open = true
	w.builds = [2]int{}
	s.report(w)
	s.After(s.Exponential(10*s.agentTTL), func() {
		w.open = false
		s.After(s.agentTTL+s.Exponential(3*s.agentTTL), func() { s.open(w) })
	})
}

// report pushes the metrics of a workspace's agent, and adds the next report to the
// agenda while the workspace is open. Reports are frequent enough that the series do
// not expire when some are lost.
func (s *simulation) report(w *workspace) {
	if !w.open {
		return
	}
	result := 0
	if s.Chance(.2) {
		result = 1
	}
	w.builds[result] += s.IntN(3)
	s.pushAgent(agentPush{
		user:     w.user,
		name:     w.name,
		template: w.template,
		builds:   w.builds,
		cpu:      min(s.ExpFloat64()*.3, 1),
		memory:   float64((1 + s.IntN(64)) << 27),
		sessions: s.IntN(3),
	})
	s.After(s.agentTTL/6, func() { s.report(w) })
}
