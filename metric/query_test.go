package metric_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// driverLog records the calls of a fake driver.
type driverLog struct {
	calls    []string
	executed float64 // statements, successfully or not
	fail     error   // returned by executions and queries
}

func (l *driverLog) note(format string, args ...any) {
	l.calls = append(l.calls, fmt.Sprintf(format, args...))
}

// failIfDone makes the following calls fail if the context is done. If a query
// succeeded with such a context, database/sql would close its rows asynchronously.
func (l *driverLog) failIfDone(ctx context.Context) *driverLog {
	if ctx.Err() != nil {
		l.fail = ctx.Err()
	}
	return l
}

func (l *driverLog) execute() {
	if !errors.Is(l.fail, driver.ErrBadConn) {
		l.executed++
	}
}

func (l *driverLog) result() (driver.Result, error) {
	l.execute()
	return driver.RowsAffected(1), l.fail
}

func (l *driverLog) rows() (driver.Rows, error) {
	l.execute()
	if l.fail != nil {
		return nil, l.fail
	}
	return noRows{}, nil
}

type noRows struct{}

func (noRows) Columns() []string         { return []string{"n"} }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

// The minimal driver implements no optional interfaces.
type (
	minimalDriver struct{ *driverLog }
	minimalConn   struct{ *driverLog }
	minimalStmt   struct{ *driverLog }
	minimalTx     struct{ *driverLog }
)

func (d minimalDriver) Open(name string) (driver.Conn, error) {
	d.note("open %s", name)
	return minimalConn(d), nil
}

func (c minimalConn) Prepare(query string) (driver.Stmt, error) {
	c.note("prepare %s", query)
	if query == "unpreparable" {
		return nil, errors.New("syntax")
	}
	return minimalStmt(c), nil
}
func (c minimalConn) Close() error              { c.note("close conn"); return nil }
func (c minimalConn) Begin() (driver.Tx, error) { c.note("begin"); return minimalTx(c), nil }

func (s minimalStmt) Close() error  { s.note("close stmt"); return nil }
func (s minimalStmt) NumInput() int { return -1 }
func (s minimalStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.note("stmt exec %v", args)
	return s.result()
}
func (s minimalStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.note("stmt query %v", args)
	return s.rows()
}

func (t minimalTx) Commit() error   { t.note("commit"); return nil }
func (t minimalTx) Rollback() error { t.note("rollback"); return nil }

// The legacy driver implements the deprecated interfaces for executing and querying
// without preparing.
type (
	legacyDriver struct{ minimalDriver }
	legacyConn   struct{ minimalConn }
	execerConn   struct{ minimalConn } // executes only
	queryerConn  struct{ minimalConn } // queries only
)

func (d legacyDriver) Open(name string) (driver.Conn, error) {
	conn := minimalConn{d.driverLog}
	switch name {
	case "exec":
		return execerConn{conn}, nil
	case "query":
		return queryerConn{conn}, nil
	}
	return legacyConn{conn}, nil
}

func (c legacyConn) Exec(query string, args []driver.Value) (driver.Result, error) {
	c.note("exec %s %v", query, args)
	return c.result()
}
func (c legacyConn) Query(query string, args []driver.Value) (driver.Rows, error) {
	c.note("query %s %v", query, args)
	return c.rows()
}
func (c execerConn) Exec(query string, args []driver.Value) (driver.Result, error) {
	return legacyConn(c).Exec(query, args)
}
func (c queryerConn) Query(query string, args []driver.Value) (driver.Rows, error) {
	return legacyConn(c).Query(query, args)
}

// The full driver implements every optional interface. Only its checkers and converters
// accept the type point.
type (
	fullDriver struct {
		minimalDriver
		skip bool // return driver.ErrSkip for executing and querying without preparing
	}
	fullConnector struct {
		fullDriver
		name string
	}
	fullConn struct {
		minimalConn
		skip bool
	}
	fullStmt      struct{ minimalStmt }
	convertedStmt struct{ minimalStmt }   // has only a column converter
	twoInputsStmt struct{ convertedStmt } // has exactly two parameters
	point         struct{ x, y int }
)

