package api_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// keeps has a server keep its checkpoints in its data folder, on PostgreSQL too.
func keeps(c *api.Config) { c.CheckpointFile = filepath.Join(c.Data, "checkpoints.jsonl") }

// TestRestore: what was backed up while the server wrote is whole, and what was revoked after the backup stays
// revoked when it is restored.
func TestRestore(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Restored")
		gone := c.Staff(t, "gone", client.StaffRoleClinician)
		less := c.Staff(t, "less", client.StaffRoleClinician, client.StaffRoleAdmin)
		scene := c.For(t, "withdrawConsent")
		ticket := scene.Ticket(t)
		hook := c.For(t, "testWebhookEndpoint")
		expect(t, "to be sent", hook.Do(t, c.Admin, "testWebhookEndpoint", nil), 201, "")
		removed := c.For(t, "removeWebhookEndpoint")
		decide := func(operation string, version int, path, body map[string]any) {
			t.Helper()
			ids := map[string]string{}
			for name, id := range path {
				ids[name] = fmt.Sprint(id)
			}
			s.Must(t, apitest.Call{Operation: operation, Token: c.Admin.Token, Path: ids, Body: body, Header: map[string]string{"If-Match": fmt.Sprintf(`"%d"`, version)}})
		}
		licence := func(state, number, expires string) object {
			return object{"state": state, "number": number, "expires": expires}
		}
		decide("updateStaff", 2, object{"staffId": less.ID}, object{
			"licences":         []object{licence("VT", "VT-1", "2027-12-31"), licence("NH", "NH-1", "2027-12-31"), licence("ME", "ME-1", "2027-12-31")},
			"deaRegistrations": []object{licence("VT", "AB1234563", "2027-12-31")},
		})
		copied := backUp(t, s, c)

		s.Clock.Advance(time.Minute)
		decide("deactivateStaff", 2, object{"staffId": gone.ID}, object{"reason": "Left."})
		decide("updateStaff", 3, object{"staffId": less.ID}, object{
			"roles": []string{"admin"}, "deaRegistrations": []object{},
			"licences": []object{licence("VT", "VT-1", "2027-01-31"), licence("NH", "NH-2", "2028-12-31"), licence("ME", "ME-1", "2028-12-31")},
		})
		expect(t, "withdrawn", scene.Do(t, scene.Patient, "withdrawConsent", scene.Fact("reason", "Enough.")), 201, "")
		expect(t, "removed", scene.Do(t, scene.Patient, "removeSupportPerson", object{"reason": "Moved."}), 200, "")
		expect(t, "an endpoint is removed", removed.Do(t, c.Admin, "removeWebhookEndpoint", nil), 200, "")
		attest(t, s)

		there, r := restore(t, s, copied)
		if len(r.Faults) > 0 || r.Lost == 0 || r.Entries == 0 {
			t.Errorf("restored: %d entries, %d lost, %v", r.Entries, r.Lost, r.Faults)
		}
		for _, done := range []string{"deactivateStaff " + gone.ID.String(), "updateStaff " + less.ID.String(), "withdrawConsent " + scene.IDs["consent"], "removeSupportPerson " + scene.IDs["supportPerson"],
			"removeWebhookEndpoint " + removed.IDs["webhookEndpoint"]} {
			if !strings.Contains(strings.Join(r.Lines, "\n"), done+" done again") {
				t.Errorf("%s is not done again:\n%s", done, strings.Join(r.Lines, "\n"))
			}
		}
		there.Clock.Advance(time.Minute)
		ask := func(operation, token string) apitest.Answer {
			t.Helper()
			return there.Do(t, apitest.Call{Operation: operation, Token: token, Path: scene.Call(t, operation).Path})
		}
		expect(t, "deactivated", ask("listPatients", gone.Token), 403, problem.NoMembership)
		expect(t, "without the role", ask("listAlerts", less.Token), 403, problem.Forbidden)
		expect(t, "with the other one", ask("listAuditEntries", less.Token), 200, "")
		left := there.Must(t, apitest.Call{Operation: "showStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": less.ID.String()}})
		want := []any{map[string]any{"state": "VT", "number": "VT-1", "expires": "2027-01-31"}, map[string]any{"state": "ME", "number": "ME-1", "expires": "2027-12-31"}}
		if diff := cmp.Diff(map[string]any{"licences": want, "deaRegistrations": []any{}}, map[string]any{"licences": left.JSON("licences"), "deaRegistrations": left.JSON("deaRegistrations")}); diff != "" {
			t.Errorf("credentials that were taken (-want +got):\n%s", diff)
		}
		if got := ask("showConsent", scene.Patient.Token); got.Text("status") != "withdrawn" {
			t.Errorf("the consent: %d %s", got.Status, got.Body)
		}
		if got := ask("showSupportPerson", scene.Patient.Token); got.Text("status") != "removed" {
			t.Errorf("the support person: %d %s", got.Status, got.Body)
		}
		shown := apitest.Call{Operation: "showSession", Ticket: ticket, Path: map[string]string{"sessionId": scene.IDs["session"]}}
		expect(t, "the ticket", there.Do(t, shown), 401, problem.Unauthenticated)

		sending := func(status string) int {
			return len(there.Must(t, apitest.Call{Operation: "listDeliveries", Token: c.Admin.Token, Query: "status=" + status}).Items())
		}
		if sending("pending") != 0 || sending("parked") == 0 {
			t.Errorf("%d deliveries are pending, %d parked", sending("pending"), sending("parked"))
		}
		attest(t, there)
		again := verified(t, there.Config)
		if len(again.Faults) > 0 {
			t.Errorf("after it was served: %v", again.Faults)
		}
		entries := there.Must(t, apitest.Call{Operation: "listAuditEntries", Token: c.Admin.Token, Query: "operation=restored&actorKind=system"}).Items()
		if len(entries) != 6 { // what was done again, and the note
			t.Errorf("%d entries say that it was restored", len(entries))
		}
	}, keeps)
}

