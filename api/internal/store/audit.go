package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/audit"
)

// EntryFilter says which numbered entries a list has. What is zero does not matter.
type EntryFilter struct {
	From, Until   time.Time // of the operation's clock: not before From, before Until
	Actor         Actor     // of this kind; with an ID this one, of any kind if none is said
	Operation     string
	Outcome       Outcome
	Patient       uuid.UUID // about this patient, also among others
	Record        string    // the table of RecordID
	RecordID      uuid.UUID
	RequestID     string
	After, Before int64 // of the numbers
	Onward        bool  // in the order of the numbers; also with After
}

// Mention says that an entry shows a patient among others.
type Mention struct {
	ClinicID  uuid.UUID `gorm:"primaryKey"`
	PatientID uuid.UUID `gorm:"primaryKey"`
	At        time.Time `gorm:"primaryKey"`
	ID        uuid.UUID `gorm:"primaryKey"` // the entry
}

// TableName is where gorm finds mentions.
func (Mention) TableName() string { return "journal_patients" }

// mentions returns the statement that is to be committed with an entry that shows several patients, none
// if there are none: it finds the entry among each one's disclosures. Whose the data was follows from the
// records that the entry names, too: what is hashed is the entry.
func mentions(clinic, entry uuid.UUID, at time.Time, o Outcome, patients []uuid.UUID) []statement {
	patients = slices.Compact(slices.SortedFunc(slices.Values(patients), func(a, b uuid.UUID) int {
		return slices.Compare(a[:], b[:])
	}))
	if len(patients) == 0 {
		return nil
	}
	args := []any{clinic, at, entry, o == OutcomeDone}
	rows := make([]string, len(patients))
	for i, p := range patients {
		args = append(args, p)
		rows[i] = fmt.Sprintf("($1, $%d, $2, $3, $4)", len(args))
	}
	return []statement{{"INSERT INTO journal_patients (clinic_id, patient_id, at, id, done) VALUES " + strings.Join(rows, ", "), args}}
}

// ListEntries returns a page of the clinic's numbered entries, the newest first.
func (tx *Tx) ListEntries(f EntryFilter, p Page) ([]Entry, *Key, error) {
	limit := cmp.Or(p.Limit, DefaultLimit)
	f.Onward = f.Onward || f.After > 0
	switch {
	case p.After != nil && f.Onward:
		f.After = p.After.Number
	case p.After != nil:
		f.Before = p.After.Number
	}
	found := false
	if f.RecordID != uuid.Nil && f.Patient == uuid.Nil {
		var err error
		if f.Patient, err = tx.patientOfRecord(f.Record, f.RecordID); err != nil {
			return nil, nil, err
		}
		found = f.Patient != uuid.Nil
	}
	if err := tx.narrow(&f); err != nil {
		return nil, nil, err
	}
	var rows []Entry
	for _, q := range tx.parts(f, found) {
		some, err := many[Entry](q.Limit(limit + 1))
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b Entry) int {
		if f.Onward {
			a, b = b, a
		}
		return cmp.Compare(*b.Seq, *a.Seq)
	})
	rows = slices.CompactFunc(rows, func(a, b Entry) bool { return *a.Seq == *b.Seq })
	if len(rows) <= limit {
		return rows, nil, nil
	}
	return rows[:limit], &Key{Number: *rows[limit-1].Seq}, nil
}

// parts are the queries that a list is put together from, each of which an index answers; one may find what another
// has found. Of a record whose patient was found the list also has what was denied: whoever may not see a record is
// not told whose it is, and neither is the journal.
func (tx *Tx) parts(f EntryFilter, found bool) []*gorm.DB {
	q := f.apply(tx.orm).Session(&gorm.Session{})
	if f.Patient == uuid.Nil {
		return []*gorm.DB{q}
	}
	among := tx.orm.Model(&Mention{}).Select("id").Where("patient_id = ?", f.Patient)
	list := []*gorm.DB{q.Where("patient_id = ?", f.Patient), q.Where("id IN (?)", among)}
	if found && (f.Outcome == "" || f.Outcome == OutcomeDenied) {
		f.Outcome = OutcomeDenied
		list = append(list, f.apply(tx.orm))
	}
	return list
}

