package series

// A Provider has families that are served on the page of the program that it is part
// of. The method is not exported, so that a type of a public package can be a Provider
// without showing this package to its users: it embeds an OpenProvider.
type Provider interface {
	provide(taken func(name string) (Type, bool)) (*OpenStore, *Clock)
}

// An OpenProvider is a Provider for other types to embed. Make one with
// NewOpenProvider.
type OpenProvider struct {
	store  *OpenStore
	clock  *Clock
	onPage func(taken func(name string) (Type, bool))
}

// NewOpenProvider returns a provider of the families of the store, the deadlines of
// which are instants of the clock. Provide calls onPage with the function that it is
// given.
func NewOpenProvider(store *OpenStore, clock *Clock, onPage func(taken func(name string) (Type, bool))) OpenProvider {
	return OpenProvider{store: store, clock: clock, onPage: onPage}
}

func (p OpenProvider) provide(taken func(name string) (Type, bool)) (*OpenStore, *Clock) {
	p.onPage(taken)
	return p.store, p.clock
}

// Provide returns the families that p provides, and the clock of their deadlines. From
// then on p asks taken, which must be safe for concurrent use, which other families
// the page has, and of which type they are.
func Provide(p Provider, taken func(name string) (Type, bool)) (*OpenStore, *Clock) {
	return p.provide(taken)
}
