package store

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// workerTables are those that the background worker may see in all clinics at once, with what
// it may do there.
var workerTables = map[string]string{
	"journal":             "SELECT, INSERT, UPDATE (seq)",
	"journal_patients":    "SELECT, INSERT",
	"journal_heads":       "SELECT, INSERT, UPDATE",
	"journal_seals":       "SELECT, INSERT",
	"idempotency_records": "SELECT, DELETE",
	"deadlines":           "SELECT",
	"invitations":         "SELECT, DELETE",
	"support_tickets":     "SELECT, DELETE",
	"deliveries":          "SELECT, INSERT, UPDATE, DELETE",
	"webhook_endpoints":   "SELECT",
	"webhook_event_types": "SELECT",
	"webhook_secrets":     "SELECT",
	"webhook_positions":   "SELECT, UPDATE",
}

// guard installs what holds for every statement: it runs in a transaction, sees the rows of
// its scope only, writes none but them, and a change is counted. Nothing else in the package
// has to remember that.
func guard(orm *gorm.DB) error {
	cb := orm.Callback()
	for _, err := range []error{
		cb.Query().Before("gorm:query").Register("store:confine", confineRead),
		cb.Row().Before("gorm:row").Register("store:confine", confineRead),
		cb.Update().Before("gorm:update").Register("store:confine", confineWrite),
		cb.Delete().Before("gorm:delete").Register("store:confine", confineWrite),
		cb.Create().Before("gorm:create").Register("store:stamp", stamp),
		cb.Raw().Before("gorm:raw").Register("store:refuse", refuse("raw SQL")),
		cb.Create().After("gorm:create").Register("store:count", count),
		cb.Update().After("gorm:update").Register("store:count", count),
		cb.Delete().After("gorm:delete").Register("store:count", count),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func refuse(what string) func(*gorm.DB) {
	return func(g *gorm.DB) { _ = g.AddError(fmt.Errorf("%w: %s", ErrUnguarded, what)) }
}

func count(g *gorm.DB) {
	if tx := From(g.Statement.Context); tx != nil {
		tx.changed += max(g.RowsAffected, 0)
		if g.Error != nil {
			_ = tx.fail(g.Error)
		}
	}
}

// confineRead adds the scope to what the caller asked for.
func confineRead(g *gorm.DB) {
	tx, clinic := inScope(g)
	if tx == nil {
		return
	}
	if tx.mode == system {
		if _, ok := workerTables[g.Statement.Table]; !ok {
			refuse("table " + g.Statement.Table + " in System")(g)
		}
		return
	}
	asked := caller(g.Statement)
	if slices.ContainsFunc(asked, selects) {
		refuse("subquery as text")(g)
		return
	}
	confine(tx, g, clinic, asked)
	if tx.past != nil {
		if err := tx.past.load(g.Statement); err != nil {
			_ = g.AddError(err)
		}
	}
}

// confineWrite is confineRead for updates and deletes, which must name their rows.
func confineWrite(g *gorm.DB) {
	tx, clinic := inScope(g)
	if tx == nil || !mayWrite(tx, g) {
		return
	}
	asked := caller(g.Statement)
	if len(asked) == 0 {
		refuse("update or delete of everything")(g)
		return
	}
	if slices.ContainsFunc(asked, selects) {
		refuse("subquery as text")(g)
		return
	}
	confine(tx, g, clinic, asked)
}

func mayWrite(tx *Tx, g *gorm.DB) bool {
	switch tx.mode {
	case read:
		_ = g.AddError(ErrReadOnly)
	case system:
		refuse("write in System")(g)
	default:
		return true
	}
	return false
}

// inScope returns the statement's transaction and the clinic's column, or nil after refusing
// a statement to which no condition could be added safely.
func inScope(g *gorm.DB) (*Tx, *schema.Field) {
	s := g.Statement
	tx := From(s.Context)
	if tx == nil {
		_ = g.AddError(ErrNoScope)
		return nil, nil
	}
	from, _ := s.Clauses["FROM"].Expression.(clause.From)
	switch {
	case s.SQL.Len() > 0:
		refuse("raw SQL")(g)
	case s.Schema == nil:
		refuse("statement without a row type")(g)
	case s.TableExpr != nil, s.Table != s.Schema.Table, len(from.Tables) > 0:
		refuse("other table than the row type's")(g)
	case len(s.Joins) > 0, len(from.Joins) > 0, len(s.Preloads) > 0:
		refuse("join or preload")(g)
	case s.Schema.FieldsByDBName["clinic_id"] == nil:
		refuse("table " + s.Table + " without a clinic")(g)
	default:
		return tx, s.Schema.FieldsByDBName["clinic_id"]
	}
	return nil, nil
}

func caller(s *gorm.Statement) []clause.Expression {
	w, _ := s.Clauses["WHERE"].Expression.(clause.Where)
	return w.Exprs
}

// confine replaces the WHERE by the scope's conditions and, in parentheses of its own, what
// the caller asked: an OR in it must not reach past the scope.
func confine(tx *Tx, g *gorm.DB, clinic *schema.Field, asked []clause.Expression) {
	if tx.db.unguarded {
		return
	}
	conds := []clause.Expression{clause.Eq{Column: column(clinic.DBName), Value: tx.scope.Clinic}}
	if f := patientField(g.Statement.Schema); f != nil {
		if own := tx.scope.OnlyPatient; own != uuid.Nil {
			conds = append(conds, clause.Eq{Column: column(f.DBName), Value: own})
		}
		if own := tx.scope.NotPatient; own != uuid.Nil {
			var other clause.Expression = clause.Neq{Column: column(f.DBName), Value: own}
			if f.FieldType.Kind() == reflect.Pointer { // NULL is nobody's
				other = clause.Or(clause.Eq{Column: column(f.DBName)}, other)
			}
			conds = append(conds, other)
		}
	}
	if len(asked) > 0 {
		conds = append(conds, parenthesised(asked))
	}
	g.Statement.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: conds}}
}

