package status

// NewHandler returns a handler of a test's own overviews.
var NewHandler = newHandler
