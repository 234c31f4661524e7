package series

// PageNames look up the families of a metrics page, without pushed ones. They are safe
// for concurrent use.
type PageNames struct {
	// TypeOf returns the type of the family with the name. It returns false if there is
	// no such family.
	TypeOf func(name string) (Type, bool)

	// Has reports whether the family with the name has a series with the labels, given
	// as a text that LabelText returned. It considers only the page's own families, which
	// clients may push if they are allowed to.
	Has func(name, labels string) bool

	// Owner returns why clients must not push a family with the name and type, such as
	// `rules update it for event "build finished"`, or the empty string if they may.
	// They must not push a family of the page itself, unless allowed is true and the
	// family does not show states, nor a family that shares names with one, see AllNames.
	Owner func(name string, typ Type, allowed bool) string

	// Version returns a number that increases after a change of the results of Owner.
	Version func() uint64
}

// A Provider provides families to the metrics page of the same program. Its method is
// not exported: a type of a public package becomes a Provider by embedding an
// OpenProvider, without an exported method that mentions this package.
type Provider interface {
	provide(PageNames) Provided
}

// Provided are the families of a Provider.
type Provided struct {
	Store *OpenStore
	Clock *Clock // the clock of the deadlines in Store

	// AllowOwned is what the page passes to PageNames.Owner as allowed. The page omits
	// the families for which Owner returns a text: they were pushed before the page had
	// its own family.
	AllowOwned bool
}

// An OpenProvider is a Provider for embedding in other types. Create it with
// NewOpenProvider.
type OpenProvider struct {
	provided Provided
	onPage   func(PageNames)
}

// NewOpenProvider returns a provider of the families. Provide passes its names to
// onPage.
func NewOpenProvider(p Provided, onPage func(PageNames)) OpenProvider {
	return OpenProvider{provided: p, onPage: onPage}
}

func (p OpenProvider) provide(names PageNames) Provided {
	p.onPage(names)
	return p.provided
}

// Provide returns the families that p provides. Afterwards, p uses the names to reject
// families that would conflict with others on the page.
func Provide(p Provider, names PageNames) Provided { return p.provide(names) }
