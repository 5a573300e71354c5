package contract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/problem"
)

const required = `"id":"0198c0de-0000-7000-8000-000000000001","colour":"red"`

// Each case is one member beside the required ones, or a whole body.
func TestBodies(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string // without code; nil: accepted
	}{
		{"not an object", `[]`, []string{"body  type"}},
		{"null", `null`, []string{"body  type"}},
		{"required", `{}`, []string{"body /colour required", "body /id required"}},
		{"required together", `"low":1`, []string{"body /high required"}},
		{"unknown", `"colour2":1`, []string{"body /colour2 unknown_field"}},
		{"unknown in another case", `"Name":"ab"`, []string{"body /Name unknown_field"}},
		{"unknown and unspeakable", `"Maria Huber":1,"a/b":2`, []string{"body  unknown_field"}},
		{"unknown and long", `"` + strings.Repeat("a", 65) + `":1`, []string{"body  unknown_field"}},
		{"never allowed", `"never":1`, []string{"body /never unknown_field"}},
		{"milligrams", `"doseMg":0.5`, nil},
		{"milligrams, three decimals", `"doseMg":100.125`, nil},
		{"milligrams, four decimals", `"doseMg":100.1250`, []string{"body /doseMg format"}},
		{"milligrams, exponent", `"doseMg":1e2`, []string{"body /doseMg format"}},
		{"milligrams, quoted", `"doseMg":"100"`, []string{"body /doseMg type"}},
		{"milligrams, too little", `"doseMg":0.4`, []string{"body /doseMg minimum"}},
		{"milligrams, too much", `"doseMg":300.001`, []string{"body /doseMg maximum"}},
		{"milligrams, out of range", `"doseMg":99999999999999999999`, []string{"body /doseMg format"}},
		{"kilograms", `"weightKg":70.2`, nil},
		{"units", `"units":0.5`, nil},
		{"units, four decimals", `"units":0.0001`, []string{"body /units format"}},
		{"kilograms, four decimals", `"weightKg":70.2001`, []string{"body /weightKg format"}},
		{"integer", `"count":20`, nil},
		{"integer, fraction", `"count":20.5`, []string{"body /count type"}},
		{"integer, decimal point", `"count":20.0`, []string{"body /count type"}},
		{"integer, exponent", `"count":2e1`, []string{"body /count type"}},
		{"integer, 32 bits", `"count":2147483648`, []string{"body /count format"}},
		{"integer, 64 bits", `"big":9223372036854775807`, nil},
		{"integer, 65 bits", `"big":9223372036854775808`, []string{"body /big format"}},
		{"bounds", `"count":19`, []string{"body /count minimum"}},
		{"bounds", `"count":351`, []string{"body /count maximum"}},
		{"number bounds", `"share":0`, []string{"body /share exclusive_minimum"}},
		{"number bounds", `"share":1.5`, []string{"body /share exclusive_maximum"}},
		{"multiple", `"share":0.3`, []string{"body /share multiple_of"}},
		{"text", `"name":"abcd"`, nil},
		{"characters, not bytes", `"name":"ääää"`, []string{"body /name pattern"}},
		{"short", `"name":"a"`, []string{"body /name min_length"}},
		{"long and wrong", `"name":"ABCDE"`, []string{"body /name max_length", "body /name pattern"}},
		{"enum", `"shape":{"shape":"round","radius":1},"colour3":0`, []string{"body /colour3 unknown_field"}},
		{"const", `"same":"other"`, []string{"body /same const"}},
		{"boolean", `"yes":"true"`, []string{"body /yes type"}},
		{"nullable", `"mail":null`, nil},
		{"not nullable", `"name":null`, []string{"body /name type"}},
		{"list", `"list":[1,2,3]`, nil},
		{"list, empty", `"list":[]`, []string{"body /list min_items"}},
		{"list, full", `"list":[1,2,3,4]`, []string{"body /list max_items"}},
		{"list, twice", `"list":[1,1]`, []string{"body /list unique_items"}},
		{"list, item", `"list":[1,"x",2.5]`, []string{"body /list/1 type", "body /list/2 type"}},
		{"contains", `"two":[2]`, []string{"body /two contains"}},
		{"object or null: null", `"address":null`, nil},
		{"object or null: faults of the object", `"address":{"city":"Vienna","zip":1}`, []string{"body /address/city max_length", "body /address/zip unknown_field"}},
		{"object or null: neither", `"address":1`, []string{"body /address one_of"}},
		{"a member that is called like a keyword", `"address":{"city":"Graz","default":1}`, []string{"body /address/default type"}},
		{"either", `"either":"yy"`, []string{"body /either any_of"}},
		{"not", `"notRed":"red"`, []string{"body /notRed not"}},
		{"discriminator", `"shape":{"shape":"Square","side":1}`, nil},
		{"discriminator, faults of the branch", `"shape":{"shape":"round","radius":10,"side":1}`, []string{"body /shape/radius exclusive_maximum", "body /shape/side unknown_field"}},
		{"discriminator missing", `"shape":{"radius":1}`, []string{"body /shape/shape required"}},
		{"discriminator unknown", `"shape":{"shape":"Circle","radius":1}`, []string{"body /shape/shape enum"}},
		{"discriminator of nothing", `"shape":7`, []string{"body /shape type"}},
		{"map", `"answers":{"q-1":3}`, nil},
		{"map, value", `"answers":{"q-1":4,"q-2":"x"}`, []string{"body /answers/q-1 maximum", "body /answers/q-2 type"}},
		{"map, empty", `"answers":{}`, []string{"body /answers min_properties"}},
		{"map, full", `"answers":{"a":1,"b":1,"c":1,"d":1}`, []string{"body /answers max_properties"}},
		{"map, names", `"answers":{"Q":1,"no no":1}`, []string{"body /answers member_name", "body /answers/Q member_name"}},
		{"map, unspeakable name of a wrong value", `"answers":{"a b":{"c":1}}`, []string{"body /answers member_name", "body /answers type"}},
		{"recursion", `"tree":{"branches":[{"branches":[{"x":1}]}]}`, []string{"body /tree/branches/0/branches/0/x unknown_field"}},
		{"allOf", `"both":{"a":"x","b":"y"}`, []string{"body /both/a type", "body /both/b type"}},
	}
	c := load(t)
	for _, test := range tests {
		t.Run(test.name+" "+test.body, func(t *testing.T) {
			body := test.body
			if strings.HasPrefix(body, `"`) {
				body = "{" + required + "," + body + "}"
			}
			want := test.want
			if want != nil {
				want = append([]string{"invalid_request"}, want...)
			}
			got := send(t, c, request("POST", "/v1/things", body, key))
			if diff := cmp.Diff(want, summary(got.problem)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	tests := []struct {
		member    string
		good, bad []string
	}{
		{"id", []string{"0198C0DE-0000-7000-8000-000000000001"},
			[]string{"", "0198c0de000070008000000000000001", "{0198c0de-0000-7000-8000-000000000001}", "urn:uuid:0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-00000000000g"}},
		{"day", []string{"1900-01-01", "2000-02-29", "2200-12-31"},
			[]string{"", "1899-12-31", "2201-01-01", "2001-02-29", "2026-1-1", "26-01-01", "2026-01-01T00:00:00Z", "2026-13-01"}},
		{"at", []string{"2026-01-31T08:00:00Z", "2026-01-31T08:00:00.123456789+14:00", "2026-01-31T23:59:59-11:30", "1900-01-01T00:00:00Z", "2200-12-31T23:59:59Z"},
			[]string{"", "2026-01-31T08:00:00", "2026-01-31 08:00:00Z", "2026-01-31T08:00:60Z", "2026-12-31T23:59:60Z", "2026-01-31T24:00:00Z", "2026-01-31T8:00:00Z",
				"2026-01-31T08:00:00,5Z", "2026-01-31T08:00:00+24:00", "2026-01-31T08:00:00+0200", "2026-02-30T08:00:00Z", "1899-12-31T23:59:59Z",
				"1900-01-01T00:30:00+01:00", "2201-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"}},
		{"zone", []string{"America/New_York", "Europe/Vienna", "UTC", "America/Argentina/Buenos_Aires", "Asia/Kolkata"},
			[]string{"", "Local", "localtime", "Vienna", "Europe/Nowhere", "../etc/passwd", "/etc/localtime", "+02:00", "right/UTC", "posix/UTC", "Factory"}},
		{"mail", []string{"a@b.at", "first.last+tag@sub.example.org"},
			[]string{"", "a", "a@b", "@b.at", "a@", "a b@c.at", "a@b..at", ".a@b.at", "a..b@c.at", "A <a@b.at>", "a@[127.0.0.1]", `"a b"@c.at`,
				strings.Repeat("a", 65) + "@b.at", "a@" + strings.Repeat("b.", 130) + "at"}},
		{"link", []string{"https://example.org/a?b=c"}, []string{"", "example.org", "/a"}},
	}
	c := load(t)
	for _, test := range tests {
		for i, text := range append(test.good, test.bad...) {
			t.Run(test.member+"/"+text, func(t *testing.T) {
				members := map[string]string{"id": `"0198c0de-0000-7000-8000-000000000001"`, "colour": `"red"`}
				members[test.member] = fmt.Sprintf("%q", text)
				var list []string
				for name, value := range members {
					list = append(list, fmt.Sprintf("%q:%s", name, value))
				}
				var want []string
				if i >= len(test.good) {
					want = []string{"invalid_request", "body /" + test.member + " format"}
				}
				got := send(t, c, request("POST", "/v1/things", "{"+strings.Join(list, ",")+"}", key))
				if diff := cmp.Diff(want, summary(got.problem)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestMalformedJSON(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":[`, n/2) + strings.Repeat(`]}`, n/2) }
	tests := []struct{ name, body, want string }{
		{"syntax", `{"a":1,}`, "The body is not valid JSON, at byte 6."},
		{"not JSON", `hello`, "The body is not valid JSON, at byte 0."},
		{"only white space", "  ", "The JSON value is not complete, at byte 0."},
		{"cut off", `{"a":`, "The JSON value is not complete, at byte 5."},
		{"member twice", `{"a":1,"a":2}`, "An object has the same member twice, at byte 7."},
		{"member twice, escaped", `{"a":1,"\u0061":2}`, "An object has the same member twice, at byte 7."},
		{"invalid UTF-8", "{\"a\":\"b\xff\"}", "The body is not valid JSON in UTF-8, at byte 7."},
		{"NUL", `{"a":"\u0000"}`, "A text has a NUL character, at byte 13."},
		{"NUL in a name", `{"a\u0000":1}`, "A text has a NUL character, at byte 10."},
		{"raw NUL", "{\"a\":\"\x00\"}", "The body is not valid JSON, at byte 6."},
		{"lone surrogate", `{"a":"\ud83d"}`, "The body is not valid JSON, at byte 6."},
		{"second half of a surrogate", `{"a":"\ude00x"}`, "The body is not valid JSON, at byte 6."},
		{"something behind", `{} {}`, "Something follows the JSON value, at byte 4."},
		{"syntax error behind", `{} x`, "The body is not valid JSON, at byte 3."},
		{"too deep", nested(34), "The body is nested more than 32 levels deep, at byte 97."},
		{"byte order mark", "\ufeff{}", "The body is not valid JSON, at byte 0."},
		{"many digits", `{"a":` + strings.Repeat("9", 65) + `}`, "A number has too many digits or too large an exponent, at byte 70."},
		{"large exponent", `{"a":1e999999999}`, "A number has too many digits or too large an exponent, at byte 16."},
		{"small exponent", `{"a":1e-201}`, "A number has too many digits or too large an exponent, at byte 11."},
		{"NaN", `{"a":NaN}`, "The body is not valid JSON, at byte 5."},
		{"comment", `{/**/}`, "The body is not valid JSON, at byte 1."},
	}
	c := load(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := send(t, c, request("POST", "/v1/notes", test.body))
			if diff := cmp.Diff([]string{"malformed_json", "body  malformed_json"}, summary(got.problem)); diff != "" {
				t.Fatal(diff)
			}
			if detail := got.problem.Errors[0].Detail; detail != test.want {
				t.Errorf("got %q, want %q", detail, test.want)
			}
		})
	}
	for _, body := range []string{nested(32), `{"a":"\ud83d\ude00 \\u0000"}`, `{"a":1e200}`, "{\"a\":\"\u2028\"}"} {
		if got := send(t, c, request("POST", "/v1/notes", body)); got.problem != nil {
			t.Errorf("%s: %v", body, got.problem.Errors)
		}
	}
}

// Faults name the limit in plain English.
func TestDetails(t *testing.T) {
	const body = `{"id":1,"colour":"blue","doseMg":0.25,"weightKg":1e1,"count":351,"share":2,"name":"A","same":"x",
		"list":[],"answers":{},"mail":7,"day":"x","address":3,"low":1,"extra":0,"two":[3]}`
	want := []problem.Fault{
		{Pointer: "/address", Code: "one_of", Detail: "Matches none of the allowed forms."},
		{Pointer: "/answers", Code: "min_properties", Detail: "Must have at least 1 member."},
		{Pointer: "/colour", Code: "enum", Detail: "Must be one of: red, green."},
		{Pointer: "/count", Code: "maximum", Detail: "Must be at most 350."},
		{Pointer: "/day", Code: "format", Detail: "Must be a calendar day as YYYY-MM-DD, from 1900 to 2200."},
		{Pointer: "/doseMg", Code: "minimum", Detail: "Must be at least 0.5."},
		{Pointer: "/extra", Code: "unknown_field", Detail: "This object has no such member."},
		{Pointer: "/high", Code: "required", Detail: "Is required together with low."},
		{Pointer: "/id", Code: "type", Detail: "Must be a string."},
		{Pointer: "/list", Code: "min_items", Detail: "Must have at least 1 item."},
		{Pointer: "/mail", Code: "type", Detail: "Must be a string or null."},
		{Pointer: "/name", Code: "min_length", Detail: "Must be at least 2 characters long."},
		{Pointer: "/name", Code: "pattern", Detail: "Must match the regular expression ^[a-z]*$."},
		{Pointer: "/same", Code: "const", Detail: "Must be only."},
		{Pointer: "/share", Code: "exclusive_maximum", Detail: "Must be less than 1.5."},
		{Pointer: "/two", Code: "contains", Detail: "Has too few items of a required form."},
		{Pointer: "/weightKg", Code: "format", Detail: "Must be a plain number of kilograms with at most three decimals."},
	}
	for i := range want {
		want[i].In = problem.InBody
	}
	got := send(t, load(t), request("POST", "/v1/things", body, key))
	if diff := cmp.Diff(want, got.problem.Errors); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsAreLimited(t *testing.T) {
	var body strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&body, `"m%04d":0,`, i)
	}
	got := send(t, load(t), request("POST", "/v1/things", "{"+body.String()+required+"}", key))
	if n := len(got.problem.Errors); n != 100 || got.problem.Errors[99].Pointer != "/m0099" {
		t.Errorf("got %d faults, the last %v", n, got.problem.Errors[n-1])
	}
}
