package api

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// revocation is a right that was taken from somebody, as it stands in a file beside the checkpoints: a database
// that is restored from before does not know of it. It names nobody but by ids, and credentials by a digest.
type revocation struct {
	Clinic    uuid.UUID `json:"clinic"`
	Operation string    `json:"operation"`
	ID        uuid.UUID `json:"id"` // of the record that the operation changed
	At        time.Time `json:"at"` // when it did
	Roles     []string  `json:"roles,omitempty"`
	// Credentials are those that somebody was left, with the last day of each.
	Credentials map[string]string `json:"credentials,omitempty"`
}

// revoking are the operations that take a right from somebody, with how it is taken again. They say false if
// the record has nothing to take any more.
var revoking = map[string]func(*store.Tx, *revocation) (bool, error){
	"deactivateStaff":     deactivateAgain,
	"updateStaff":         takeStaffRightsAgain,
	"withdrawConsent":     withdrawAgain,
	"removeSupportPerson": removeAgain,

	"removeWebhookEndpoint": removeEndpointAgain,
	"updateWebhookEndpoint": pauseEndpoint,
	"rotateWebhookSecret":   pauseEndpoint,
}

// revocationFile is where revocations are kept: beside the checkpoints; none: "".
func revocationFile(checkpointFile string) string {
	if checkpointFile == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(checkpointFile), "revocations.jsonl")
}

// keepRevocation has a revocation on the disk before anybody is told that it was done. Should that fail, its
// sender does not know, and repeats it.
func (s *Server) keepRevocation(op *operation, call *call, b *buffer) error {
	file := revocationFile(s.checkpoints.file)
	if revoking[op.ID] == nil || file == "" || call.dry || b.status >= http.StatusMultipleChoices {
		return nil
	}
	var done struct {
		UpdatedAt        time.Time
		Roles            []string
		Licences         []oapi.Credential
		DeaRegistrations []oapi.Credential
		WebhookEndpoint  struct{ UpdatedAt time.Time } // beside a new secret
	}
	if err := json.Unmarshal(b.body.Bytes(), &done); err != nil {
		return err
	}
	r := revocation{
		Clinic: call.who.clinic, Operation: op.ID, ID: call.target, At: cmp.Or(done.UpdatedAt, done.WebhookEndpoint.UpdatedAt),
		Roles: done.Roles, Credentials: map[string]string{},
	}
	for _, c := range credentialsIn(done.Licences, done.DeaRegistrations) {
		r.Credentials[credentialDigest(&c)] = c.Expires
	}
	if err := appendDurably(file, append(mustJSON(r), '\n')); err != nil {
		return fmt.Errorf("%w: keep a revocation: %w", store.ErrOutcomeUnknown, err)
	}
	return nil
}

// readRevocations reads a file's lines; no file is none. A line that a power cut has left unfinished was never
// confirmed.
func readRevocations(file string) (list []revocation, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("revocations: %w", err)
	}
	for line := range bytes.Lines(text) {
		var r revocation
		if json.Unmarshal(line, &r) == nil && revoking[r.Operation] != nil {
			list = append(list, r)
		}
	}
	return list, nil
}

func deactivateAgain(tx *store.Tx, r *revocation) (bool, error) {
	m, err := tx.StaffMember(r.ID)
	if err != nil || m.Status != store.StaffActive {
		return false, err
	}
	m.Status, m.StatusReason = store.StaffDeactivated, new("Was deactivated before the database was restored.")
	return true, tx.ChangeStaff("staff.deactivated", m)
}

// takeStaffRightsAgain leaves somebody the roles and credentials that they had afterwards, and gives none.
func takeStaffRightsAgain(tx *store.Tx, r *revocation) (bool, error) {
	m, err := tx.StaffMember(r.ID)
	if err != nil || m.Status != store.StaffActive || !r.after(m.UpdatedAt) {
		return false, err
	}
	roles := slices.DeleteFunc(m.Roles(), func(role string) bool { return !slices.Contains(r.Roles, role) })
	credentials := slices.DeleteFunc(slices.Clone(m.Credentials), func(c store.Credential) bool { return r.Credentials[credentialDigest(&c)] == "" })
	for i := range credentials { // days are compared as text
		credentials[i].Expires = min(credentials[i].Expires, r.Credentials[credentialDigest(&credentials[i])])
	}
	if len(roles) == len(m.Roles()) && slices.Equal(credentials, m.Credentials) {
		return false, nil
	}
	m.SetRoles(roles)
	m.Credentials = credentials
	return true, tx.ChangeStaff("staff.updated", m)
}

func credentialDigest(c *store.Credential) string {
	sum := digest(c.Kind, c.State, c.Number)
	return hex.EncodeToString(sum[:16])
}

func withdrawAgain(tx *store.Tx, r *revocation) (bool, error) {
	if _, err := tx.LockPatient(store.Ref{Param: "consentId", ID: r.ID}); err != nil {
		return false, err
	}
	c, err := tx.Consent(r.ID)
	if err != nil || c.StatusAt(tx.Now) != treatment.ConsentSigned || !r.after(c.UpdatedAt) {
		return false, err
	}
	if c.Consent, err = c.Withdraw("Was withdrawn before the database was restored.", r.At, tx.Now); err != nil {
		return false, err
	}
	if err := tx.Change("consent.withdrawn", c); err != nil {
		return false, err
	}
	return true, stopWithout(tx, c)
}

func removeAgain(tx *store.Tx, r *revocation) (bool, error) {
	if _, err := tx.LockPatient(store.Ref{Param: "supportPersonId", ID: r.ID}); err != nil {
		return false, err
	}
	p, err := store.Find[store.SupportPerson](tx, r.ID)
	if err != nil || p.RemovedAt != nil {
		return false, err
	}
	if p.SupportPerson, err = p.Remove("Was removed before the database was restored.", tx.Now); err != nil {
		return false, err
	}
	return true, tx.Change("supportPerson.removed", p)
}

func removeEndpointAgain(tx *store.Tx, r *revocation) (bool, error) {
	w, err := tx.WebhookEndpoint(r.ID)
	if err != nil || w.Status == store.WebhookRemoved {
		return false, err
	}
	return true, removeEndpoint(tx, w)
}

// pauseEndpoint waits for an admin where an endpoint has got another address or another secret, or was switched
// off: what is known is not what it was.
func pauseEndpoint(tx *store.Tx, r *revocation) (bool, error) {
	w, err := tx.WebhookEndpoint(r.ID)
	if err != nil || w.Status == store.WebhookRemoved || w.Status == store.WebhookDisabled || !r.after(w.UpdatedAt) {
		return false, err
	}
	w.Status, w.DisabledReason = store.WebhookDisabled, new(store.WebhookPaused)
	return true, tx.ChangeWebhookEndpoint("webhookEndpoint.updated", w)
}

// after reports whether it was done after a record's last change that the restored database knows: what was
// given again since then stays given.
func (r *revocation) after(changed time.Time) bool { return r.At.After(changed) }
