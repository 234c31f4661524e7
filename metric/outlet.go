package metric

import "code.cloudfoundry.org/lager/v3"

// An outlet is one running emitter.
type outlet struct {
	description string // of its factory
	logger      lager.Logger
	emitter     Emitter
	queue       *queue // nil for a ConcurrentEmitter
}

// newOutlet makes the queue that the emitter needs, but does not run it.
func newOutlet(logger lager.Logger, description string, emitter Emitter, bufferSize uint32) *outlet {
	o := &outlet{
		description: description,
		logger:      logger.Session("emitter", lager.Data{"emitter": description}),
		emitter:     emitter,
	}
	if _, ok := emitter.(ConcurrentEmitter); !ok {
		o.queue = newQueue(o.logger, description, emitter, int(bufferSize))
	}
	return o
}

func (o *outlet) stats() EmitterStats {
	if o.queue == nil {
		return EmitterStats{Emitter: o.description}
	}
	return o.queue.stats()
}
