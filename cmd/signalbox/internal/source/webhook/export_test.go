package webhook

// ParseFactor is parseFactor.
const ParseFactor = parseFactor
