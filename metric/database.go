package metric

import (
	"database/sql"
	"slices"

	"code.cloudfoundry.org/lager/v3"
)

// A Database returns the statistics of a connection pool, as *sql.DB does. It must be
// safe for concurrent use.
type Database interface {
	Stats() sql.DBStats
}

type namedDatabase struct {
	name     string
	database Database
}

var databaseConnections = define("database connections", "ConnectionName")

// RegisterDatabase makes PeriodicallyEmit and Flush emit the number of the database's
// open connections, with the name as the attribute ConnectionName. A registered
// database cannot be removed.
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
