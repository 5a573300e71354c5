package store

// Protocol is a clinic's dosing and safety policy. A version never changes.
type Protocol struct {
	Record
	Name     string
	Revision string
	Policy   string // JSON, as pkg/treatment reads it
}

// ListProtocols returns a page of the clinic's protocols, newest first.
func (tx *Tx) ListProtocols(p Page) ([]Protocol, *Key, error) {
	return list[Protocol](tx.orm, desc("created_at"), p)
}

// DefaultProtocol returns the clinic's newest protocol of the name "default", or ErrNotFound.
func (tx *Tx) DefaultProtocol() (*Protocol, error) {
	return one[Protocol](tx.orm.Where("name = ?", "default").Order("created_at DESC, id DESC"))
}