func (d fullDriver) OpenConnector(name string) (driver.Connector, error) {
	if name == "nowhere" {
		return nil, errors.New("no such host")
	}
	return fullConnector{d, name}, nil
}
func (c fullConnector) Connect(context.Context) (driver.Conn, error) {
	c.note("connect %s", c.name)
	if c.name == "refused" {
		return nil, errors.New("refused")
	}
	return &fullConn{minimalConn(c.minimalDriver), c.skip}, nil
}
func (c fullConnector) Driver() driver.Driver { return c.fullDriver }
func (c fullConnector) Close() error          { c.note("close connector"); return nil }

func (c *fullConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.note("exec context %s %v", query, args)
	if c.skip {
		return nil, driver.ErrSkip
	}
	return c.failIfDone(ctx).result()
}
func (c *fullConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.note("query context %s %v", query, args)
	if c.skip {
		return nil, driver.ErrSkip
	}
	return c.failIfDone(ctx).rows()
}
func (c *fullConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	c.note("prepare context %s", query)
	switch query {
	case "unpreparable":
		return nil, errors.New("syntax")
	case "converted":
		return convertedStmt{minimalStmt(c.minimalConn)}, nil
	case "unchecked":
		return minimalStmt(c.minimalConn), nil
	case "two inputs":
		return twoInputsStmt{convertedStmt{minimalStmt(c.minimalConn)}}, nil
	}
	return fullStmt{minimalStmt(c.minimalConn)}, nil
}
func (c *fullConn) BeginTx(_ context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.note("begin tx %v", options)
	return minimalTx(c.minimalConn), nil
}
func (c *fullConn) Ping(context.Context) error         { c.note("ping"); return errors.New("no answer") }
func (c *fullConn) ResetSession(context.Context) error { c.note("reset"); return nil }
func (c *fullConn) IsValid() bool                      { c.note("valid?"); return true }
func (c *fullConn) CheckNamedValue(value *driver.NamedValue) error {
	c.note("conn checks %v", value.Value)
	return checkPoint("conn", value)
}

func checkPoint(checker string, value *driver.NamedValue) error {
	switch v := value.Value.(type) {
	case point:
		value.Value = fmt.Sprintf("%s %d,%d", checker, v.x, v.y)
		return nil
	case nil:
		return driver.ErrRemoveArgument
	}
	return driver.ErrSkip
}

func (s fullStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.note("stmt exec context %v", args)
	return s.failIfDone(ctx).result()
}
func (s fullStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.note("stmt query context %v", args)
	return s.failIfDone(ctx).rows()
}
func (s fullStmt) CheckNamedValue(value *driver.NamedValue) error {
	s.note("stmt checks %v", value.Value)
	return checkPoint("stmt", value)
}

func (s convertedStmt) ColumnConverter(index int) driver.ValueConverter {
	s.note("converter of column %d", index)
	return driver.String
}
func (s twoInputsStmt) NumInput() int { return 2 }

// A databaseScenario uses a database and returns the errors that it received.
type databaseScenario struct {
	name string
	do   func(*sql.DB, *driverLog) []error
}

var ctx = context.Background()

