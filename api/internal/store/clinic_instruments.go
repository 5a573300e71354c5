package store

import "github.com/google/uuid"

// ClinicInstrument is one version of an instrument that the clinic has made itself. It was
// published when it was created, and never changes.
type ClinicInstrument struct {
	Record
	Instrument     string // its id, which begins with instruments.OwnPrefix
	ScoringVersion string
	Definition     string // JSON, as pkg/instruments reads it
	PublishedBy    uuid.UUID
}

// ClinicInstrument returns an instrument of the clinic in a version, the newest if that is
// empty, or ErrNotFound.
func (tx *Tx) ClinicInstrument(instrument, version string) (*ClinicInstrument, error) {
	q := tx.orm.Where("instrument = ?", instrument)
	if version != "" {
		q = q.Where("scoring_version = ?", version)
	}
	return one[ClinicInstrument](q.Order("created_at DESC, id DESC"))
}

// ClinicInstruments returns all versions of the clinic's instruments: by id, the newest first.
func (tx *Tx) ClinicInstruments() ([]ClinicInstrument, error) {
	return many[ClinicInstrument](tx.orm.Order("instrument, created_at DESC, id DESC"))
}
