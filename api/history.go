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
	if _, err := show(ctx); err != nil { // who may not see it now does not see what it was
		return out, err
	}
	page, err := s.page(ctx, limit, cursor, id)
	if err != nil {
		return out, err
	}
	versions, err := store.From(ctx).Versions(table, id, page)
	if err != nil {
		return out, err
	}
	return s.historyPage(ctx, versions, nil, show, id)
}

// series is history of what has a new record in the table each time: the clinic's rules, or the instrument that is
// named. Its caller knows that there is such a thing; first is what it shows as long as there is no record.
func (s *Server) series(ctx context.Context, table, instrument string, limit *int, cursor *string, first any, show func(context.Context) (any, error)) (out oapi.HistoryJSONResponse, err error) {
	page, err := s.page(ctx, limit, cursor, instrument)
	if err != nil {
		return out, err
	}
	versions, err := store.From(ctx).Series(table, instrument, page)
	if err != nil {
		return out, err
	}
	return s.historyPage(ctx, versions, first, show, instrument)
}

// historyPage is a page of versions, each with what is different from the one before; last is what the first of all is
// compared with, nil for nothing. The next page is for the same filter.
func (s *Server) historyPage(ctx context.Context, page *store.VersionPage, last any, show func(context.Context) (any, error), filter any) (out oapi.HistoryJSONResponse, err error) {
	out.Body.Items = []oapi.HistoryVersion{}
	versions := slices.Clone(page.Versions)
	if page.Before != nil { // what the oldest of the page is compared with
		versions = append(versions, *page.Before)
	}
	slices.Reverse(versions)
	err = store.From(ctx).Replay(callOf(ctx).patient, versions, func(then *store.Tx, v *store.Version) error {
		shown, err := shownThen(store.With(ctx, then), show)
		if err != nil {
			return err
		}
		changes := differences([]oapi.HistoryChange{}, "", last, shown)
		last = shown
		if shown == nil || page.Before != nil && v.Number == page.Before.Number || len(changes) == 0 && !callOf(ctx).who.staff() {
			return nil
		}
		out.Body.Items = append(out.Body.Items, versionOut(v, changes, shown))
		return nil
	})
	if err != nil {
		return out, err
	}
	slices.Reverse(out.Body.Items)
	out.Body.NextCursor, err = s.next(ctx, page.Next, filter)
	return out, err
}

func versionOut(v *store.Version, changes []oapi.HistoryChange, shown any) oapi.HistoryVersion {
	out := oapi.HistoryVersion{
		Version: v.Number, At: v.At, Actor: actorOut(v.Actor), Operation: v.Operation, Event: v.Event,
		RequestID: filled(v.RequestID), Reason: reasonIn(changes), Changes: changes,
	}
	if v.Version == 1 { // a new record has its own reason, be it in the words of the one before
		out.Reason = reasonIn([]oapi.HistoryChange{{To: &shown}})
	}
	return out
}

// reasonIn is the reason that came with a change: a member of that name that is new, by itself or in what is new.
func reasonIn(changes []oapi.HistoryChange) *string {
	for _, c := range changes {
		if c.To == nil {
			continue
		}
		if whole, ok := (*c.To).(map[string]any); ok {
			for _, name := range slices.Sorted(maps.Keys(whole)) {
				if reason := reasonNamed(name, whole[name]); reason != nil {
					return reason
				}
			}
		} else if reason := reasonNamed(c.Pointer[strings.LastIndex(c.Pointer, "/")+1:], *c.To); reason != nil {
			return reason
		}
	}
	return nil
}

func reasonNamed(name string, value any) *string {
	reason, ok := value.(string)
	if !ok || name != "reason" && !strings.HasSuffix(name, "Reason") {
		return nil
	}
	return &reason
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
	decoded, err := asJSON(body.Interface())
	delete(decoded, "version")
	delete(decoded, "updatedAt")
	return decoded, err
}

// asJSON is a body as JSON decoded.
func asJSON(body any) (decoded map[string]any, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a dose stays the number that it is
	err = d.Decode(&decoded)
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
