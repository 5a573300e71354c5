package contract

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/titrate-health/titrate/pkg/problem"
)

const (
	codeRequired   = "required"
	detailRequired = "Is required."

	codeUnknownField   = "unknown_field"
	detailUnknownField = "This object has no such member."

	// maxFaults keeps an answer small that is about a body of nothing but faults.
	maxFaults = 100
)

// faults collects what is wrong with a request.
type faults []problem.Fault

func (f *faults) add(in, pointer, code, detail string) {
	*f = append(*f, problem.Fault{In: in, Pointer: pointer, Code: code, Detail: detail})
}

// report returns the faults in a stable order, each once, and not too many.
func (f *faults) report() []problem.Fault {
	order := []string{problem.InPath, problem.InQuery, problem.InHeader, problem.InBody}
	slices.SortFunc(*f, func(a, b problem.Fault) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.In), slices.Index(order, b.In)),
			strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Code, b.Code), strings.Compare(a.Detail, b.Detail))
	})
	all := slices.Compact(*f)
	return all[:min(len(all), maxFaults)]
}

// identifier is what a name chosen by the client must look like to be repeated: anything
// else could be a patient's data in the wrong place.
var identifier = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// presentable returns the name if it may be repeated, else "".
func presentable(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return ""
}

// pointerTo leads to a place in the body, as far as the names on the way may be repeated.
func pointerTo(location []string, member string) string {
	var pointer strings.Builder
	for _, name := range location {
		if !identifier.MatchString(name) {
			return pointer.String()
		}
		pointer.WriteString("/" + name)
	}
	if identifier.MatchString(member) {
		pointer.WriteString("/" + member)
	}
	return pointer.String()
}

// collect translates what a schema's validation returned. For a parameter, name is what its
// faults point at; for a body it is empty.
func (f *faults) collect(err error, in, name string) {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		f.add(in, name, "invalid", "Is not what the contract asks for.")
		return
	}
	f.walk(invalid, func(location []string, member, code, detail string) {
		pointer := name
		if in == problem.InBody {
			pointer = pointerTo(location, member)
		}
		f.add(in, pointer, code, detail)
	})
}

// walk calls report for each fault in the tree of errors.
func (f *faults) walk(e *jsonschema.ValidationError, report func(location []string, member, code, detail string)) {
	here := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, member := range k.Missing {
			report(here, member, codeRequired, detailRequired)
		}
	case *kind.DependentRequired:
		for _, member := range k.Missing {
			report(here, member, codeRequired, fmt.Sprintf("Is required together with %s.", k.Prop))
		}
	case *kind.AdditionalProperties:
		for _, member := range k.Properties {
			report(here, member, codeUnknownField, detailUnknownField)
		}
	case *wrong:
		report(here, k.member, k.code, k.detail)
	case *kind.AnyOf, *kind.OneOf:
		if meant := meantBranch(e); meant != nil {
			f.walk(meant, report)
			return
		}
		code, detail := describe(e.ErrorKind)
		report(here, "", code, detail)
	case *kind.Contains, *kind.MinContains:
		code, detail := describe(e.ErrorKind)
		report(here, "", code, detail)
	default:
		if len(e.Causes) == 0 {
			code, detail := describe(e.ErrorKind)
			report(here, "", code, detail)
		}
		for _, cause := range e.Causes {
			f.walk(cause, report)
		}
	}
}

// meantBranch is the only branch of an alternative whose type the value has, as in "this
// object or null"; nil if there is no such branch.
func meantBranch(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	var meant *jsonschema.ValidationError
	for _, branch := range e.Causes {
		if otherType(branch, len(e.InstanceLocation)) {
			continue
		}
		if meant != nil {
			return nil
		}
		meant = branch
	}
	return meant
}

// otherType reports whether a branch failed because the value itself is of another type.
func otherType(e *jsonschema.ValidationError, depth int) bool {
	switch e.ErrorKind.(type) {
	case *kind.Type:
		return len(e.InstanceLocation) == depth
	case *kind.Reference:
		return len(e.Causes) == 1 && otherType(e.Causes[0], depth)
	}
	return false
}

