package metric

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"code.cloudfoundry.org/lager/v3"
)

// A runningEmitter is an emitter that Initialize started.
type runningEmitter struct {
	description string // of its factory
	logger      lager.Logger
	emitter     Emitter
	queue       *queue // nil for a ConcurrentEmitter
}

// newRunningEmitter creates the queue that the emitter needs, but does not run it.
func newRunningEmitter(logger lager.Logger, description string, emitter Emitter, bufferSize uint32) *runningEmitter {
	r := &runningEmitter{
		description: description,
		logger:      logger.Session("emitter", lager.Data{"emitter": description}),
		emitter:     emitter,
	}
	if _, ok := emitter.(ConcurrentEmitter); !ok {
		r.queue = newQueue(r.logger, description, emitter, int(bufferSize))
	}
	return r
}

func (r *runningEmitter) stats() EmitterStats {
	if r.queue == nil {
		return EmitterStats{Emitter: r.description}
	}
	return r.queue.stats()
}

// startEmitters starts the emitters of all configured factories, or none.
func startEmitters(logger lager.Logger, factories []EmitterFactory, attributes map[string]string, bufferSize uint32) ([]*runningEmitter, error) {
	var running []*runningEmitter
	for _, factory := range factories {
		if !factory.IsConfigured() {
			continue
		}
		// A factory may keep and change its map, so each gets a copy.
		emitter, err := factory.NewEmitter(maps.Clone(attributes))
		if err != nil {
			err = fmt.Errorf("starting emitter %q: %w", factory.Description(), err)
			return nil, errors.Join(err, closeEmitters(context.Background(), running))
		}
		if emitter == nil {
			continue
		}
		running = append(running, newRunningEmitter(logger, factory.Description(), emitter, bufferSize))
	}
	return running, nil
}

// closeEmitters closes the emitters that can be closed, in reverse order.
func closeEmitters(ctx context.Context, running []*runningEmitter) error {
	var errs []error
	for _, r := range slices.Backward(running) {
		var err error
		switch closer := r.emitter.(type) {
		case ContextCloser:
			err = closer.CloseContext(ctx)
		case io.Closer:
			err = closer.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("closing emitter %q: %w", r.description, err))
		}
	}
	return errors.Join(errs...)
}
