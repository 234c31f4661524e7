package metric

import (
	"database/sql"
	"slices"

	"code.cloudfoundry.org/lager/v3"
)

// A Database tells how its connection pool is doing. A *sql.DB is one.
type Database interface {
	Stats() sql.DBStats
}

type namedDatabase struct {
	name     string
	database Database
}

var databaseConnections = define("database connections", "ConnectionName")

// RegisterDatabase makes PeriodicallyEmit tell how many connections of the
// database are open, under the name.
func (m *Monitor) RegisterDatabase(name string, database Database) {
	m.registered.Lock()
	defer m.registered.Unlock()
	m.databases = append(m.databases, namedDatabase{name, database})
}

func (m *Monitor) emitDatabases(logger lager.Logger) {
	m.registered.Lock()
	databases := slices.Clone(m.databases)
	m.registered.Unlock()

	for _, d := range databases {
		m.emit(logger, databaseConnections, float64(d.database.Stats().OpenConnections), d.name)
	}
}