// TestRestoredEvents: who comes back to the events behind what was lost in a restore is told, even when others have got
// the numbers; who has read less goes on as ever.
func TestRestoredEvents(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Restored")
		patient := c.Patient(t, "Lind")
		weigh(t, s, patient)
		s.Pass(t, 0)
		list := func(s *apitest.Site, query string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "listEvents", Token: c.Prescriber.Token, Query: query})
		}
		// A reader who knows all but the last, and one who reads page by page.
		before := eventsOf(t, c.Prescriber)
		kept := before[len(before)-2]
		page := "limit=1&cursor=" + list(s, "limit=1").Text("nextCursor")
		want := list(s, page).Items()
		copied := backUp(t, s, c)
		for range 3 {
			weigh(t, s, patient)
		}
		attest(t, s)
		place := strings.TrimPrefix(listen(t, s.URL, c.Prescriber.Token).until("id: "), "id: ")
		all := eventsOf(t, c.Prescriber)
		last := all[len(all)-1]
		number := func(id string) (n int64) {
			n, err := strconv.ParseInt(strings.Split(id, "-")[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		tail := fmt.Sprintf("after=%d&limit=1", number(all[len(all)-3]))
		lost := tail + "&cursor=" + list(s, tail).Text("nextCursor")

		there, r := restore(t, s, copied)
		if r.Lost == 0 {
			t.Fatal("nothing is lost")
		}
		refused := func(when string) {
			t.Helper()
			for _, id := range []string{last, place} {
				got := there.Do(t, apitest.Call{Operation: "streamEvents", Token: c.Prescriber.Token, Header: map[string]string{"Last-Event-ID": id}})
				expect(t, when+": a stream after "+id, got, 410, problem.ResyncRequired)
			}
			expect(t, when+": the next page", list(there, lost), 410, problem.ResyncRequired)
		}
		refused("before the number was given again")
		reader := &apitest.Person{ClientWithResponses: there.Client(t, c.Prescriber.Token)}
		var now []string
		for len(now) == 0 || number(now[len(now)-1]) <= number(place) {
			weigh(t, there, patient)
			there.Pass(t, 0)
			now = eventsOf(t, reader)
		}
		if slices.Contains(now, last) {
			t.Errorf("another event is %s too", last)
		}
		refused("after the number was given again")
		if got := list(there, page).Items(); !reflect.DeepEqual(got, want) {
			t.Errorf("the next page of an old cursor: %v, want %v", got, want)
		}
		l := listen(t, there.URL, c.Prescriber.Token, "Last-Event-ID", kept)
		if begun, next := l.until("id: "), l.until("id: "); begun != "id: "+kept || next != "id: "+before[len(before)-1] {
			t.Errorf("after %s: %q, %q", kept, begun, next)
		}
	}, keeps, impatient)
}

// attest gives what was done its numbers and keeps a checkpoint of it.
func attest(t *testing.T, s *apitest.Site) {
	t.Helper()
	s.Pass(t, 0)
	if err := api.KeepCheckpoints(t.Context(), s.Server); err != nil {
		t.Fatal(err)
	}
}

