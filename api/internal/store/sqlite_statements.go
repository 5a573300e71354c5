package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// remembering is a SQLite connection that keeps its statements prepared: reading a statement's
// text takes longer than running it, and the same few are asked for all the time.
type remembering struct {
	sqliteConn
	statements map[string]driver.Stmt
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// maxStatements is more than there are; lists of ids in a query make some more.
const maxStatements = 256

// remember makes conn keep its statements, if it is a connection as we know it.
func remember(conn driver.Conn) driver.Conn {
	if c, ok := conn.(sqliteConn); ok {
		return &remembering{c, map[string]driver.Stmt{}}
	}
	return conn
}

func (r *remembering) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := r.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s, ok := s.(driver.StmtExecContext); ok {
		return s.ExecContext(ctx, args)
	}
	return r.sqliteConn.ExecContext(ctx, query, args)
}

func (r *remembering) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := r.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s, ok := s.(driver.StmtQueryContext); ok {
		return s.QueryContext(ctx, args)
	}
	return r.sqliteConn.QueryContext(ctx, query, args)
}

// prepared returns the statement for a query, or nil for one that is not worth keeping: what
// changes the schema or a setting, and scripts.
func (r *remembering) prepared(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := r.statements[query]; ok {
		return s, nil
	}
	verb, _, _ := strings.Cut(query, " ")
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
	default:
		return nil, nil
	}
	if strings.Contains(query, ";") {
		return nil, nil
	}
	if len(r.statements) >= maxStatements {
		if err := r.forget(); err != nil {
			return nil, err
		}
	}
	s, err := r.PrepareContext(ctx, query)
	if err == nil {
		r.statements[query] = s
	}
	return s, err
}

func (r *remembering) forget() (err error) {
	for _, s := range r.statements {
		err = errors.Join(err, s.Close())
	}
	clear(r.statements)
	return err
}

// Close closes the statements with the connection.
func (r *remembering) Close() error { return errors.Join(r.forget(), r.sqliteConn.Close()) }