// describe says what a keyword wants: its limits, never what it got.
func describe(k jsonschema.ErrorKind) (code, detail string) {
	switch k := k.(type) {
	case *kind.Type:
		return "type", "Must be " + typeWords(k.Want) + "."
	case *kind.Enum:
		return "enum", oneOfThese(k.Want)
	case *kind.Const:
		return "const", oneOfThese([]any{k.Want})
	case *kind.Format:
		return "format", formatDetails[k.Want]
	case *kind.Pattern:
		return "pattern", "Must match the regular expression " + k.Want + "."
	case *kind.FalseSchema:
		return codeUnknownField, detailUnknownField
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return "one_of", "Matches more than one of the allowed forms."
		}
		return "one_of", "Matches none of the allowed forms."
	case *kind.AnyOf:
		return "any_of", "Matches none of the allowed forms."
	case *kind.Not:
		return "not", "Has a form that is not allowed here."
	case *kind.UniqueItems:
		return "unique_items", "Must not have the same item twice."
	case *kind.Contains, *kind.MinContains:
		return "contains", "Has too few items of a required form."
	case *kind.MaxContains:
		return "contains", "Has too many items of a limited form."
	}
	return describeLimit(k)
}

func describeLimit(k jsonschema.ErrorKind) (code, detail string) {
	switch k := k.(type) {
	case *kind.Minimum:
		return "minimum", "Must be at least " + decimal(k.Want) + "."
	case *kind.Maximum:
		return "maximum", "Must be at most " + decimal(k.Want) + "."
	case *kind.ExclusiveMinimum:
		return "exclusive_minimum", "Must be greater than " + decimal(k.Want) + "."
	case *kind.ExclusiveMaximum:
		return "exclusive_maximum", "Must be less than " + decimal(k.Want) + "."
	case *kind.MultipleOf:
		return "multiple_of", "Must be a multiple of " + decimal(k.Want) + "."
	case *kind.MinLength:
		return "min_length", atLeast(k.Want, "character", "long")
	case *kind.MaxLength:
		return "max_length", atMost(k.Want, "character", "long")
	case *kind.MinItems:
		return "min_items", atLeast(k.Want, "item", "")
	case *kind.MaxItems:
		return "max_items", atMost(k.Want, "item", "")
	case *kind.MinProperties:
		return "min_properties", atLeast(k.Want, "member", "")
	case *kind.MaxProperties:
		return "max_properties", atMost(k.Want, "member", "")
	default:
		return "invalid", "Is not what the contract asks for."
	}
}

func atLeast[N int | int64](n N, unit, what string) string { return limit("least", n, unit, what) }
func atMost[N int | int64](n N, unit, what string) string  { return limit("most", n, unit, what) }

func limit[N int | int64](bound string, n N, unit, what string) string {
	if n != 1 {
		unit += "s"
	}
	if what == "" {
		return fmt.Sprintf("Must have at %s %d %s.", bound, n, unit)
	}
	return fmt.Sprintf("Must be at %s %d %s %s.", bound, n, unit, what)
}

// typeWords is "a string or null".
func typeWords(names []string) string {
	words := make([]string, 0, len(names))
	nullable := false
	for _, name := range names {
		switch name {
		case "null":
			nullable = true
		case "array", "integer", "object":
			words = append(words, "an "+name)
		default:
			words = append(words, "a "+name)
		}
	}
	if nullable {
		words = append(words, "null")
	}
	return strings.Join(words, " or ")
}

// maxDetail is how long the contract lets the detail of a fault be.
const maxDetail = 2000

// oneOfThese names the values that the contract allows.
func oneOfThese(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		if s, ok := v.(string); ok {
			words[i] = s
			continue
		}
		text, _ := json.Marshal(v) // it comes from JSON
		words[i] = string(text)
	}
	if len(words) == 1 {
		return "Must be " + words[0] + "."
	}
	if text := "Must be one of: " + strings.Join(words, ", ") + "."; len(text) <= maxDetail {
		return text
	}
	return fmt.Sprintf("Must be one of the %d values that the contract has.", len(words))
}

// decimal writes a limit as the contract does.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(9), "0")
}