// backUp copies the database while people write.
func backUp(t *testing.T, s *apitest.Site, c *apitest.Clinic) (file string) {
	t.Helper()
	attest(t, s)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 4 {
		scene := c.For(t, "recordMeasurement")
		begun := make(chan struct{})
		writers.Go(func() {
			for i := 0; ; i++ {
				scene.Do(t, scene.Patient, "recordMeasurement", scene.Fact("weightKg", 70.5))
				if i == 0 {
					close(begun)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		<-begun
	}
	defer writers.Wait()
	defer close(stop)
	file = filepath.Join(t.TempDir(), "backup")
	if s.Config.DatabaseURL == "" {
		if err := api.Backup(t.Context(), s.Config, file); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup: %v %v", info, err)
		}
		if err := api.Backup(t.Context(), s.Config, file); err == nil || !strings.Contains(err.Error(), "overwrites nothing") {
			t.Errorf("a backup over a backup: %v", err)
		}
		return file
	}
	dump(t, "pg_dump", "--enable-row-security", "--format=custom", "--file", file, testbed.Owner(t, s.Config.DatabaseURL))
	return file
}

// dump runs a program of PostgreSQL.
func dump(t testing.TB, program string, args ...string) {
	t.Helper()
	if err := run(testbed.Program(program), args...); err != nil {
		t.Fatal(err)
	}
}

func run(program string, args ...string) error {
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, out)
	}
	return nil
}

// restore makes a new database of a backup, prepares it as an operator does, and serves it to the same people.
func restore(t *testing.T, s *apitest.Site, file string) (*apitest.Site, *api.Restoration) {
	t.Helper()
	cfg := s.Config
	cfg.Data = t.TempDir()
	dsn := filepath.Join(cfg.Data, "titrate.db")
	cfg.SigningKeyFile = filepath.Join(s.Config.Data, "signing.key")
	if s.Config.DatabaseURL == "" {
		if err := errors.Join(os.Link(file, dsn), os.Chmod(dsn, 0o600)); err != nil {
			t.Fatal(err)
		}
	} else {
		dsn, cfg.DatabaseURL = testbed.Clone(t, "restored"+strings.ReplaceAll(uuid.NewString(), "-", ""), func(owner string) error {
			return run(testbed.Program("pg_restore"), "--exit-on-error", "--dbname", owner, file)
		})
	}
	served := cfg
	served.CheckpointFile = "" // the copy itself says what it is
	if cfg.DatabaseURL != "" {
		served.DatabaseURL, served.CheckpointFile = dsn, s.Config.CheckpointFile
	}
	if err := serves(t, served); err == nil || !strings.Contains(err.Error(), `run "titrate restored" first`) {
		t.Errorf("served before it was prepared: %v", err)
	}
	cfg.CheckpointFile = ""
	r := prepared(t, cfg, s.Config.CheckpointFile)
	if err := serves(t, served); err != nil {
		t.Errorf("not served after it was prepared: %v", err)
	}
	refusesAnotherKey(t, served, cfg)
	there := apitest.New(t, dsn, func(c *api.Config) {
		c.Data, c.SigningKeyFile, c.Now = cfg.Data, cfg.SigningKeyFile, s.Clock.Now
		c.OIDCIssuer, c.OIDCJWKSURL, c.Relaxed = cfg.OIDCIssuer, cfg.OIDCJWKSURL, true
		keeps(c)
	})
	there.Clock = s.Clock
	return there, r
}

// refusesAnotherKey: seals of another key after those that are there would leave chains that no key verifies. Somebody who
// is not the owner does not see what there is to verify.
func refusesAnotherKey(t *testing.T, served, owner api.Config) {
	t.Helper()
	elsewhere := api.Config{Data: t.TempDir()}
	if server, err := api.Open(t.Context(), elsewhere); err != nil || server.Close() != nil {
		t.Fatal(err)
	}
	served.SigningKeyFile = filepath.Join(elsewhere.Data, "signing.key")
	owner.SigningKeyFile = served.SigningKeyFile
	const want = "sealed with another signing key"
	if err := serves(t, served); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("served with another key: %v", err)
	}
	server, err := api.OpenToVerify(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.Restored(t.Context(), true)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("restored with another key: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if served.DatabaseURL == "" {
		return
	}
	if _, err := api.OpenToVerify(t.Context(), served); err == nil || !strings.Contains(err.Error(), "does not own the tables") {
		t.Errorf("verified by who is not the owner: %v", err)
	}
}

// serves begins to serve what is in a folder, and ends when it could be asked.
func serves(t *testing.T, cfg api.Config) error {
	t.Helper()
	cfg.ListenAddr = "127.0.0.1:0"
	server, err := api.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	return errors.Join(server.Run(ctx, func(net.Addr) { stop() }), server.Close())
}

// prepared runs what `titrate restored` does.
func prepared(t *testing.T, cfg api.Config, checkpoints string) *api.Restoration {
	t.Helper()
	server, err := api.OpenToVerify(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := server.Restored(t.Context(), false, checkpoints)
	if err = errors.Join(err, server.Close()); err != nil {
		t.Fatal(err)
	}
	return r
}

func verified(t *testing.T, cfg api.Config) *api.Verification {
	t.Helper()
	if cfg.DatabaseURL != "" {
		cfg.DatabaseURL = testbed.Owner(t, cfg.DatabaseURL)
	}
	server, err := api.OpenToVerify(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	v, err := server.VerifyAudit(t.Context())
	if err = errors.Join(err, server.Close()); err != nil {
		t.Fatal(err)
	}
	return v
}
