package status

// NewHandler returns a handler that serves the overviews of a test.
var NewHandler = newHandler