var databaseScenarios = []databaseScenario{
	{"executes and queries", func(db *sql.DB, _ *driverLog) []error {
		_, err := db.Exec("insert", 1, "a")
		return []error{err, query(db, "select", 2), query(db, "select", int8(3))}
	}},
	{"prepares", func(db *sql.DB, _ *driverLog) []error {
		stmt, err := db.Prepare("insert")
		_, err2 := stmt.Exec(1)
		_, err3 := stmt.Exec(2)
		rows, err4 := stmt.Query(3)
		rows.Close()
		stmt.Close()
		_, err5 := db.Prepare("unpreparable")
		return []error{err, err2, err3, err4, err5}
	}},
	{"runs a transaction", func(db *sql.DB, _ *driverLog) []error {
		tx, err := db.Begin()
		_, err2 := tx.Exec("insert")
		err3 := tx.Commit()
		tx, err4 := db.Begin()
		return []error{err, err2, err3, err4, tx.Rollback()}
	}},
	{"runs a transaction with options", func(db *sql.DB, _ *driverLog) []error {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		if err == nil {
			tx.Rollback()
		}
		tx, err2 := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err2 == nil {
			tx.Rollback()
		}
		return []error{err, err2}
	}},
	{"cancels contexts", func(db *sql.DB, _ *driverLog) []error {
		conn, err := db.Conn(ctx)
		stmt, err2 := conn.PrepareContext(ctx, "insert")
		if err2 != nil {
			return []error{err, err2}
		}
		defer stmt.Close()
		defer conn.Close()
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		_, err3 := conn.ExecContext(canceled, "insert")
		_, err4 := conn.QueryContext(canceled, "select")
		_, err5 := stmt.ExecContext(canceled)
		_, err6 := conn.PrepareContext(canceled, "insert")
		return []error{err, err2, err3, err4, err5, err6}
	}},
	{"executes failing statements", func(db *sql.DB, l *driverLog) []error {
		l.fail = errors.New("duplicate key")
		_, err := db.Exec("insert")
		return []error{err, query(db, "select")}
	}},
	{"uses a bad connection", func(db *sql.DB, l *driverLog) []error {
		l.fail = fmt.Errorf("reset by peer: %w", driver.ErrBadConn)
		_, err := db.Exec("insert")
		return []error{err, query(db, "select")}
	}},
	{"names arguments", func(db *sql.DB, _ *driverLog) []error {
		_, err := db.Exec("insert", sql.Named("id", 1))
		return []error{err, query(db, "select", sql.Named("id", 1))}
	}},
	{"passes custom types", func(db *sql.DB, _ *driverLog) []error {
		_, err := db.Exec("insert", point{1, 2}, nil, 3)
		return []error{err, query(db, "select", point{3, 4})}
	}},
	{"passes custom types to statements", func(db *sql.DB, _ *driverLog) []error {
		var errs []error
		for _, name := range []string{"insert", "converted", "unchecked", "two inputs"} {
			stmt, err := db.Prepare(name)
			_, err2 := stmt.Exec(point{1, 2}, nil, 3)
			_, err3 := stmt.Exec(4, "a")
			stmt.Close()
			errs = append(errs, err, err2, err3)
		}
		return errs
	}},
	{"pings", func(db *sql.DB, _ *driverLog) []error {
		return []error{db.Ping(), db.Ping()}
	}},
}

