package metric

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// CountQueries returns a database driver that wraps the given one and increments the
// counter, usually that of a Monitor, for each statement that it executes, successfully
// or not:
//
//	sql.Register("counted", metric.CountQueries(driver, &metric.Metrics.DatabaseQueries))
//
// It does not count other operations, such as preparing and committing, nor statements
// for which the driver returns driver.ErrSkip or driver.ErrBadConn, since database/sql
// then retries in another way. The wrapper keeps the optional interfaces of package
// database/sql/driver that the driver implements. The connection that sql.Conn.Raw
// passes to a program is a wrapper as well; its method Unwrap() driver.Conn returns the
// driver's own connection.
func CountQueries(d driver.Driver, queries *Counter) driver.Driver {
	counting := countingDriver{d, queries}
	if withContext, ok := d.(driver.DriverContext); ok {
		return countingDriverContext{counting, withContext}
	}
	return counting
}

// CountConnectorQueries is like CountQueries, but wraps a connector, for use with
// sql.OpenDB. The Driver method of the resulting sql.DB returns the connector's own
// driver, which does not count.
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

// Close implements io.Closer. sql.DB.Close calls it.
func (c countingConnector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// countExecution counts a statement, unless its error means that it was not executed.
func countExecution(queries *Counter, err error) {
	if err != driver.ErrSkip && !errors.Is(err, driver.ErrBadConn) {
		queries.Inc()
	}
}

// plainValues converts arguments for drivers that do not support named parameters. It
// returns the same errors as database/sql.
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
