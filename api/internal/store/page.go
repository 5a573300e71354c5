package store

import (
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// DefaultLimit is the length of a page for which no limit was given.
const DefaultLimit = 50

// Page asks for a part of a list.
type Page struct {
	Limit int  // rows at most; DefaultLimit if zero
	After *Key // the key that came with the page before; nil for the first
}

// Key is a place in a list: the sort value of a row, a time or a text, and its id, or its number alone. The
// texts may name a person: whoever hands a key out must seal it.
type Key struct {
	Time   time.Time `json:"time,omitzero"`
	Text   string    `json:"text,omitempty"`
	Number int64     `json:"number,omitempty"`
	ID     uuid.UUID `json:"id"`
}

// order is how a list is sorted: by a time or a text that is never NULL, then by id. An index on
// (clinic_id, what the list is filtered by, the column, id) makes every page cost the same.
type order struct {
	column string
	desc   bool
}

func asc(column string) order  { return order{column, false} }
func desc(column string) order { return order{column, true} }

// list returns the page p of q and the key of the next page, nil if there is none.
func list[T any](q *gorm.DB, o order, p Page) ([]T, *Key, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	s := &gorm.Statement{DB: q}
	if err := s.Parse(new(T)); err != nil {
		return nil, nil, err
	}
	by, id := s.Schema.FieldsByDBName[o.column], s.Schema.FieldsByDBName["id"]
	if by == nil || id == nil || by.FieldType != reflect.TypeFor[time.Time]() && by.FieldType.Kind() != reflect.String {
		return nil, nil, fmt.Errorf("store: %s cannot be sorted by %s", s.Schema.Table, o.column)
	}
	if p.After != nil {
		q = q.Where(after{o, keyValue(by, p.After), p.After.ID})
	}
	rows, err := many[T](q.Order(clause.OrderBy{Columns: []clause.OrderByColumn{
		{Column: column(o.column), Desc: o.desc}, {Column: column("id"), Desc: o.desc},
	}}).Limit(limit + 1))
	if err != nil || len(rows) <= limit {
		return rows, nil, err
	}
	rows = rows[:limit]
	last := reflect.ValueOf(&rows[limit-1]).Elem()
	key := &Key{ID: uuidOf(s, id, last)}
	if v := by.ReflectValueOf(q.Statement.Context, last); v.Kind() == reflect.String {
		key.Text = v.String()
	} else {
		key.Time = v.Interface().(time.Time)
	}
	return rows, key, nil
}

func keyValue(f *schema.Field, k *Key) any {
	if f.FieldType.Kind() == reflect.String {
		return k.Text
	}
	return k.Time
}

// after is the condition for the rows behind a key. As a comparison of rows it is a single
// range of the index on both databases; spelt out with OR it would not be.
type after struct {
	order
	value any
	id    uuid.UUID
}

func (a after) Build(b clause.Builder) {
	_ = b.WriteByte('(')
	b.WriteQuoted(column(a.column))
	_, _ = b.WriteString(", ")
	b.WriteQuoted(column("id"))
	if a.desc {
		_, _ = b.WriteString(") < (")
	} else {
		_, _ = b.WriteString(") > (")
	}
	b.AddVar(b, a.value, a.id)
	_ = b.WriteByte(')')
}