func query(db *sql.DB, query string, args ...any) error {
	rows, err := db.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// open opens a database as sql.Open does. Tests cannot use sql.Open itself, because
// drivers cannot be unregistered.
func open(d driver.Driver, name string) (*sql.DB, error) {
	if withContext, ok := d.(driver.DriverContext); ok {
		connector, err := withContext.OpenConnector(name)
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(connector), nil
	}
	return sql.OpenDB(dsn{d, name}), nil
}

type dsn struct {
	driver driver.Driver
	name   string
}

func (d dsn) Connect(context.Context) (driver.Conn, error) { return d.driver.Open(d.name) }
func (d dsn) Driver() driver.Driver                        { return d.driver }

var _ = Describe("Counting queries", func() {
	for _, kind := range []struct {
		name   string
		driver func(*driverLog) driver.Driver
		dsn    string
	}{
		{"minimal", func(l *driverLog) driver.Driver { return minimalDriver{l} }, ""},
		{"legacy", func(l *driverLog) driver.Driver { return legacyDriver{minimalDriver{l}} }, ""},
		{"legacy exec", func(l *driverLog) driver.Driver { return legacyDriver{minimalDriver{l}} }, "exec"},
		{"legacy query", func(l *driverLog) driver.Driver { return legacyDriver{minimalDriver{l}} }, "query"},
		{"full", func(l *driverLog) driver.Driver { return fullDriver{minimalDriver{l}, false} }, ""},
		{"skipping", func(l *driverLog) driver.Driver { return fullDriver{minimalDriver{l}, true} }, ""},
	} {
		for _, scenario := range databaseScenarios {
			It("does not change the behavior of a "+kind.name+" driver when a program "+scenario.name, func() {
				run := func(wrap func(driver.Driver) driver.Driver) ([]error, *driverLog) {
					l := &driverLog{}
					db, err := open(wrap(kind.driver(l)), kind.dsn)
					Expect(err).NotTo(HaveOccurred())
					errs := scenario.do(db, l)
					Expect(db.Close()).To(Succeed())
					return errs, l
				}
				var counter metric.Counter
				wantErrs, want := run(func(d driver.Driver) driver.Driver { return d })
				errs, got := run(func(d driver.Driver) driver.Driver { return metric.CountQueries(d, &counter) })

				Expect(got.calls).To(Equal(want.calls))
				Expect(messagesOf(errs)).To(Equal(messagesOf(wantErrs)))
				Expect(counter.TakeDelta()).To(Equal(got.executed), "%v", got.calls)
			})
		}
	}

	It("counts each execution once, and nothing else", func() {
		var counter metric.Counter
		for _, d := range []driver.Driver{minimalDriver{&driverLog{}}, fullDriver{minimalDriver{&driverLog{}}, false}, fullDriver{minimalDriver{&driverLog{}}, true}} {
			db, err := open(metric.CountQueries(d, &counter), "")
			Expect(err).NotTo(HaveOccurred())
			for _, scenario := range databaseScenarios[:3] {
				scenario.do(db, &driverLog{})
			}
			Expect(db.Close()).To(Succeed())
			Expect(counter.TakeDelta()).To(Equal(7.0))
		}
	})

	It("closes a statement and rolls back a transaction if the context is done and the driver does not support contexts", func() {
		l := &driverLog{}
		conn, err := metric.CountConnectorQueries(dsn{minimalDriver{l}, ""}, new(metric.Counter)).Connect(ctx)
		Expect(err).NotTo(HaveOccurred())
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		_, err = conn.(driver.ConnPrepareContext).PrepareContext(canceled, "insert")
		Expect(err).To(MatchError(context.Canceled))
		_, err = conn.(driver.ConnBeginTx).BeginTx(canceled, driver.TxOptions{})
		Expect(err).To(MatchError(context.Canceled))
		Expect(l.calls).To(Equal([]string{"open ", "prepare insert", "close stmt", "begin", "rollback"}))
	})

	It("counts the queries of a connector", func() {
		var counter metric.Counter
		l := &driverLog{}
		full := fullConnector{fullDriver{minimalDriver{l}, false}, "here"}
		db := sql.OpenDB(metric.CountConnectorQueries(full, &counter))
		Expect(query(db, "select")).To(Succeed())
		Expect(db.Driver()).To(Equal(full.fullDriver))
		Expect(db.Close()).To(Succeed())
		Expect(l.calls).To(ContainElement("close connector"))
		Expect(counter.TakeDelta()).To(Equal(1.0))
	})

	It("accepts a connector that does not implement io.Closer", func() {
		connector := metric.CountConnectorQueries(dsn{minimalDriver{&driverLog{}}, ""}, new(metric.Counter))
		Expect(sql.OpenDB(connector).Close()).To(Succeed())
	})

	It("returns errors of the driver's connector", func() {
		counting := metric.CountQueries(fullDriver{minimalDriver{&driverLog{}}, false}, new(metric.Counter))
		_, err := open(counting, "nowhere")
		Expect(err).To(MatchError("no such host"))
		db, err := open(counting, "refused")
		Expect(err).NotTo(HaveOccurred())
		Expect(db.Ping()).To(MatchError("refused"))
		Expect(db.Close()).To(Succeed())
	})

	It("implements DriverContext only if the driver does", func() {
		_, is := metric.CountQueries(minimalDriver{&driverLog{}}, new(metric.Counter)).(driver.DriverContext)
		Expect(is).To(BeFalse())
	})

	It("gives access to the driver's connection", func() {
		db, err := open(metric.CountQueries(fullDriver{minimalDriver{&driverLog{}}, false}, new(metric.Counter)), "")
		Expect(err).NotTo(HaveOccurred())
		defer db.Close()
		conn, err := db.Conn(ctx)
		Expect(err).NotTo(HaveOccurred())
		defer conn.Close()
		Expect(conn.Raw(func(c any) error {
			Expect(c.(interface{ Unwrap() driver.Conn }).Unwrap()).To(BeAssignableToTypeOf(&fullConn{}))
			return nil
		})).To(Succeed())
	})
})

func messagesOf(errs []error) []string {
	var messages []string
	for _, err := range errs {
		messages = append(messages, fmt.Sprint(err))
	}
	return messages
}
