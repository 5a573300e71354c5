package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxDepth  = 32 // of arrays and objects inside each other
	maxDigits = 64 // characters of a number
)

// numberText is a number as JSON writes it.
var numberText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// A syntaxError says why and where parsing stopped, without what stood there.
type syntaxError struct {
	reason string
	offset int64
}

// Error is fit for the client.
func (e *syntaxError) Error() string {
	return fmt.Sprintf("%s, at byte %d.", e.reason, e.offset)
}

// parseJSON reads one JSON value: objects as map[string]any, numbers as json.Number. It
// refuses what two readers could understand differently: a member twice, invalid UTF-8,
// unpaired surrogates, NUL, data after the value, and numbers too large for any of them.
func parseJSON(data []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	v, err := parseValue(d)
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return v, nil
		}
		if err == nil {
			err = &syntaxError{"Something follows the JSON value", d.InputOffset()}
		}
	}
	if own, ok := errors.AsType[*syntaxError](err); ok {
		return nil, own
	}
	reason, offset := "The body is not valid JSON", d.InputOffset()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = syntax.ByteOffset
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		reason = "An object has the same member twice"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		reason = "The JSON value is not complete"
	case !utf8.Valid(data):
		reason = "The body is not valid JSON in UTF-8"
	}
	return nil, &syntaxError{reason, offset}
}

func parseValue(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{', '[':
		if d.StackDepth() > maxDepth {
			return nil, &syntaxError{fmt.Sprintf("The body is nested more than %d levels deep", maxDepth), d.InputOffset()}
		}
		if token.Kind() == '{' {
			return parseObject(d)
		}
		return parseArray(d)
	case '"':
		return text(d, token)
	case '0':
		if s := token.String(); ordinaryNumber(s) {
			return json.Number(s), nil
		}
		return nil, &syntaxError{"A number has too many digits or too large an exponent", d.InputOffset()}
	case 't', 'f':
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

func parseObject(d *jsontext.Decoder) (any, error) {
	object := map[string]any{}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name, err := text(d, token)
		if err != nil {
			return nil, err
		}
		if object[name], err = parseValue(d); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return object, err
}

func parseArray(d *jsontext.Decoder) (any, error) {
	array := []any{}
	for d.PeekKind() != ']' {
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.ReadToken()
	return array, err
}

// text refuses NUL, which PostgreSQL cannot store.
func text(d *jsontext.Decoder, token jsontext.Token) (string, error) {
	s := token.String()
	if strings.IndexByte(s, 0) >= 0 {
		return "", &syntaxError{"A text has a NUL character", d.InputOffset()}
	}
	return s, nil
}

// ordinaryNumber refuses JSON numbers that cost time or memory to compare, or that a
// float64 cannot hold.
func ordinaryNumber(s string) bool {
	if len(s) > maxDigits {
		return false
	}
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return true
	}
	exponent, err := strconv.Atoi(s[i+1:])
	return err == nil && exponent >= -200 && exponent <= 200
}

// appendCanonical writes a parsed value with its members sorted, without white space, and
// with numbers as they were sent.
func appendCanonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		dst = append(dst, '{')
		names := slices.AppendSeq(make([]string, 0, len(v)), maps.Keys(v))
		slices.Sort(names)
		for i, name := range names {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, name), ':')
			dst = appendCanonical(dst, v[name])
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendCanonical(dst, item)
		}
		return append(dst, ']')
	case string:
		return appendText(dst, v)
	case json.Number:
		return append(dst, v...)
	case bool:
		return strconv.AppendBool(dst, v)
	default:
		return append(dst, "null"...)
	}
}

// appendText never fails: what was parsed is valid UTF-8.
func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
