package series

// A Provider provides families to the metrics page of the same program. Its method is
// not exported: a type of a public package becomes a Provider by embedding an
// OpenProvider, without an exported method that mentions this package.
type Provider interface {
	provide(typeOf func(name string) (Type, bool)) (*OpenStore, *Clock)
}

// An OpenProvider is a Provider for embedding in other types. Create it with
// NewOpenProvider.
type OpenProvider struct {
	store  *OpenStore
	clock  *Clock
	onPage func(typeOf func(name string) (Type, bool))
}

// NewOpenProvider returns a provider of the families of the store. The deadlines of
// their series are instants of the clock. Provide passes its typeOf to onPage.
func NewOpenProvider(store *OpenStore, clock *Clock, onPage func(typeOf func(name string) (Type, bool))) OpenProvider {
	return OpenProvider{store: store, clock: clock, onPage: onPage}
}

func (p OpenProvider) provide(typeOf func(name string) (Type, bool)) (*OpenStore, *Clock) {
	p.onPage(typeOf)
	return p.store, p.clock
}

// Provide returns the families that p provides, and the clock of their deadlines.
// Afterwards, p calls typeOf to find the types of other families on the metrics page.
// typeOf must be safe for concurrent use.
func Provide(p Provider, typeOf func(name string) (Type, bool)) (*OpenStore, *Clock) {
	return p.provide(typeOf)
}
