//lint:file-ignore SA1019 wrapped drivers may implement only the deprecated interfaces

package metric

import (
	"context"
	"database/sql/driver"
)

// countStmt wraps a prepared statement. The wrapper implements driver.ColumnConverter
// only if the statement does, because database/sql prefers a ColumnConverter to its own
// conversion.
func countStmt(stmt driver.Stmt, conn *countingConn) driver.Stmt {
	counting := &countingStmt{stmt, conn}
	if converter, ok := stmt.(driver.ColumnConverter); ok {
		return convertingStmt{counting, converter}
	}
	return counting
}

type countingStmt struct {
	driver.Stmt
	conn *countingConn
}

type convertingStmt struct {
	*countingStmt
	converter driver.ColumnConverter
}

func (s convertingStmt) ColumnConverter(index int) driver.ValueConverter {
	return s.converter.ColumnConverter(index)
}

func (s *countingStmt) Exec(args []driver.Value) (driver.Result, error) {
	result, err := s.Stmt.Exec(args)
	countExecution(s.conn.queries, err)
	return result, err
}

func (s *countingStmt) Query(args []driver.Value) (driver.Rows, error) {
	rows, err := s.Stmt.Query(args)
	countExecution(s.conn.queries, err)
	return rows, err
}

func (s *countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if execer, ok := s.Stmt.(driver.StmtExecContext); ok {
		result, err := execer.ExecContext(ctx, args)
		countExecution(s.conn.queries, err)
		return result, err
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Exec(values)
}

func (s *countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if queryer, ok := s.Stmt.(driver.StmtQueryContext); ok {
		rows, err := queryer.QueryContext(ctx, args)
		countExecution(s.conn.queries, err)
		return rows, err
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Query(values)
}

// CheckNamedValue calls the statement's checker or, if it has none, the connection's,
// as database/sql does.
func (s *countingStmt) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}
