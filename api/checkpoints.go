package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/audit"
)

// checkpointEvery is the least time between two checkpoints.
const checkpointEvery = time.Minute

// checkpoints keeps the signed ends of the journal's chain outside of the database, where whoever can
// change the database cannot.
type checkpoints struct {
	file   string // none: ""
	append func(path string, data []byte) error
	known  map[uuid.UUID]int64 // the last numbers that this process has written
	at     atomic.Int64        // when the file last had everything, in microseconds
}

// keepCheckpoints appends the ends that have moved, one line each, and returns when they are on the disk.
func (s *Server) keepCheckpoints(ctx context.Context) error {
	c := &s.checkpoints
	if c.file == "" {
		return nil
	}
	ends, err := s.db.Checkpoints(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	var lines bytes.Buffer
	moved := map[uuid.UUID]int64{}
	for _, end := range ends {
		if c.known[end.Clinic] != end.Number {
			lines.Write(append(mustJSON(end), '\n'))
			moved[end.Clinic] = end.Number
		}
	}
	if lines.Len() > 0 {
		if err := c.append(c.file, lines.Bytes()); err != nil {
			return err
		}
	}
	if c.known == nil {
		c.known = map[uuid.UUID]int64{}
	}
	for clinic, number := range moved {
		c.known[clinic] = number
	}
	c.at.Store(now.UnixMicro())
	return nil
}

// latestLooked is how much of a checkpoint file's end is read for its latest lines.
const latestLooked = 64 << 10

// latest returns the numbers that the last lines of the file attest; of a clinic in which nothing happened for long
// there may be none.
func (c *checkpoints) latest() (map[uuid.UUID]int64, error) {
	f, err := os.Open(c.file)
	if errors.Is(err, fs.ErrNotExist) || c.file == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	text := make([]byte, min(size, latestLooked))
	if _, err := f.ReadAt(text, size-int64(len(text))); err != nil {
		return nil, err
	}
	numbers := map[uuid.UUID]int64{}
	for line := range bytes.Lines(text) { // the first may be a part
		var p audit.Checkpoint
		if json.Unmarshal(line, &p) == nil && p.Number > 0 {
			numbers[p.Clinic] = max(numbers[p.Clinic], p.Number)
		}
	}
	return numbers, nil
}

// due reports whether it is time for the next checkpoint.
func (c *checkpoints) due(now time.Time) bool {
	return c.file != "" && now.Sub(time.UnixMicro(c.at.Load())) >= checkpointEvery
}

// age is how old the last checkpoint is, in seconds.
func (c *checkpoints) age(now time.Time) float64 {
	if c.file == "" || c.at.Load() == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMicro(c.at.Load())).Seconds())
}

// appendDurably writes to the end of a file. A line that an earlier process has not finished is ended first.
func appendDurably(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end == 0 {
		if err := syncFolder(filepath.Dir(path)); err != nil {
			return err
		}
	} else {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			data = append([]byte{'\n'}, data...)
		}
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes a new file's name durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
