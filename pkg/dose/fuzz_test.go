package dose_test

import (
	"encoding/json"
	"math/big"
	"regexp"
	"testing"

	"github.com/titrate-health/titrate/pkg/dose"
)

// plain is the grammar in another notation than the parser's.
var plain = regexp.MustCompile(`\A-?(0|[1-9][0-9]*)(\.[0-9]{1,3})?\z`)

// FuzzMgJSON feeds arbitrary bytes to the JSON reader: what it accepts is a plain JSON
// number with exactly that value, and what it refuses is not one.
func FuzzMgJSON(f *testing.F) {
	for _, seed := range []string{
		`0`, `-0`, `100`, `37.5`, `100.1`, `0.001`, `0.0001`, `1e2`, `1E+2`, `-12.5`, `"100"`, `null`, `01`, `.5`, `5.`,
		`9223372036854775.807`, `9223372036854775.808`, `-9223372036854775.808`, ` 1 `, `1 2`, `{}`, `[1]`, "1\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got dose.Mg
		err := got.UnmarshalJSON(data)

		exact := new(big.Rat)
		representable := false
		if plain.Match(data) {
			exact.SetString(string(data))
			exact.Mul(exact, big.NewRat(1000, 1))
			representable = exact.Num().IsInt64()
		}
		if (err == nil) != representable {
			t.Fatalf("%q: error %v, representable %v", data, err, representable)
		}
		if err != nil {
			if got != 0 {
				t.Fatalf("%q was refused but left %v", data, got)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q was accepted but is not JSON", data)
		}
		if got.Micrograms() != exact.Num().Int64() {
			t.Fatalf("%q became %d µg", data, got.Micrograms())
		}
		text, err := json.Marshal(got)
		if err != nil || len(text) > len(data) {
			t.Fatalf("%q is written as %q, %v", data, text, err)
		}
		var again dose.Mg
		if err := json.Unmarshal(text, &again); err != nil || again != got {
			t.Fatalf("%q became %v and then %v, %v", data, got, again, err)
		}
	})
}
