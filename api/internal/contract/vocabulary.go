package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/message"
)

// Keywords that rewrite puts where the compiled schema must not be what the document says.
const (
	keywordBranches    = "x-contract-branches"
	keywordMemberNames = "x-contract-member-names"
)

// rewrite changes the parsed document, not the one that is served, in two places:
//
//   - oneOf with a discriminator becomes a choice by the discriminator, so that the faults
//     are those of the branch that the client meant;
//   - propertyNames becomes a keyword of ours, because the library's own reports the place
//     of such a fault in memory that it goes on to overwrite.
//
// With names, the members of v are not keywords.
func rewrite(v any, names bool) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := rewrite(item, false); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, member := range v {
			if !names && slices.Contains(valueKeywords, name) {
				continue
			}
			if err := rewrite(member, !names && slices.Contains(namingKeywords, name)); err != nil {
				return err
			}
		}
		if names {
			return nil
		}
		if schema, ok := v["propertyNames"]; ok {
			delete(v, "propertyNames")
			v[keywordMemberNames] = schema
		}
		return chooseByDiscriminator(v)
	}
	return nil
}

// Members of the document that hold values, which may look like schemas, and those whose
// own members are names that somebody chose, not keywords.
var (
	valueKeywords  = []string{"const", "default", "enum", "example", "examples"}
	namingKeywords = []string{"$defs", "dependentSchemas", "patternProperties", "properties", "schemas"}
)

// chooseByDiscriminator replaces a schema's oneOf by the table of its branches.
func chooseByDiscriminator(schema map[string]any) error {
	discriminator, _ := schema["discriminator"].(map[string]any)
	property, _ := discriminator["propertyName"].(string)
	list, isList := schema["oneOf"].([]any)
	if property == "" || !isList {
		return nil
	}
	const components = "#/components/schemas/"
	branches, named := map[string]any{}, map[string]bool{}
	mapping, _ := discriminator["mapping"].(map[string]any)
	for value, target := range mapping {
		ref, _ := target.(string)
		if !strings.HasPrefix(ref, "#") {
			ref = components + ref
		}
		branches[value], named[ref] = ref, true
	}
	for _, v := range list {
		branch, _ := v.(map[string]any)
		ref, _ := branch["$ref"].(string)
		name, ok := strings.CutPrefix(ref, components)
		if !ok {
			return errors.New("oneOf with a discriminator can only refer to named schemas")
		}
		if !named[ref] {
			branches[name] = ref
		}
	}
	delete(schema, "oneOf")
	schema[keywordBranches] = map[string]any{"property": property, "branches": branches}
	return nil
}

// vocabulary adds to JSON Schema what it leaves open or cannot say.
func vocabulary() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{
		URL:        "https://contract.invalid/vocabulary",
		Subschemas: []jsonschema.SchemaPath{{jsonschema.Prop(keywordMemberNames)}},
		Compile:    compileExtensions,
	}
}

func compileExtensions(ctx *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
	if name, ok := schema["format"].(string); ok && formatDetails[name] == "" {
		return nil, fmt.Errorf("the format %s is not supported", name)
	}
	for _, keyword := range []string{"unevaluatedProperties", "unevaluatedItems"} {
		if _, ok := schema[keyword]; ok { // it calls members unknown that are only wrong
			return nil, fmt.Errorf("%s is not supported", keyword)
		}
	}
	var all extensions
	if onlyIntegers(schema["type"]) {
		all = append(all, wholeNumber{})
	}
	if goType, _ := schema["x-go-type"].(string); quantityFormats[goType] != "" && schema["format"] != quantityFormats[goType] {
		return nil, fmt.Errorf("%s needs the format %s", goType, quantityFormats[goType])
	}
	if _, ok := schema[keywordMemberNames]; ok {
		all = append(all, memberNames{ctx.Enqueue([]string{keywordMemberNames})})
	}
	if choice, ok := schema[keywordBranches].(map[string]any); ok {
		b, err := compileBranches(ctx, choice)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

type extensions []jsonschema.SchemaExt

// Validate is called by the schema's own validation.
func (all extensions) Validate(ctx *jsonschema.ValidatorContext, v any) {
	for _, ext := range all {
		ext.Validate(ctx, v)
	}
}

func onlyIntegers(types any) bool {
	list, ok := types.([]any)
	if !ok {
		return types == "integer"
	}
	return slices.Contains(list, any("integer")) && !slices.Contains(list, any("number"))
}

// wholeNumber holds an integer against what Go can read into one: for JSON Schema, 1.0 and
// 1e2 are integers too.
type wholeNumber struct{}

// Validate is called by the schema's own validation.
func (wholeNumber) Validate(ctx *jsonschema.ValidatorContext, v any) {
	n, ok := v.(json.Number)
	if !ok {
		return
	}
	if _, err := strconv.ParseInt(n.String(), 10, 64); errors.Is(err, strconv.ErrRange) {
		ctx.AddError(&wrong{code: "format", detail: formatDetails["int64"]})
	} else if err != nil {
		ctx.AddError(&wrong{code: "type", detail: "Must be an integer, without a decimal point or an exponent."})
	}
}

// memberNames is propertyNames.
type memberNames struct{ schema *jsonschema.Schema }

// Validate is called by the schema's own validation.
func (m memberNames) Validate(ctx *jsonschema.ValidatorContext, v any) {
	object, _ := v.(map[string]any)
	for name := range object {
		if m.schema.Validate(name) != nil {
			ctx.AddError(&wrong{code: "member_name", detail: "The name of this member is not allowed.", member: name})
		}
	}
}

// branches is a choice between schemas by the value of one member.
type branches struct {
	property string
	schemas  map[string]*jsonschema.Schema
	values   []any
}

func compileBranches(ctx *jsonschema.CompilerContext, choice map[string]any) (b branches, err error) {
	b.property, _ = choice["property"].(string)
	b.schemas = map[string]*jsonschema.Schema{}
	refs, _ := choice["branches"].(map[string]any)
	for _, value := range slices.Sorted(maps.Keys(refs)) {
		ref, _ := refs[value].(string)
		if b.schemas[value], err = ctx.EnqueueRef(ref); err != nil {
			return b, err
		}
		b.values = append(b.values, value)
	}
	return b, nil
}

// Validate is called by the schema's own validation.
func (b branches) Validate(ctx *jsonschema.ValidatorContext, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		ctx.AddError(&wrong{code: "type", detail: "Must be an object."})
		return
	}
	value, ok := object[b.property]
	if !ok {
		ctx.AddError(&wrong{code: codeRequired, detail: detailRequired, member: b.property})
		return
	}
	name, _ := value.(string)
	schema, ok := b.schemas[name]
	if !ok {
		ctx.AddError(&wrong{code: "enum", detail: oneOfThese(b.values), member: b.property})
		return
	}
	if err := ctx.Validate(schema, v, nil); err != nil {
		ctx.AddErr(err)
	}
}

// wrong is a fault that a keyword of ours found, at the value or at one of its members.
type wrong struct{ code, detail, member string }

// KeywordPath is part of jsonschema.ErrorKind.
func (*wrong) KeywordPath() []string { return nil }

// LocalizedString is part of jsonschema.ErrorKind.
func (w *wrong) LocalizedString(*message.Printer) string { return w.detail }
