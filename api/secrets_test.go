package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// What stands in every field where people write: one word that survives anything, and one with
// letters that JSON, URLs and databases write in other ways.
const (
	bird   = "Kanarienvogel"
	spiced = `Wölfchen "Flora" <&+\>`
	number = "5185559876" // in phone numbers
	born   = "1986-04-17" // when the patients of all scenes were born
)

// secrets is what must not turn up where it does not belong, in all its forms.
type secrets struct{ exact, folded []string }

func (s *secrets) add(texts ...string) {
	for _, text := range texts {
		escaped, _ := json.Marshal(text)
		twice, _ := json.Marshal(string(escaped))
		var raw bytes.Buffer
		e := json.NewEncoder(&raw)
		e.SetEscapeHTML(false)
		_ = e.Encode(text)
		for _, form := range []string{
			text, strings.Trim(string(escaped), `"`), strings.Trim(string(twice), `"\`), strings.Trim(strings.TrimSpace(raw.String()), `"`),
			strings.Trim(strconv.Quote(text), `"`), strings.Trim(strconv.QuoteToASCII(text), `"`),
			url.QueryEscape(text), url.PathEscape(text), hex.EncodeToString([]byte(text)), strings.Trim(fmt.Sprint([]byte(text)), "[]"), //nolint:staticcheck // as a list of numbers is meant
		} {
			s.folded = append(s.folded, strings.ToLower(form))
		}
		for shift := range 3 { // what base64 makes of it depends on what stands before it
			padded := append(bytes.Repeat([]byte{0}, shift), text...)
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				form := encoding.EncodeToString(padded)
				s.exact = append(s.exact, form[4:len(form)-3])
			}
		}
	}
}

// in returns the places where one of them is in the text.
func (s *secrets) in(text string) (found []string) {
	look := func(text, form string) {
		if i := strings.Index(text, form); i >= 0 {
			found = append(found, fmt.Sprintf("%q in …%s…", form, text[max(0, i-400):min(len(text), i+len(form)+200)]))
		}
	}
	for _, form := range slices.Compact(slices.Sorted(slices.Values(s.exact))) {
		look(text, form)
	}
	folded := strings.ToLower(text)
	for _, form := range slices.Compact(slices.Sorted(slices.Values(s.folded))) {
		look(folded, form)
	}
	return found
}

// TestSecretsAreFound: a search that finds nothing proves nothing unless it can find.
func TestSecretsAreFound(t *testing.T) {
	s := &secrets{}
	s.add(bird, spiced)
	for _, text := range []string{bird, spiced} {
		quoted, _ := json.Marshal(map[string]string{"error": "x: " + text})
		again, _ := json.Marshal(string(quoted))
		for _, hidden := range []string{
			"a" + text + "b", strings.ToUpper("a" + text), string(quoted), string(again), url.QueryEscape("?q=" + text), url.PathEscape("a/" + text + "/b"),
			base64.StdEncoding.EncodeToString([]byte(text + "1")), base64.StdEncoding.EncodeToString([]byte("1" + text)),
			base64.URLEncoding.EncodeToString([]byte("12" + text + "3")), fmt.Sprintf("%q", text), fmt.Sprintf("%x", "1"+text), fmt.Sprint([]byte("1" + text + "1")), //nolint:staticcheck // as a list of numbers is meant
		} {
			if len(s.in(hidden)) == 0 {
				t.Errorf("not found in %s", hidden)
			}
		}
	}
	if found := s.in(`{"requestId":"` + uuid.NewString() + `","route":"/v1/patients/:patientId","status":200}`); found != nil {
		t.Errorf("found where nothing is: %s", found)
	}
}
