package main

import "regexp"

// A phrase is a pattern to avoid, and what to write instead.
type phrase struct {
	pattern *regexp.Regexp
	instead string
}

// avoid makes a phrase of a regular expression that matches whole words. Only the first
// letter of a phrase may differ in case, so that the identifier NoBody is no match.
func avoid(expr, instead string) phrase {
	return phrase{regexp.MustCompile(`\b(?:` + expr + `)\b`), instead}
}

var phrases = []phrase{
	avoid(`[Tt]ells whether|[Ss]ays whether`, `"reports whether"`),
	avoid(`[Hh]ow (?:it|they|that|things?) stands?`, `"the state of …"`),
	avoid(`[Nn]obody(?:'s)?`, `"no client", "no caller"`),
	avoid(`[Ss]omebody(?:'s)?`, `"a client", "the sender"`),
	avoid(`[Ww]hoever`, `who it is: "the client", "the sender"`),
	avoid(`[Oo]ne's own`, `"your own"`),
	avoid(`[Tt]hat which`, `"what"`),
	avoid(`[Ff]or who holds`, `"the caller must hold mu"`),
	avoid(`[Tt]ells? (?:about|of) (?:it|them)sel(?:f|ves)`, `"metrics about Signalbox itself"`),
	avoid(`[Ii]f need be`, `"if necessary"`),
	avoid(`[Oo]f late`, `"recently"`),
	avoid(`[Ff]or ever`, `"forever", "never expires"`),
	avoid(`(?:is|are|be|was|were) there twice`, `"is duplicated"`),
	avoid(`[Ww]ants? an? [a-z ]+, got`, `"expected a string, got …"`),
	avoid(`(?:[Tt]his|[Tt]hat|[Ii]t) is no (?:[a-z]+ hash|[A-Z]\S+|[a-z]+)(?:$|[,.;:"])`, `"not a …"`),
	avoid(`Most (?:attributes|bytes|events|groups|lines|series) (?:[a-z]+ ){0,2}(?:of|that|in)|Least level|Longest time`, `"Maximum …", "Minimum …"`),
	avoid(`[Mm]end(?:s|ed|ing)?`, `"fix"`),
	avoid(`asks? who is there`, `"an authenticating reverse proxy"`),
	avoid(`is said by`, `the actor: "rules decide which …"`),
	avoid(`is alive at once`, `"then open …"`),
	avoid(`[Bb]eside`, `"next to", "in addition to", "besides"`),
	avoid(`[Hh]eard of`, `"seen"`),
	avoid(`[Dd]oes not go on|[Gg]oes on|[Gg]o on`, `"continues"`),
	avoid(`is no good|are no good|is of no use`, `"is invalid", "is useless"`),
	avoid(`told of|tells of|tell of|knows of no`, `"reports", "has no"`),
	avoid(`in the very`, `"in the"`),
	avoid(`[Ww]hence|[Ll]est|[Tt]hereof|[Aa]s it were|[Nn]ought`, `a plainer word`),
	avoid(`(?:[Bb]ehavi|[Cc]ol|[Nn]eighb|[Ff]av|[Hh]on)our(?:s|ed|ing|able|ite)?`, `the American spelling, as Go and Prometheus do`),
	avoid(`(?:[Ss]erial|[Ii]nitial|[Rr]ecogn|[Oo]rgan|[Nn]ormal|[Ss]ummar|[Mm]inim|[Mm]axim|[Oo]ptim)is(?:e|es|ed|ing|ation)`, `the American spelling, as Go and Prometheus do`),
}
