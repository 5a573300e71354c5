package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// worker is the role of background work: no login, entered by System.
const worker = "titrate_worker"

// globalTables have no clinic_id because they are read before the clinic is known; with what
// the runtime login may do. Any other table without a clinic_id stops the migration.
var globalTables = map[string]string{
	"sign_ins":         "SELECT, INSERT",
	"invitations":      "SELECT, INSERT, UPDATE",
	"support_tickets":  "SELECT, INSERT",
	"goose_db_version": "SELECT",
}

// appendOnly are the clinic tables in which the runtime login may not change a row.
var appendOnly = []string{"journal", "journal_patients", "history", "idempotency_records", "fact_ids"}

// readOnly are those that only the worker writes.
var readOnly = []string{"journal_heads", "journal_seals"}

// RolesSQL is what an administrator of PostgreSQL runs once per server. The runtime login is
// NOINHERIT: one that inherits would see every clinic through the worker's policies.
func RolesSQL(app string) string {
	app = pgx.Identifier{app}.Sanitize()
	return "CREATE ROLE " + app + " LOGIN NOINHERIT; -- and a password\n" + workerSQL(app)
}

func workerSQL(app string) string {
	return "CREATE ROLE " + worker + " NOLOGIN;\nGRANT " + worker + " TO " + app + ";"
}

// secure gives every clinic table row-level security, its policies and its grants, as the
// catalogue shows them: the author of a migration has nothing to remember. It changes only
// what is missing and may run again.
func secure(ctx context.Context, pool *sql.DB, app string) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtext('titrate secure'))"); err != nil {
		return err
	}
	if err := ensureRoles(ctx, tx, app); err != nil {
		return err
	}
	tables, err := catalogue(ctx, tx)
	if err != nil {
		return err
	}
	app = pgx.Identifier{app}.Sanitize()
	// SQLite, whose migrations are the same, knows no sequences.
	for _, q := range []string{
		"CREATE SEQUENCE IF NOT EXISTS journal_written", "GRANT USAGE ON SEQUENCE journal_written TO " + app + ", " + worker,
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("order of the journal: %w", err)
		}
	}
	for _, t := range tables {
		for _, q := range t.missing(app) {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("secure %s: %w", t.name, err)
			}
		}
		if t.unknown() {
			return fmt.Errorf("table %s has no clinic_id and is not declared global", t.name)
		}
	}
	return tx.Commit()
}

// ensureRoles makes the worker's role if it may, and says what to run if it may not.
func ensureRoles(ctx context.Context, tx *sql.Tx, app string) error {
	var hasApp, hasWorker, member, may bool
	err := tx.QueryRowContext(ctx, `SELECT
		EXISTS (SELECT FROM pg_roles WHERE rolname = $1), EXISTS (SELECT FROM pg_roles WHERE rolname = $2),
		EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
			WHERE u.rolname = $1 AND r.rolname = $2),
		(SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)`,
		app, worker).Scan(&hasApp, &hasWorker, &member, &may)
	switch {
	case err != nil:
		return err
	case !hasApp:
		return fmt.Errorf("the runtime login %s does not exist; an administrator must run:\n%s", app, RolesSQL(app))
	case hasWorker && member:
		return nil
	}
	var todo []string
	if !hasWorker {
		todo = append(todo, "CREATE ROLE "+worker+" NOLOGIN;")
	}
	todo = append(todo, "GRANT "+worker+" TO "+pgx.Identifier{app}.Sanitize()+";")
	run := strings.Join(todo, "\n")
	if may {
		_, err = tx.ExecContext(ctx, run)
	}
	if !may || err != nil {
		return errors.Join(fmt.Errorf("the role %s is not set up; an administrator must run:\n%s", worker, run), err)
	}
	return nil
}

// securedTable is a table as the catalogue shows it.
type securedTable struct {
	name            string
	clinic          bool // has a clinic_id
	enabled, forced bool
	policies        []string
}

func (t securedTable) unknown() bool { return !t.clinic && globalTables[t.name] == "" }

func catalogue(ctx context.Context, tx *sql.Tx) (list []securedTable, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
			EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'clinic_id' AND NOT a.attisdropped),
			coalesce((SELECT string_agg(p.polname, ',') FROM pg_policy p WHERE p.polrelid = c.oid), '')
		FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t securedTable
		var policies string
		if err := rows.Scan(&t.name, &t.enabled, &t.forced, &t.clinic, &policies); err != nil {
			return nil, err
		}
		t.policies = strings.Split(policies, ",")
		list = append(list, t)
	}
	return list, rows.Err()
}

