package series

// A Provider provides families to a page of the same program. Its method is not
// exported, so that a type of a public package can be a Provider without exposing this
// package to its users: it embeds an OpenProvider.
type Provider interface {
	provide(taken func(name string) (Type, bool)) (*OpenStore, *Clock)
}

// An OpenProvider is a Provider for embedding in other types. Create it with
// NewOpenProvider.
type OpenProvider struct {
	store  *OpenStore
	clock  *Clock
	onPage func(taken func(name string) (Type, bool))
}

// NewOpenProvider returns a provider of the families of the store, whose deadlines are
// instants of the clock. Provide calls onPage with the function that it receives.
func NewOpenProvider(store *OpenStore, clock *Clock, onPage func(taken func(name string) (Type, bool))) OpenProvider {
	return OpenProvider{store: store, clock: clock, onPage: onPage}
}

func (p OpenProvider) provide(taken func(name string) (Type, bool)) (*OpenStore, *Clock) {
	p.onPage(taken)
	return p.store, p.clock
}

// Provide returns the families that p provides, and the clock of their deadlines.
// Afterwards, p calls taken to find the types of other families on the page. taken must
// be safe for concurrent use.
func Provide(p Provider, taken func(name string) (Type, bool)) (*OpenStore, *Clock) {
	return p.provide(taken)
}
