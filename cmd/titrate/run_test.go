package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestRun calls the program; package process runs it as its operators do.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		args           string
		stdout, failed string // a part of each
	}{
		{"version", "titrate ", ""},
		{"openapi", "openapi: 3.1", ""},
		{"--help", "serve", ""},
		{"migrate sideways", "", "direction"},
		{"clinic create", "", "missing flags"},
		{"bake", "", "unexpected argument"},
		{"backup x.db --data ./missing", "", "no database in the data folder"},
		{"backup x.db --database-url postgres://x", "", "pg_dump --enable-row-security"},
		{"restored --data ./missing", "", "no database"},
		{"restored --database-url postgres://x", "", "MIGRATE_DATABASE_URL is required"},
	} {
		var stdout, stderr bytes.Buffer
		err := run(t.Context(), strings.Fields(test.args), &stdout, &stderr)
		if !strings.Contains(stdout.String(), test.stdout) || (err != nil) != (test.failed != "") ||
			err != nil && !strings.Contains(err.Error(), test.failed) {
			t.Errorf("titrate %s: %v, printed %.200q, want %q", test.args, err, stdout.String(), test.stdout+test.failed)
		}
	}
}