func (f EntryFilter) apply(q *gorm.DB) *gorm.DB {
	q = f.times(q)
	where := func(asked bool, condition string, value ...any) {
		if asked {
			q = q.Where(condition, value...)
		}
	}
	switch {
	case f.Actor.ID != uuid.Nil && f.Actor.Kind == "":
		q = q.Where("actor IN ?", []string{
			Actor{ActorStaff, f.Actor.ID}.String(), Actor{ActorPatient, f.Actor.ID}.String(), Actor{ActorSupportPerson, f.Actor.ID}.String(),
		})
	case f.Actor.ID != uuid.Nil, f.Actor.Kind != "" && ofKind[f.Actor.Kind] == "":
		q = q.Where("actor = ?", f.Actor.String())
	case f.Actor.Kind != "":
		q = q.Where(ofKind[f.Actor.Kind])
	}
	where(f.Operation != "", "operation = ?", f.Operation)
	where(f.Outcome != "", "outcome = ?", f.Outcome)
	where(slices.Contains(rareOutcomes, f.Outcome), rarely)
	where(f.RequestID != "", "request_id = ?", f.RequestID)
	where(f.Record != "" || f.RecordID != uuid.Nil, "events LIKE ?", f.inEvents())
	where(f.Before > 0, "seq < ?", f.Before)
	where(f.After > 0 || f.Before == 0, "seq > ?", f.After) // numbers begin with 1; what has none is not smaller either
	if f.Onward {
		return q.Order("seq")
	}
	return q.Order("seq DESC")
}

// ofKind are the conditions for an actor's kind: ranges, which row-level security lets an index answer, and for
// those that may be rare in the words of their indexes. Staff never are.
var ofKind = map[string]string{
	ActorStaff:         "actor >= 'staff:' AND actor < 'staff;'",
	ActorPatient:       "actor >= 'patient:' AND actor < 'patient;'",
	ActorSupportPerson: "actor >= 'supportPerson:' AND actor < 'supportPerson;'",
}

// rarely is the condition of the index on rareOutcomes, in its words: whether a parameter meets it, a planner
// cannot know.
const rarely = "outcome IN ('dryRun', 'replayed', 'refused', 'denied')"

var rareOutcomes = []Outcome{OutcomeDryRun, OutcomeReplayed, OutcomeRefused, OutcomeDenied}

// inEvents is how the record stands in an entry, as [Event] is written there.
func (f EntryFilter) inEvents() string {
	pattern := "%"
	if f.Record != "" {
		pattern += `"record":"` + f.Record + `",`
	}
	if f.RecordID != uuid.Nil {
		pattern += `"id":"` + f.RecordID.String() + `"`
	}
	return pattern + "%"
}

// patientOfRecord is whose a record is, so that it has to be looked for among that patient's entries only; nobody's
// if it is no patient's, was never written, or is not alone. Without a table it is looked for in each.
func (tx *Tx) patientOfRecord(table string, id uuid.UUID) (uuid.UUID, error) {
	tables := []string{table}
	if table == "" {
		tables = nil
		for _, row := range versioned {
			s, err := tx.parse(row)
			if err != nil {
				return uuid.Nil, err
			}
			tables = append(tables, s.Table)
		}
	}
	args, probes := []any{tx.scope.Clinic, id}, []string{} // with IN, SQLite would walk through all patients
	for _, table := range tables {
		args = append(args, table)
		probes = append(probes, fmt.Sprintf(`SELECT patient_id FROM history WHERE clinic_id = $1 AND record = $%d AND record_id = $2 AND version = 1`, len(args)))
	}
	owners, err := tx.ids(strings.Join(probes, " UNION ALL "), args...)
	if err != nil || len(slices.Compact(owners)) != 1 {
		return uuid.Nil, err
	}
	return owners[0], nil
}

// narrow turns a stretch of time into the numbers that lie in it: nearly those between two numbers, as they
// rise with time, but each begun before others that were committed first. A list of what is long past would
// otherwise walk through everything since.
func (tx *Tx) narrow(f *EntryFilter) error {
	if f.Until.IsZero() || f.From.IsZero() && f.Before > 0 {
		return nil
	}
	var found struct{ First, Last *int64 }
	// Added to, so that no planner looks for the smallest number instead of for the times.
	err := f.times(tx.orm.Model(&Entry{}).Where("seq IS NOT NULL")).Select("min(seq + 0) AS first, max(seq + 0) AS last").Scan(&found).Error
	if found.First == nil { // nothing lies in it
		found.First, found.Last = new(int64(2)), new(int64(0))
	}
	f.After = max(f.After, *found.First-1)
	if f.Before == 0 || f.Before > *found.Last {
		f.Before = *found.Last + 1
	}
	return err
}

