package store

import (
	"strings"

	"gorm.io/gorm/schema"
)

// naming gives columns the unit that is stored: doses are whole micrograms and weights whole
// grams in the database, whatever unit their Go type is called after.
type naming struct{ schema.NamingStrategy }

func (n naming) ColumnName(table, field string) string {
	name := n.NamingStrategy.ColumnName(table, field)
	if s, ok := strings.CutSuffix(name, "_mg"); ok {
		return s + "_ug"
	}
	if s, ok := strings.CutSuffix(name, "_kg"); ok {
		return s + "_g"
	}
	return name
}
