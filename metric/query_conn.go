//lint:file-ignore SA1019 wrapped drivers may implement only the deprecated interfaces

package metric

import (
	"context"
	"database/sql/driver"
	"errors"
)

// countConn wraps a connection. The wrapper always implements most of the optional
// interfaces; where the connection lacks one, the wrapper does what database/sql would
// do. It implements driver.ExecerContext and driver.QueryerContext only if the
// connection can execute and query without a prepared statement, because database/sql
// converts the arguments differently for such connections.
func countConn(conn driver.Conn, queries *Counter) driver.Conn {
	counting := &countingConn{conn, queries}
	exec, query := execContext(conn, queries), queryContext(conn, queries)
	switch {
	case exec != nil && query != nil:
		return execQueryConn{execConn{counting, exec}, query}
	case exec != nil:
		return execConn{counting, exec}
	case query != nil:
		return queryConn{counting, query}
	}
	return counting
}

type countingConn struct {
	driver.Conn
	queries *Counter
}

// Unwrap returns the driver's own connection.
func (c *countingConn) Unwrap() driver.Conn { return c.Conn }

func (c *countingConn) Prepare(query string) (driver.Stmt, error) {
	stmt, err := c.Conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	return countStmt(stmt, c), nil
}

func (c *countingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	preparer, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		stmt, err := c.Prepare(query)
		if err == nil && ctx.Err() != nil {
			stmt.Close()
			return nil, ctx.Err()
		}
		return stmt, err
	}
	stmt, err := preparer.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return countStmt(stmt, c), nil
}

func (c *countingConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if beginner, ok := c.Conn.(driver.ConnBeginTx); ok {
		return beginner.BeginTx(ctx, options)
	}
	if options.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if options.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := c.Begin()
	if err == nil && ctx.Err() != nil {
		tx.Rollback()
		return nil, ctx.Err()
	}
	return tx, err
}

func (c *countingConn) Ping(ctx context.Context) error {
	if pinger, ok := c.Conn.(driver.Pinger); ok {
		return pinger.Ping(ctx)
	}
	return nil
}

func (c *countingConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *countingConn) IsValid() bool {
	if validator, ok := c.Conn.(driver.Validator); ok {
		return validator.IsValid()
	}
	return true
}

// CheckNamedValue returns driver.ErrSkip if the connection has no such method;
// database/sql then uses the next checker, and finally its default.
func (c *countingConn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// An execFunc is the method of a driver.ExecerContext.
type execFunc func(context.Context, string, []driver.NamedValue) (driver.Result, error)

// execContext returns a function that executes and counts statements without preparing
// them, or nil if the connection cannot do that.
func execContext(conn driver.Conn, queries *Counter) execFunc {
	switch execer := conn.(type) {
	case driver.ExecerContext:
		return func(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
			result, err := execer.ExecContext(ctx, query, args)
			countExecution(queries, err)
			return result, err
		}
	case driver.Execer: // deprecated, but in use
		return func(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
			values, err := plainValues(ctx, args)
			if err != nil {
				return nil, err
			}
			result, err := execer.Exec(query, values)
			countExecution(queries, err)
			return result, err
		}
	}
	return nil
}

// A queryFunc is the method of a driver.QueryerContext.
type queryFunc func(context.Context, string, []driver.NamedValue) (driver.Rows, error)

// queryContext is like execContext, but for queries.
func queryContext(conn driver.Conn, queries *Counter) queryFunc {
	switch queryer := conn.(type) {
	case driver.QueryerContext:
		return func(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
			rows, err := queryer.QueryContext(ctx, query, args)
			countExecution(queries, err)
			return rows, err
		}
	case driver.Queryer: // deprecated, but in use
		return func(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
			values, err := plainValues(ctx, args)
			if err != nil {
				return nil, err
			}
			rows, err := queryer.Query(query, values)
			countExecution(queries, err)
			return rows, err
		}
	}
	return nil
}

// An execConn is a countingConn that implements driver.ExecerContext.
type execConn struct {
	*countingConn
	exec execFunc
}

func (c execConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(ctx, query, args)
}

// A queryConn is a countingConn that implements driver.QueryerContext.
type queryConn struct {
	*countingConn
	query queryFunc
}

func (c queryConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, query, args)
}

// An execQueryConn is a countingConn that implements driver.ExecerContext and
// driver.QueryerContext.
type execQueryConn struct {
	execConn
	query queryFunc
}

func (c execQueryConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, query, args)
}
