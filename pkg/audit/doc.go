// Package audit checks a clinic's journal without the server that wrote it.
//
// Every [Entry] has a number, 1 and upwards without gaps, and a hash of all that it says. Entries are
// sealed in batches: a [Seal] holds the root of a Merkle tree over the hashes of its entries, in the order
// of their numbers, and the hash of the seal before, so that nothing before it can be changed, removed,
// inserted or reordered afterwards. The end of the chain is signed (Ed25519), and the signed ends are kept
// outside of the database as well ([Checkpoint]): what is cut off there is missing.
//
// An entry says what changed by hashes of the values, never by the values: they can be erased from the
// history when the law demands it, and the chain still verifies.
//
// [Chain] checks whole journals; [Prove] and [Proof.Root] show that one entry stands under a seal, without
// showing any other.
//
// # Encoding
//
// Everything that is hashed or signed is a list of fields. It is written as the list's name, then each
// field in the order of the struct, each of them as its length in bytes (8 bytes, big endian) and its
// bytes. Numbers are 8 bytes, big endian; times are the microseconds since 1970 as a number; UUIDs are
// their 16 bytes; what is not there is an empty field; hashes are their 32 bytes; texts are their UTF-8
// bytes exactly as stored. The names are "titrate/entry/1", "titrate/seal/1" and "titrate/checkpoint/1";
// another encoding would have another name. Hashes are SHA-256.
//
// The Merkle tree is that of RFC 6962, section 2.1: its leaves are the entries' hashes.
package audit
