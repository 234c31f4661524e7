package rule

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// Compile returns Match as a regular expression that matches only whole values. If
// Match is not a regular expression, it returns an error of type *syntax.Error.
func (r Replacement) Compile() (*regexp.Regexp, error) {
	// Parse Match on its own first, so that the added text cannot become part of it, as
	// would happen after \Q without \E.
	tree, err := syntax.Parse(r.Match, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + tree.String() + ")$")
}

// reference matches references to groups in With.
var reference = regexp.MustCompile(`\$(?:\$|\{([\pL\pN_]+)\}|([\pL\pN_]+))?`)

// validate returns the errors of the replacement.
func (r Replacement) validate() (found fieldErrors) {
	groups, err := r.Compile()
	if err != nil {
		found.add("match", "%s is not a regular expression (RE2)%s", excerpt.Quote(r.Match), syntaxErrorDetail(r.Match, err))
		return found
	}
	for _, at := range reference.FindAllStringSubmatch(r.With, -1) {
		text, name := at[0], at[1]+at[2]
		n, err := strconv.Atoi(name)
		switch {
		case text == "$$":
		case name == "":
			found.add("with", "%q has a $ that refers to no group: expected $1, ${1}, ${name}, or $$ for a dollar sign", r.With)
		case err == nil && n > groups.NumSubexp():
			found.add("with", "%q refers to %s, but match has %s", r.With, text, plural(groups.NumSubexp(), "group"))
		case err != nil && groups.SubexpIndex(name) < 0:
			hint := ""
			if digits := strings.TrimLeft(name, "0123456789"); digits != name && at[2] != "" {
				hint = fmt.Sprintf(": did you mean ${%s}%s?", strings.TrimSuffix(name, digits), digits)
			}
			found.add("with", "%q refers to %s, but match has no group of that name%s", r.With, text, hint)
		}
	}
	return found
}

// syntaxErrorDetail returns the reason for and the position of an error in a regular
// expression.
func syntaxErrorDetail(match string, err error) string {
	syntaxErr, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return ": " + err.Error()
	}
	if i := strings.Index(match, syntaxErr.Expr); i > 0 {
		return fmt.Sprintf(": %s at character %d, %s", syntaxErr.Code, utf8.RuneCountInString(match[:i])+1, excerpt.Quote(syntaxErr.Expr))
	}
	return ": " + syntaxErr.Code.String()
}
