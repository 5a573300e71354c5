package store

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// channel is what PostgreSQL's notifications of new numbers go through.
const channel = "titrate_journal"

// clinicsPerNotice keeps a notification below PostgreSQL's 8,000 bytes.
const clinicsPerNotice = 100

// ErrNoListening says that this database does not tell of new numbers.
var ErrNoListening = errors.New("this database does not tell")

// Listen calls heard with the last numbers of clinics whenever any process has numbered entries, and once
// with nothing as soon as it listens. It holds a connection of its own until ctx ends or the connection
// breaks, and returns why. The error is ErrNoListening on SQLite.
func (db *DB) Listen(ctx context.Context, heard func(heads map[uuid.UUID]int64)) error {
	return db.engine.listen(ctx, heard)
}

func (e sqliteEngine) listen(context.Context, func(map[uuid.UUID]int64)) error { return ErrNoListening }

func (e sqliteEngine) announcement(map[uuid.UUID]int64) []statement { return nil }

// announcement travels with the sequencer's commit. In the transactions of writers it would make them
// wait for each other.
func (e postgresEngine) announcement(heads map[uuid.UUID]int64) (list []statement) {
	clinics := slices.Collect(maps.Keys(heads))
	for part := range slices.Chunk(clinics, clinicsPerNotice) {
		told := map[uuid.UUID]int64{}
		for _, clinic := range part {
			told[clinic] = heads[clinic]
		}
		text, err := json.Marshal(told)
		if err != nil {
			panic(err) // ids and numbers
		}
		list = append(list, statement{`SELECT pg_notify($1, $2)`, []any{channel, string(text)}})
	}
	return list
}

func (e postgresEngine) listen(ctx context.Context, heard func(map[uuid.UUID]int64)) error {
	c, err := pgx.ConnectConfig(ctx, e.config.Copy())
	if err != nil {
		return e.classify(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return e.classify(err)
	}
	heard(nil)
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return e.classify(err)
		}
		heads := map[uuid.UUID]int64{}
		if err := json.Unmarshal([]byte(n.Payload), &heads); err == nil { // of a newer version, perhaps
			heard(heads)
		}
	}
}
