package status

// NewHandler makes a handler of overviews that a test makes.
var NewHandler = newHandler
