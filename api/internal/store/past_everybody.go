package store

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Of all patients' records only those are put into memory that a query finds. Which these are, the present
// database says: by the row itself if nobody has changed it since, else by what the history has of it then.

// pastRows is how many records of everybody may be put into memory for one answer, whatever the size of the clinic.
const pastRows = 20_000

// everybody reports whether a table is looked at with the records of all patients in it.
func (p *past) everybody(r *pastRecord) bool {
	return r.ofPatients && p.patient == uuid.Nil && p.upTo == nil
}

// meet fills in what a query about everybody finds, and may fill in more.
func (p *past) meet(t *pastTable, s *gorm.Statement) error {
	ids, err := p.found(t.pastRecord, s)
	if err != nil {
		return err
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.DeleteFunc(slices.Compact(ids), func(id uuid.UUID) bool { return t.met[id] })
	if p.rows += len(ids); p.rows > pastRows {
		return ErrPastTooLarge
	}
	for some := range slices.Chunk(ids, 500) { // a statement takes so many values
		if t.coming, err = p.versions(t.pastRecord, some...); err != nil {
			return err
		}
		if err := p.happen(t); err != nil {
			return err
		}
		for _, id := range some {
			t.met[id] = true
		}
	}
	return nil
}

// found are the records of which a query may find something.
func (p *past) found(r *pastRecord, s *gorm.Statement) ([]uuid.UUID, error) {
	conds, exact := withoutSubqueries(s)
	if s.Table == r.table {
		same, err := p.search(s, conds, exact, func(q *gorm.Statement) {
			say(q, "SELECT id FROM "+r.table+" WHERE updated_at <= ", p.at, " AND ")
		})
		if err != nil {
			return nil, err
		}
		changed, err := p.search(s, conds, exact, func(q *gorm.Statement) { p.then(q, r) })
		return append(same, changed...), err
	}
	list := r.lists[slices.IndexFunc(r.lists, func(l pastList) bool { return l.parent.Schema.Table == s.Table })]
	if ids, named := namedIn(caller(s), list.parent.DBName); named {
		return ids, nil
	}
	same, err := p.search(s, conds, false, func(q *gorm.Statement) {
		say(q, "SELECT DISTINCT "+list.parent.DBName+" FROM "+s.Table+" WHERE "+list.parent.DBName+" IN (SELECT id FROM "+r.table,
			" WHERE clinic_id = ", p.present.scope.Clinic, " AND updated_at <= ", p.at, ") AND ")
	})
	if err != nil {
		return nil, err
	}
	changed, err := p.search(s, nil, false, func(q *gorm.Statement) { // whatever the lists were then
		say(q, "SELECT id FROM "+r.table+" l WHERE ")
		p.since(q)
	})
	return append(same, changed...), err
}

// search asks the present database for ids under the conditions of a statement, in its order as far as its limit
// if all conditions are there.
func (p *past) search(s *gorm.Statement, conds []clause.Expression, exact bool, begin func(*gorm.Statement)) (ids []uuid.UUID, err error) {
	q := &gorm.Statement{DB: p.present.orm, Context: p.present.ctx, Table: s.Table, Schema: s.Schema, Clauses: map[string]clause.Clause{}}
	begin(q)
	if len(conds) > 0 {
		clause.Where{Exprs: conds}.Build(q)
	}
	if limit, limited := s.Clauses["LIMIT"].Expression.(clause.Limit); exact && limited && limit.Offset == 0 {
		if order, ordered := s.Clauses["ORDER BY"].Expression.(clause.OrderBy); ordered {
			say(q, " ORDER BY ")
			order.Build(q)
		}
		say(q, " ")
		limit.Build(q)
	} else {
		fmt.Fprintf(&q.SQL, " LIMIT %d", pastRows+1)
	}
	rows, err := p.present.conn.QueryContext(p.present.ctx, q.SQL.String(), q.Vars...)
	if err != nil {
		return nil, p.present.db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, p.present.db.engine.classify(rows.Err())
}

// since is the condition for rows l that were there and have been changed after the time.
func (p *past) since(q *gorm.Statement) {
	say(q, "l.clinic_id = ", p.present.scope.Clinic, " AND l.updated_at > ", p.at, " AND l.created_at <= ", p.at)
}

// then begins a query on the rows that have been changed since, as they were then.
func (p *past) then(q *gorm.Statement, r *pastRecord) {
	var columns []string
	for _, c := range columnsOf(q.Schema) {
		value := "l." + c.name
		if c.path != nil {
			value = p.present.db.engine.member("h.data", c)
		}
		columns = append(columns, value+` AS "`+c.name+`"`) // one is called limit
	}
	say(q, "SELECT id FROM (SELECT "+strings.Join(columns, ", ")+" FROM "+r.table+" l JOIN history h",
		" ON h.clinic_id = l.clinic_id AND h.record = '"+r.table+"' AND h.record_id = l.id AND h.version = (SELECT max(v.version) FROM history v",
		" WHERE v.clinic_id = l.clinic_id AND v.record = '"+r.table+"' AND v.record_id = l.id AND v.at <= ", p.at, ") WHERE ")
	p.since(q)
	say(q, ") AS "+r.table+" WHERE ")
}

// say writes a query: texts are SQL, everything else is a value.
func say(q *gorm.Statement, parts ...any) {
	for _, part := range parts {
		if text, ok := part.(string); ok {
			q.SQL.WriteString(text)
		} else {
			q.AddVar(q, part)
		}
	}
}

// withoutSubqueries are the conditions of a statement, but for those with a subquery, which would read the
// present; exact says that there is none.
func withoutSubqueries(s *gorm.Statement) (conds []clause.Expression, exact bool) {
	exact = true
	for _, e := range caller(s) {
		asked, ok := e.(parenthesised)
		if !ok { // the scope's own
			conds = append(conds, e)
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(asked), asksFurther)
		exact = len(rest) == len(asked)
		if !exact && slices.ContainsFunc(asked, func(e clause.Expression) bool { _, or := e.(clause.OrConditions); return or }) {
			rest = nil // what is left out of an OR would have let more through
		}
		if len(rest) > 0 {
			conds = append(conds, rest)
		}
	}
	return conds, exact
}

// asksFurther reports whether a condition holds a subquery.
func asksFurther(e clause.Expression) bool {
	isQuery := func(v any) bool { _, is := v.(*gorm.DB); return is }
	return somewhere(e, func(_ string, values []any) bool { return slices.ContainsFunc(values, isQuery) })
}

// namedIn are the records that a condition names by their ids, as that of [Parts] does.
func namedIn(exprs []clause.Expression, column string) (ids []uuid.UUID, named bool) {
	for _, e := range exprs {
		if asked, ok := e.(parenthesised); ok {
			return namedIn(asked, column)
		}
		in, ok := e.(clause.IN)
		if c, is := in.Column.(clause.Column); !ok || !is || c.Name != column {
			continue
		}
		for _, v := range in.Values {
			if id, ok := v.(uuid.UUID); ok {
				ids = append(ids, id)
			}
		}
		return ids, len(ids) == len(in.Values)
	}
	return nil, false
}

// pastColumn is a column with the place that its value has in the history.
type pastColumn struct {
	name     string
	path     []string // nil: it never changes, so that the row has it too
	kind     reflect.Kind
	time, id bool
}

// columnsOf are a table's columns but for those that the history writes in another way than the database. A query
// that asks for one of them fails.
func columnsOf(s *schema.Schema) (list []pastColumn) {
	unchanging := []string{"clinic_id", "id", "patient_id", "created_at"}
	plain := []reflect.Kind{reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64}
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		t := f.IndirectFieldType
		c := pastColumn{name: f.DBName, kind: t.Kind(), time: t == reflect.TypeFor[time.Time](), id: t == reflect.TypeFor[uuid.UUID]()}
		if slices.Contains(unchanging, c.name) {
			list = append(list, c)
			continue
		}
		if c.time || c.id || slices.Contains(plain, c.kind) && !writesItself(t) {
			c.path = pathOf(s.ModelType, f.StructField.Index)
			list = append(list, c)
		}
	}
	return list
}

// writesItself reports whether JSON of a type is not that of its kind.
func writesItself(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(reflect.TypeFor[json.Marshaler]()) || pointer.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// pathOf is where a field stands in the JSON of its struct. None that is a column has another name there.
func pathOf(t reflect.Type, index []int) (path []string) {
	for _, i := range index {
		f := t.Field(i)
		if !f.Anonymous {
			path = append(path, f.Name)
		}
		t = f.Type
	}
	return path
}
