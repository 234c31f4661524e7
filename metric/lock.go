package metric

import "code.cloudfoundry.org/lager/v3"

var lockHeld = define("lock held", "type")

// A LockAcquired event reports that this node acquired a lock. Its value is 1.
type LockAcquired struct {
	LockType string
}

// Emit emits the event to Metrics.
func (e LockAcquired) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e LockAcquired) EmitTo(logger lager.Logger, m *Monitor) {
	m.emit(logger, lockHeld, 1, e.LockType)
}

// A LockReleased event reports that this node released a lock. It has the same name as
// LockAcquired, "lock held", and the value 0.
type LockReleased struct {
	LockType string
}

// Emit emits the event to Metrics.
func (e LockReleased) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the event to a Monitor.
func (e LockReleased) EmitTo(logger lager.Logger, m *Monitor) {
	m.emit(logger, lockHeld, 0, e.LockType)
}
