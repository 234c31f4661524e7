package series

// PageNames look up the families of a metrics page, without pushed ones. They are safe
// for concurrent use.
type PageNames struct {
	// TypeOf returns the type of the family with the name. It returns false if there is
	// no such family.
	TypeOf func(name string) (Type, bool)

	// Owner returns why clients must not push the family with the name, such as `rules
	// update it for event "build finished"`. It returns the empty string if there is no
	// such family, or if clients may push series of it.
	Owner func(name string) string

	// Version returns a number that increases after a change of the families for which
	// Owner returns a text.
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

	// AllowOwned means that the page includes families for which PageNames.Owner
	// returns a text. If it is false, the page omits them: they were pushed before the
	// page had a family with that name.
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