// missing returns the statements that the table still needs.
func (t securedTable) missing(app string) (list []string) {
	name := pgx.Identifier{t.name}.Sanitize()
	if !t.clinic {
		if rights := globalTables[t.name]; rights != "" {
			list = append(list, "GRANT "+rights+" ON "+name+" TO "+app)
		}
		if rights := workerTables[t.name]; rights != "" {
			list = append(list, "GRANT "+rights+" ON "+name+" TO "+worker)
		}
		return list
	}
	if !t.enabled || !t.forced {
		list = append(list, "ALTER TABLE "+name+" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
	}
	policy := func(title, rest string) {
		if !slices.Contains(t.policies, title) {
			list = append(list, "CREATE POLICY "+title+" ON "+name+" "+rest)
		}
	}
	// nullif: a pooled connection holds '' after the transaction that set it.
	const own = "clinic_id = nullif(current_setting('app.clinic', true), '')::uuid"
	policy("clinic", "USING ("+own+") WITH CHECK ("+own+")")
	// Under FORCE an owner without a policy silently changes nothing.
	policy("owner", "TO CURRENT_USER USING (true) WITH CHECK (true)")
	rights := "SELECT, INSERT, UPDATE, DELETE"
	if slices.Contains(appendOnly, t.name) {
		rights = "SELECT, INSERT"
	}
	if slices.Contains(readOnly, t.name) {
		rights = "SELECT"
	}
	list = append(list, "GRANT "+rights+" ON "+name+" TO "+app)
	if rights := workerTables[t.name]; rights != "" {
		policy("worker", "TO "+worker+" USING (true) WITH CHECK (true)")
		list = append(list, "GRANT "+rights+" ON "+name+" TO "+worker)
	}
	return list
}

// CheckOwner refuses a PostgreSQL login that does not see every clinic: to it, all would be well with what it does not
// see. On SQLite there is nothing to check.
func (db *DB) CheckOwner(ctx context.Context) error { return db.engine.checkOwner(ctx) }

func (e postgresEngine) checkOwner(ctx context.Context) error {
	var name string
	var owns bool
	err := e.pool.QueryRowContext(ctx, `SELECT current_user,
		coalesce((SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('journal')), false)`).Scan(&name, &owns)
	if err != nil {
		return fmt.Errorf("check the owner's login: %w", e.classify(err))
	}
	if !owns {
		return fmt.Errorf("the database login %s does not own the tables, and does not see every clinic: use the owner's", name)
	}
	return nil
}

// CheckRuntimeRole refuses a PostgreSQL login that could go around row-level security: a
// superuser, one with BYPASSRLS, one that owns a table or inherits an owner or the worker. It
// also refuses one that cannot become the worker. On SQLite there is nothing to check.
func (db *DB) CheckRuntimeRole(ctx context.Context) error { return db.engine.checkRole(ctx) }

func (e postgresEngine) checkRole(ctx context.Context) error {
	var name string
	var super, bypass, owns, exists, inherits, member bool
	err := e.pool.QueryRowContext(ctx, `SELECT rolname, rolsuper, rolbypassrls,
			EXISTS (SELECT FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
				AND pg_has_role(current_user, c.relowner, 'USAGE')),
			w.oid IS NOT NULL, coalesce(pg_has_role(current_user, w.oid, 'USAGE'), false),
			coalesce(pg_has_role(current_user, w.oid, 'MEMBER'), false)
		FROM pg_roles r LEFT JOIN (SELECT oid FROM pg_roles WHERE rolname = $1) w ON true
		WHERE r.rolname = current_user`, worker).Scan(&name, &super, &bypass, &owns, &exists, &inherits, &member)
	if err != nil {
		return fmt.Errorf("check the runtime login: %w", e.classify(err))
	}
	var faults []string
	for _, f := range []struct {
		found bool
		text  string
	}{
		{super, "it is a superuser"},
		{bypass, "it has BYPASSRLS"},
		{owns && !super, "it owns a table or inherits from an owner"},
		{inherits && !super, "it inherits " + worker + " (it must be NOINHERIT)"},
		{!exists, "the role " + worker + " does not exist"},
		{exists && !member, "it is not a member of " + worker},
	} {
		if f.found {
			faults = append(faults, f.text)
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("the database login %s must not be used to serve: %s", name, strings.Join(faults, "; "))
	}
	return nil
}