// times are the conditions that an index on the times answers alone.
func (f EntryFilter) times(q *gorm.DB) *gorm.DB {
	if !f.From.IsZero() {
		q = q.Where("at >= ?", f.From)
	}
	if !f.Until.IsZero() {
		q = q.Where("at < ?", f.Until)
	}
	return q
}

// disclosing are the outcomes of an operation that has shown what it is about.
var disclosing = []Outcome{OutcomeDone, OutcomeRead, OutcomeDryRun, OutcomeReplayed}

// ListDisclosures returns a page of the numbered entries in which a patient's data was shown to somebody
// else than the patient, alone or among others', the latest first.
func (tx *Tx) ListDisclosures(patient uuid.UUID, from, until time.Time, p Page) ([]Entry, *Key, error) {
	between := tx.orm.Where("patient_id = ?", patient)
	if !from.IsZero() {
		between = between.Where("at >= ?", from)
	}
	if !until.IsZero() {
		between = between.Where("at < ?", until)
	}
	between = between.Session(&gorm.Session{})
	own, _, err := list[Entry](between.Where("seq IS NOT NULL AND outcome IN ? AND actor NOT IN ?", disclosing,
		[]string{ActorSystem, Actor{ActorPatient, patient}.String()}), desc("at"), p.more())
	if err != nil {
		return nil, nil, err
	}
	among, _, err := list[Mention](between, desc("at"), p.more())
	if err != nil {
		return nil, nil, err
	}
	return tx.merge(own, among, cmp.Or(p.Limit, DefaultLimit))
}

// more is the page with one row of the next.
func (p Page) more() Page { p.Limit = cmp.Or(p.Limit, DefaultLimit) + 1; return p }

// merge makes one page of a patient's own entries and those in which others are named too.
func (tx *Tx) merge(own []Entry, among []Mention, limit int) ([]Entry, *Key, error) {
	keys := make([]Key, 0, len(own)+len(among))
	for _, e := range own {
		keys = append(keys, Key{Time: e.At, ID: e.ID})
	}
	for _, m := range among {
		keys = append(keys, Key{Time: m.At, ID: m.ID})
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Or(b.Time.Compare(a.Time), slices.Compare(b.ID[:], a.ID[:])) })
	var next *Key
	if len(keys) > limit {
		keys = keys[:limit]
		next = &keys[limit-1]
	}
	rows := make([]Entry, 0, len(keys))
	for _, k := range keys {
		if i := slices.IndexFunc(own, func(e Entry) bool { return e.ID == k.ID }); i >= 0 {
			rows = append(rows, own[i])
			continue
		}
		e, err := tx.numbered(k.ID)
		if errors.Is(err, ErrNotFound) { // it gets its number in a moment
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, *e)
	}
	return rows, next, nil
}

// numbered returns an entry of the clinic that has its number, also to a patient who is one of several in
// it: the guard would show patients only what names nobody else.
func (tx *Tx) numbered(id uuid.UUID) (*Entry, error) {
	list, err := tx.entries(`SELECT `+entryColumns+` FROM journal j WHERE j.clinic_id = $1 AND j.id = $2 AND j.seq IS NOT NULL`, tx.scope.Clinic, id)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// Sealed returns an entry of the clinic as it was hashed, with its seal and the hashes that are under it. The
// error is ErrNotFound for one that has no number yet.
func (tx *Tx) Sealed(id uuid.UUID) (*audit.Entry, *audit.Sealed, error) {
	entries, err := readEntries(tx.ctx, tx.conn, `WHERE clinic_id = $1 AND id = $2 AND seq IS NOT NULL`, tx.scope.Clinic, id)
	if err != nil {
		return nil, nil, tx.db.engine.classify(err)
	}
	if len(entries) == 0 || entries[0].Patient != uuid.Nil && entries[0].Patient == tx.scope.NotPatient {
		return nil, nil, ErrNotFound
	}
	var last int64
	err = tx.row(`SELECT last_number FROM journal_seals WHERE clinic_id = $1 AND last_number >= $2 ORDER BY last_number LIMIT 1`,
		[]any{tx.scope.Clinic, entries[0].Number}, &last)
	if err != nil {
		return nil, nil, err
	}
	seals, _, err := readSeals(tx.ctx, tx.conn, tx.scope.Clinic, last-1, last)
	if err != nil {
		return nil, nil, tx.db.engine.classify(err)
	}
	if len(seals) != 1 || entries[0].Number < seals[0].First || len(seals[0].Hashes) != int(seals[0].Last-seals[0].First+1) {
		return nil, nil, fmt.Errorf("store: entry %d is under no seal", entries[0].Number)
	}
	return &entries[0], &seals[0], nil
}
