package demo

import "strings"

// A workspace is where somebody develops, now and then; as long as it is open, its
// agent pushes.
type workspace struct {
	user, name, template string

	open   bool
	builds [2]int // those that succeeded and failed, since it was opened
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

// open opens a workspace, and notes when it is closed, and for how long.
func (s *simulation) open(w *workspace) {
	w.open = true
	w.builds = [2]int{}
	s.report(w)
	s.after(s.waiting(10*s.agentTTL), func() {
		w.open = false
		s.after(s.agentTTL+s.waiting(3*s.agentTTL), func() { s.open(w) })
	})
}

// report has a workspace's agent push, now and again and again while it is open: so
// often that some may be lost.
func (s *simulation) report(w *workspace) {
	if !w.open {
		return
	}
	result := 0
	if s.chance(.2) {
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
	s.after(s.agentTTL/6, func() { s.report(w) })
}
