package lock

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"pgregory.net/rapid"
)

// modelRecord is the record told once more, from the entries and from what the
// model says of them: lists that are searched from end to end.
type modelRecord struct {
	most   limits
	infos  map[SessionID]Info
	waits  map[RequestID]Command // the Acquires that wait
	lasts  []Tenure
	over   []Tenure          // by their ends
	beyond map[string]Millis // of locks that had too many
	whole  bool
	forgot Millis
}

func newModelRecord(most limits) *modelRecord {
	return &modelRecord{most: most, infos: map[SessionID]Info{}, waits: map[RequestID]Command{}, beyond: map[string]Millis{}, whole: true}
}

func infoOf(c Command) Info {
	if c.Terms == nil {
		return ""
	}
	return c.Terms.Info
}

// note takes an entry and what it made happen.
func (r *modelRecord) note(e Entry, m *model) {
	for _, event := range m.events {
		switch event.Kind {
		case SessionOpened:
			r.infos[event.Session] = infoOf(e.Command)
		case WaitBegan:
			r.waits[e.Command.ID()] = e.Command
		case LockAcquired:
			r.began(e.Command, event, m)
		case LockReleased, LockExpired, LockRevoked, LockOverheld:
			r.ended(e.Command, event)
		}
	}
}

func (r *modelRecord) began(c Command, event Event, m *model) {
	one := Tenure{Name: event.Name, Token: event.Token, Session: event.Session, Mode: event.Mode, Since: c.At}
	asked, waited := r.waits[event.Request]
	if waited {
		one.Waited = c.At - asked.At
	} else {
		asked = c
	}
	if one.Session != 0 {
		one.Info = infoOf(asked)
		for w := range asked.wants() {
			if w.Name == one.Name {
				one.Permits, one.Of = w.Permits, w.Of
			}
		}
	}
	r.lasts = append(r.lasts, one)
}

func (r *modelRecord) ended(c Command, event Event) {
	i := slices.IndexFunc(r.lasts, func(one Tenure) bool { return one.Name == event.Name && one.Token == event.Token })
	one := r.lasts[i]
	r.lasts = slices.Delete(r.lasts, i, i+1)
	one.Until, one.How, one.Reason = c.At, event.Kind, event.Reason
	switch {
	case c.Verb == CloseSession:
		one.How = SessionClosed
	case c.Verb == Revoke || one.Session == 0:
		one.By = c.Session
	}
	r.over = append(r.over, one)
	of := func(name string) func(Tenure) bool { return func(one Tenure) bool { return one.Name == name } }
	if n := len(matching(r.over, of(one.Name))); n > r.most.lockTenures {
		first := slices.IndexFunc(r.over, of(one.Name))
		r.beyond[one.Name] = max(r.beyond[one.Name], r.over[first].Until)
		r.over = slices.Delete(r.over, first, first+1)
	}
	for len(r.over) > r.most.tenures || r.bytes() > r.most.recordBytes {
		first := r.over[0]
		r.over = r.over[1:]
		r.whole, r.forgot = false, max(r.forgot, first.Until, r.beyond[first.Name])
		if !slices.ContainsFunc(r.over, of(first.Name)) {
			delete(r.beyond, first.Name)
		}
	}
}

func matching[T any](list []T, fits func(T) bool) []T {
	var some []T
	for _, item := range list {
		if fits(item) {
			some = append(some, item)
		}
	}
	return some
}

func (r *modelRecord) bytes() (sum int) {
	names := map[string]bool{}
	for _, one := range r.over {
		names[one.Name] = true
		sum += len(one.Info) + len(one.Reason)
	}
	for name := range names {
		sum += len(name)
	}
	for _, p := range r.parties(r.over) {
		sum += len(p.Info)
	}
	return sum
}

func (r *modelRecord) parties(tenures []Tenure) []Party {
	ids := map[SessionID]bool{}
	for _, one := range tenures {
		ids[one.Session], ids[one.By] = true, true
	}
	delete(ids, 0)
	var list []Party
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		list = append(list, Party{id, r.infos[id]})
	}
	return list
}

// state is what a snapshot has to have.
func (r *modelRecord) state() *Record {
	record := &Record{Whole: r.whole, Forgot: r.forgot, Parties: r.parties(r.over)}
	seen := map[string]bool{}
	for _, one := range r.over {
		if !seen[one.Name] {
			one.Forgot = r.beyond[one.Name]
		}
		seen[one.Name] = true
		record.Tenures = append(record.Tenures, one)
	}
	return record
}

// of is what a report of one lock has to have.
func (r *modelRecord) of(name string) *Record {
	named := func(one Tenure) bool { return one.Name == name }
	tenures := slices.Concat(matching(r.over, named), matching(r.lasts, named))
	slices.SortFunc(tenures, func(a, b Tenure) int { return cmp.Compare(a.Token, b.Token) })
	record := &Record{Whole: r.whole && r.beyond[name] == 0, Forgot: max(r.forgot, r.beyond[name]), Parties: r.parties(tenures)}
	for _, one := range tenures {
		one.Name = ""
		record.Tenures = append(record.Tenures, one)
	}
	return record
}

// compareRecord holds what a table remembers against the model.
func compareRecord(t *rapid.T, table *Table, r *modelRecord) {
	if got, want := table.Snapshot().Record, r.state(); !reflect.DeepEqual(got, want) {
		t.Fatalf("entry %d: the record is\n%+v\nbut the model's is\n%+v", table.Index(), got, want)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if got, want := table.Report(Query{Kind: QueryTenures, Name: name}, roomy).Record, r.of(name); !reflect.DeepEqual(got, want) {
			t.Fatalf("entry %d: %q had\n%+v\nbut by the model\n%+v", table.Index(), name, got, want)
		}
	}
}
