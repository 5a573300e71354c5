package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"gopkg.in/yaml.v3"
)

// toJSON turns the YAML of an OpenAPI document into JSON and keeps the order of members.
func toJSON(source []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("the document is not a mapping")
	}
	return appendNode(make([]byte, 0, len(source)), doc.Content[0])
}

func appendNode(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return appendMapping(dst, n)
	case yaml.SequenceNode:
		return appendSequence(dst, n)
	case yaml.ScalarNode:
		return appendScalar(dst, n)
	default: // OpenAPI has $ref for what aliases do, and they can be endless
		return nil, fmt.Errorf("line %d: anchors and aliases are not supported", n.Line)
	}
}

func appendMapping(dst []byte, n *yaml.Node) ([]byte, error) {
	seen := make(map[string]bool, len(n.Content)/2)
	dst = append(dst, '{')
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge":
			return nil, fmt.Errorf("line %d: a member's name must be plain text", key.Line)
		case seen[key.Value]:
			return nil, fmt.Errorf("line %d: %s is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = jsontext.AppendQuote(dst, key.Value); err != nil {
			return nil, fmt.Errorf("line %d: %w", key.Line, err)
		}
		if dst, err = appendNode(append(dst, ':'), value); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendSequence(dst []byte, n *yaml.Node) ([]byte, error) {
	dst = append(dst, '[')
	for i, item := range n.Content {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendNode(dst, item); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendScalar(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!null":
		return append(dst, "null"...), nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		return strconv.AppendBool(dst, b), nil
	case "!!int", "!!float":
		return appendNumber(dst, n)
	case "!!str", "!!timestamp": // an unquoted date is an example's text, not a moment
		dst, err := jsontext.AppendQuote(dst, n.Value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		return dst, nil
	default:
		return nil, fmt.Errorf("line %d: JSON has nothing like %s", n.Line, n.ShortTag())
	}
}

func appendNumber(dst []byte, n *yaml.Node) ([]byte, error) {
	if numberText.MatchString(n.Value) { // as written, so that nothing is rounded
		return append(dst, n.Value...), nil
	}
	var whole int64 // 0x1f, 1_000
	if n.ShortTag() == "!!int" && n.Decode(&whole) == nil {
		return strconv.AppendInt(dst, whole, 10), nil
	}
	var f float64 // .5
	if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, fmt.Errorf("line %d: %s is not a JSON number", n.Line, n.Value)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64), nil
}

// A place is an object of the document and the JSON pointer that leads to it.
type place struct {
	pointer string
	object  map[string]any
}

// follow returns the object at v, which stands at pointer, after following its references.
func follow(root map[string]any, pointer string, v any) (place, error) {
	for range 16 { // deeper chains are circles
		object, ok := v.(map[string]any)
		if !ok {
			return place{}, fmt.Errorf("#%s is not an object", pointer)
		}
		ref, ok := object["$ref"].(string)
		if !ok {
			return place{pointer, object}, nil
		}
		if pointer, ok = strings.CutPrefix(ref, "#"); !ok {
			return place{}, fmt.Errorf("%s is not in this document", ref)
		}
		v = any(root)
		for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
			parent, _ := v.(map[string]any)
			if v, ok = parent[unescape(token)]; !ok {
				return place{}, fmt.Errorf("%s leads nowhere", ref)
			}
		}
	}
	return place{}, fmt.Errorf("#%s refers to itself", pointer)
}

// in returns the place of a member that is an object, following references; ok is false if
// there is no such member.
func (p place) in(root map[string]any, name string) (at place, ok bool, err error) {
	v, ok := p.object[name]
	if !ok {
		return place{}, false, nil
	}
	at, err = follow(root, p.pointer+"/"+escape(name), v)
	return at, true, err
}

func escape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}

func unescape(token string) string {
	if plain, err := url.PathUnescape(token); err == nil {
		token = plain
	}
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}

// integer reads a member that the contract writes as a whole number.
func integer(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}
