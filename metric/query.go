package metric

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// CountQueries returns a driver that does what the given one does, and counts
// each statement that is executed, successfully or not, mostly in
// Monitor.DatabaseQueries:
//
//	sql.Register("counted", metric.CountQueries(driver, &metric.Metrics.DatabaseQueries))
//
// Preparing, committing and the like are not counted, and neither is what the
// driver refuses with driver.ErrSkip or driver.ErrBadConn: database/sql then
// does it in another way. Whatever of the optional interfaces of
// database/sql/driver the driver has, it keeps. Code that is after the driver's
// own connection, through sql.Conn.Raw, finds a wrapper instead, whose method
// Unwrap() driver.Conn returns it.
func CountQueries(d driver.Driver, queries *Counter) driver.Driver {
	counting := countingDriver{d, queries}
	if withContext, ok := d.(driver.DriverContext); ok {
		return countingDriverContext{counting, withContext}
	}
	return counting
}

// CountConnectorQueries is CountQueries for use with sql.OpenDB. The Driver
// method of the sql.DB returns the connector's own driver.
func CountConnectorQueries(connector driver.Connector, queries *Counter) driver.Connector {
	return countingConnector{connector, queries}
}

type countingDriver struct {
	driver  driver.Driver
	queries *Counter
}

func (d countingDriver) Open(name string) (driver.Conn, error) {
	conn, err := d.driver.Open(name)
	if err != nil {
		return nil, err
	}
	return countConn(conn, d.queries), nil
}

type countingDriverContext struct {
	countingDriver
	withContext driver.DriverContext
}

func (d countingDriverContext) OpenConnector(name string) (driver.Connector, error) {
	connector, err := d.withContext.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return CountConnectorQueries(connector, d.queries), nil
}

type countingConnector struct {
	driver.Connector
	queries *Counter
}

func (c countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countConn(conn, c.queries), nil
}

// Close implements io.Closer, which database/sql looks for.
func (c countingConnector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// countExecution counts a statement, unless its error says that it was not
// executed.
func countExecution(queries *Counter, err error) {
	if err != driver.ErrSkip && !errors.Is(err, driver.ErrBadConn) {
		queries.Inc()
	}
}

// plainValues is for the interfaces from before there were named parameters.
// It fails as database/sql does.
func plainValues(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, ctx.Err()
}
