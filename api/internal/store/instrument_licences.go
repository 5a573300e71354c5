package store

import "github.com/google/uuid"

// InstrumentLicence is what somebody of the clinic attested about the licence for an instrument.
// The time is that of its creation. It never changes.
type InstrumentLicence struct {
	Record
	Instrument string // its id in pkg/instruments
	Licence    string // which licence it is
	Reference  string // where it is found; empty if nobody said
	AttestedBy uuid.UUID
}

// InstrumentLicence returns the clinic's newest attestation for an instrument, or ErrNotFound.
func (tx *Tx) InstrumentLicence(instrument string) (*InstrumentLicence, error) {
	return one[InstrumentLicence](tx.orm.Where("instrument = ?", instrument).Order("created_at DESC, id DESC"))
}
