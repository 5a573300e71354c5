// Package egress makes requests to addresses that somebody else has named, without letting them reach
// inside: a [Gate] knows which addresses are public, and its client dials none but those, whatever a
// name resolves to at that moment.
package egress