func column(name string) clause.Column {
	return clause.Column{Table: clause.CurrentTable, Name: name}
}

// parenthesised conditions stay together whatever text they consist of; gorm's own
// clause.And looks for " OR " and misses one between line breaks.
type parenthesised []clause.Expression

func (p parenthesised) Build(b clause.Builder) {
	_ = b.WriteByte('(')
	clause.Where{Exprs: slices.Clone(p)}.Build(b)
	_ = b.WriteByte(')')
}

var selectWord = regexp.MustCompile(`(?i)\bselect\b`)

// selects reports whether a condition holds a subquery as text, which nobody would confine.
// One given as *gorm.DB runs through the guard itself.
func selects(e clause.Expression) bool {
	return somewhere(e, func(text string, _ []any) bool { return selectWord.MatchString(text) })
}

// somewhere reports whether something is so of the text and the values of a condition, or of one that it is made of.
func somewhere(e clause.Expression, is func(text string, values []any) bool) bool {
	inside := func(e clause.Expression) bool { return somewhere(e, is) }
	switch e := e.(type) {
	case clause.Expr:
		return is(e.SQL, e.Vars)
	case clause.NamedExpr:
		return is(e.SQL, e.Vars)
	case clause.AndConditions:
		return slices.ContainsFunc(e.Exprs, inside)
	case clause.OrConditions:
		return slices.ContainsFunc(e.Exprs, inside)
	case clause.NotConditions:
		return slices.ContainsFunc(e.Exprs, inside)
	}
	return false
}

// stamp gives new rows their clinic and refuses those that belong to somebody else.
func stamp(g *gorm.DB) {
	tx, clinic := inScope(g)
	if tx == nil || !mayWrite(tx, g) {
		return
	}
	if c, ok := g.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok && !c.DoNothing {
		refuse("upsert")(g) // it would take over the row that is there
		return
	}
	each := func(row reflect.Value) {
		row = reflect.Indirect(row)
		if row.Kind() != reflect.Struct {
			refuse("row of type " + row.Kind().String())(g)
			return
		}
		if err := stampRow(tx, g.Statement, clinic, row); err != nil {
			_ = g.AddError(err)
		}
	}
	switch rows := g.Statement.ReflectValue; rows.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range rows.Len() {
			each(rows.Index(i))
		}
	default:
		each(rows)
	}
}

func stampRow(tx *Tx, s *gorm.Statement, clinic *schema.Field, row reflect.Value) error {
	if v := uuidOf(s, clinic, row); v == uuid.Nil {
		if err := clinic.Set(s.Context, row, tx.scope.Clinic); err != nil {
			return err
		}
	} else if v != tx.scope.Clinic && !tx.db.unguarded {
		return fmt.Errorf("%w: new row of another clinic in %s", ErrUnguarded, s.Table)
	}
	if f := patientField(s.Schema); f != nil {
		p, only, not := uuidOf(s, f, row), tx.scope.OnlyPatient, tx.scope.NotPatient
		if only != uuid.Nil && p != only || not != uuid.Nil && p == not {
			return fmt.Errorf("%w: new row of another patient in %s", ErrUnguarded, s.Table)
		}
	}
	return settle(s, row)
}

// settle turns the times of a row into what will be read back: UTC, whole microseconds.
func settle(s *gorm.Statement, row reflect.Value) error {
	for _, f := range s.Schema.Fields {
		if f.DBName == "" || f.IndirectFieldType != reflect.TypeFor[time.Time]() {
			continue
		}
		v, zero := f.ValueOf(s.Context, row)
		if zero {
			continue
		}
		var err error
		switch t := v.(type) {
		case time.Time:
			err = f.Set(s.Context, row, micros(t))
		case *time.Time:
			err = f.Set(s.Context, row, micros(*t))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patientField is the column that says whose a row is: patient_id, or the patient's own id.
func patientField(s *schema.Schema) *schema.Field {
	if s.Table == "patients" {
		return s.FieldsByDBName["id"]
	}
	return s.FieldsByDBName["patient_id"]
}

func uuidOf(s *gorm.Statement, f *schema.Field, row reflect.Value) uuid.UUID {
	v, _ := f.ValueOf(s.Context, row)
	switch id := v.(type) {
	case uuid.UUID:
		return id
	case *uuid.UUID:
		if id != nil {
			return *id
		}
	}
	return uuid.Nil
}
