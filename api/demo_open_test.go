package api

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestOpenDemoRefuses(t *testing.T) {
	foreign := t.TempDir()
	plain, err := Open(t.Context(), Config{Data: foreign})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cfg  Config
		o    DemoOptions
		want string
	}{
		{"production", Config{Env: production}, DemoOptions{}, "not for production"},
		{"PostgreSQL", Config{DatabaseURL: "postgres://localhost/x"}, DemoOptions{}, "DATABASE_URL"},
		{"a provider", Config{OIDCIssuer: "https://id.example.org", OIDCAudience: "x"}, DemoOptions{}, "OIDC_ISSUER"},
		{"no day", Config{}, DemoOptions{Today: "yesterday"}, "2026-11-20"},
		{"the future", Config{}, DemoOptions{Today: "2026-11-21"}, "future"},
		{"somebody's database", Config{Data: foreign}, DemoOptions{}, "--reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Data = cmp.Or(c.cfg.Data, t.TempDir())
			c.cfg.Now = func() time.Time { return demoNow }
			s, err := OpenDemo(t.Context(), c.cfg, c.o)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %s", err, c.want)
			}
		})
	}
}

func TestDemoFiles(t *testing.T) {
	cfg := Config{Data: filepath.Join(t.TempDir(), "new")}
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	is := func(what string, reset, want bool) {
		t.Helper()
		got, err := cfg.demoFiles(reset)
		if err != nil || got != want {
			t.Errorf("%s: fresh %v, %v; want %v", what, got, err, want)
		}
		_, missing := os.Stat(cfg.demoDatabase())
		if want != (missing != nil) {
			t.Errorf("%s: database is there: %v", what, missing == nil)
		}
	}
	is("no folder", false, true)
	write(cfg.demoDatabase())
	is("cut off while it was filled", false, true)
	write(cfg.demoDatabase())
	if err := os.Remove(cfg.demoUnfinished()); err != nil {
		t.Fatal(err)
	}
	is("filled", false, false)
	is("reset", true, true)
}

func TestDemoPersonsFollowTheSeed(t *testing.T) {
	names := func(seed uint64) (list []string) {
		for _, p := range demoPersons(len(demoStories), demoRandom(seed, -2)) {
			list = append(list, p.given+" "+p.family)
		}
		return list
	}
	one, again, two := names(1), names(1), names(2)
	if diff := gocmp.Diff(one, again); diff != "" {
		t.Error(diff)
	}
	if slices.Equal(one, two) || one[0] != two[0] || one[0] != "Maya Lindqvist" {
		t.Errorf("seeds 1 and 2: %v %v", one, two)
	}
	slices.Sort(one)
	if got, want := len(slices.Compact(one)), len(demoStories); got != want {
		t.Errorf("%d different people, want %d", got, want)
	}
}

func TestUUIDAt(t *testing.T) {
	at := time.Date(2026, 5, 9, 13, 0, 0, 123e6, time.UTC)
	id := uuidAt(at, demoRandom(1, 1))
	if id.Version() != 7 || id.Variant() != uuid.RFC4122 || !time.Unix(id.Time().UnixTime()).Equal(at) {
		t.Errorf("%v: version %v, variant %v, time %v", id, id.Version(), id.Variant(), time.Unix(id.Time().UnixTime()).UTC())
	}
	if again := uuidAt(at, demoRandom(1, 1)); again != id {
		t.Errorf("%v, then %v", id, again)
	}
}

func TestQuoted(t *testing.T) {
	for _, text := range []string{"", "a b", "it's", `"$HOME" \ ` + "`x`"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q: got %q, %v", text, out, err)
		}
	}
}
