package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// history answers a page of a record's versions. Each is what show, the operation that shows the record,
// answers the caller in the time of that version: so that a version hides what the record hides, and has in
// it what the record takes from others. A version that show does not show is left out.
func (s *Server) history(ctx context.Context, table string, id uuid.UUID, limit *int, cursor *string, show func(context.Context) (any, error)) (out oapi.HistoryJSONResponse, err error) {
	tx := store.From(ctx)
	if _, err := show(ctx); err != nil { // who may not see it now does not see what it was
		return out, err
	}
	page, err := s.page(ctx, limit, cursor)
	if err != nil {
		return out, err
	}
	versions, before, key, err := tx.Versions(table, id, page)
	if err != nil {
		return out, err
	}
	out.Body.Items = []oapi.HistoryVersion{}
	if before != nil { // what the oldest of the page is compared with
		versions = append(versions, *before)
	}
	slices.Reverse(versions)
	var last any // nil before the first
	err = tx.Replay(callOf(ctx).patient, versions, func(then *store.Tx, v *store.Version) error {
		shown, err := shownThen(store.With(ctx, then), show)
		if err != nil {
			return err
		}
		changes := differences([]oapi.HistoryChange{}, "", last, shown)
		last = shown
		if shown == nil || before != nil && v.Version == before.Version || len(changes) == 0 && !callOf(ctx).who.staff() {
			return nil
		}
		out.Body.Items = append(out.Body.Items, versionOut(v, changes))
		return nil
	})
	if err != nil {
		return out, err
	}
	slices.Reverse(out.Body.Items)
	out.Body.NextCursor, err = s.next(ctx, key)
	return out, err
}

func versionOut(v *store.Version, changes []oapi.HistoryChange) oapi.HistoryVersion {
	return oapi.HistoryVersion{
		Version: v.Version, At: v.At, Actor: actorOut(v.Actor), Operation: v.Operation, Event: v.Event,
		RequestID: filled(v.RequestID), Reason: reasonIn(changes), Changes: changes,
	}
}

// reasonIn is the reason that came with a change: a member of that name that is new.
func reasonIn(changes []oapi.HistoryChange) *string {
	for _, c := range changes {
		name := c.Pointer[strings.LastIndex(c.Pointer, "/")+1:]
		if name != "reason" && !strings.HasSuffix(name, "Reason") || c.To == nil {
			continue
		}
		if reason, ok := (*c.To).(string); ok {
			return &reason
		}
	}
	return nil
}

// shownThen is what an operation that shows a record answers, as JSON decoded; nil if it says that there is no
// such record.
func shownThen(ctx context.Context, show func(context.Context) (any, error)) (any, error) {
	answer, err := show(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	body := reflect.ValueOf(answer).FieldByName("Body")
	if !body.IsValid() {
		return nil, fmt.Errorf("%T has no body", answer)
	}
	text, err := json.Marshal(body.Interface())
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a dose stays the number that it is
	var decoded map[string]any
	err = d.Decode(&decoded)
	delete(decoded, "version")
	delete(decoded, "updatedAt")
	return decoded, err
}

// differences appends where two JSON values differ, in the order of the pointers; nil is nothing at all.
func differences(list []oapi.HistoryChange, pointer string, from, to any) []oapi.HistoryChange {
	if reflect.DeepEqual(from, to) {
		return list
	}
	switch from := from.(type) {
	case map[string]any:
		if to, ok := to.(map[string]any); ok {
			both := maps.Clone(from)
			maps.Copy(both, to)
			for _, name := range slices.Sorted(maps.Keys(both)) {
				list = differences(list, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), from[name], to[name])
			}
			return list
		}
	case []any:
		if to, ok := to.([]any); ok {
			for i := range max(len(from), len(to)) {
				list = differences(list, pointer+"/"+strconv.Itoa(i), element(from, i), element(to, i))
			}
			return list
		}
	}
	change := oapi.HistoryChange{Pointer: pointer}
	if from != nil {
		change.From = &from
	}
	if to != nil {
		change.To = &to
	}
	return append(list, change)
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}
