package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	modernc "modernc.org/sqlite"
)

// versioned are the rows that the history keeps. A new noun adds itself.
var versioned = []Row{
	&Clinic{}, &Staff{}, &Protocol{}, &ConsentTemplate{}, &ClinicInstrument{}, &InstrumentLicence{}, &AlertRuleSet{},
	&Patient{}, &Measurement{}, &SupportPerson{}, &Medication{}, &PDMPCheck{}, &Visit{}, &FollowUp{}, &Consultation{}, &Consent{},
	&Treatment{}, &Prescription{}, &Session{}, &SessionFact{}, &Assessment{}, &AdverseEvent{}, &Adjustment{}, &Suggestion{},
	&Dispense{}, &SupplyEntry{}, &SupplySignal{}, &Alert{}, &WebhookEndpoint{},
}

// memory makes, when the first is asked for, databases in memory with this build's tables: SQLite's,
// whatever keeps the records. Each connection is one, empty when it is not in use.
type memory struct {
	options Options
	once    sync.Once
	db      *DB
	err     error
	known   map[string]*pastRecord
}

// memoryConns is how many there may be at once.
const memoryConns = 4

func (m *memory) open() (*DB, error) {
	m.once.Do(func() { m.err = m.make() })
	return m.db, m.err
}

func (m *memory) close() error {
	m.once.Do(func() {})
	if m.db == nil {
		return nil
	}
	return m.db.engine.close()
}

func (m *memory) make() error {
	tables, err := tablesOf(m.options)
	if err != nil {
		return err
	}
	pool := sql.OpenDB(blank(tables))
	pool.SetMaxOpenConns(memoryConns)
	pool.SetMaxIdleConns(memoryConns)
	pool.SetConnMaxIdleTime(time.Minute)
	e := sqliteEngine{reader: pool, relaxed: &atomic.Bool{}}
	orm, err := openORM(translating{sqlite.New(sqlite.Config{Conn: pool}), e.classify}, m.options)
	if err == nil {
		m.known, err = pastRecords(orm)
	}
	if err != nil {
		_ = pool.Close()
		return err
	}
	m.db = &DB{orm: orm, engine: e, now: m.options.Now, newID: m.options.NewID, memory: m}
	return nil
}

func (m *memory) records() (map[string]*pastRecord, error) { return m.known, m.err }

// memoryDSN is a database of the connection's own. What was so at a time need not be so by today's rules,
// and refers to what is not there.
const memoryDSN = "file::memory:?_timezone=UTC&_time_format=sqlite&_dqs=0&_pragma=foreign_keys(0)&_pragma=ignore_check_constraints(1)"

// tablesOf returns the statements that make the tables, without what is there for speed or to keep out
// what must not be together: the history has kept what was.
func tablesOf(o Options) (tables string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), workLimit)
	defer cancel()
	pool := sql.OpenDB(connector(func() string { return memoryDSN }))
	pool.SetMaxOpenConns(1)
	defer func() { _ = pool.Close() }()
	o.DSN = ""
	if err := migrateSQLite(ctx, pool, o); err != nil {
		return "", err
	}
	rows, err := pool.QueryContext(ctx, `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return "", err
		}
		tables += one + ";\n"
	}
	return tables, rows.Err()
}

// blank opens databases in memory with the tables that its text makes.
type blank string

func (b blank) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := connector(func() string { return memoryDSN }).Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, string(b), nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (b blank) Driver() driver.Driver { return &modernc.Driver{} }

// pastRecord is a table that the history keeps, with the lists that belong to its rows.
type pastRecord struct {
	table      string
	row        reflect.Type
	ofPatients bool
	lists      []pastList
}

// listed is a pointer to a row of a list.
type listed interface{ part() *Part }

// pastList is a list of a row, kept in a table of its own.
type pastList struct {
	member          []int // of the row
	row             reflect.Type
	parent, patient *schema.Field
}

// pastRecords finds by the name of a table, also that of a list, what the history keeps of it.
func pastRecords(orm *gorm.DB) (map[string]*pastRecord, error) {
	known := map[string]*pastRecord{}
	for _, row := range versioned {
		s := &gorm.Statement{DB: orm}
		if err := s.Parse(row); err != nil {
			return nil, err
		}
		r := &pastRecord{table: s.Table, row: reflect.TypeOf(row).Elem(), ofPatients: patientField(s.Schema) != nil}
		known[r.table] = r
		for _, f := range reflect.VisibleFields(r.row) {
			if f.Type.Kind() != reflect.Slice || !reflect.PointerTo(f.Type.Elem()).Implements(reflect.TypeFor[listed]()) {
				continue
			}
			s := &gorm.Statement{DB: orm}
			if err := s.Parse(reflect.New(f.Type.Elem()).Interface()); err != nil {
				return nil, err
			}
			// Its key is clinic, record and position.
			at := slices.IndexFunc(s.Schema.PrimaryFields, func(f *schema.Field) bool { return f.DBName != "clinic_id" && f.DBName != "position" })
			r.lists = append(r.lists, pastList{f.Index, f.Type.Elem(), s.Schema.PrimaryFields[at], patientField(s.Schema)})
			known[s.Table] = r
		}
	}
	return known, nil
}

// remove takes rows and what belongs to them out of the tables.
func (r *pastRecord) remove(tx *Tx, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	for _, l := range r.lists {
		if err := tx.orm.Where(clause.IN{Column: column(l.parent.DBName), Values: values}).Delete(reflect.New(l.row).Interface()).Error; err != nil {
			return err
		}
	}
	return tx.orm.Where(clause.IN{Column: column("id"), Values: values}).Delete(reflect.New(r.row).Interface()).Error
}

// add puts rows, and what belongs to them, into the tables.
func (r *pastRecord) add(tx *Tx, rows reflect.Value) error {
	if err := addRows(tx, rows); err != nil {
		return err
	}
	for _, l := range r.lists {
		all := reflect.New(reflect.SliceOf(l.row)).Elem()
		for i := range rows.Len() {
			list, err := l.of(tx, rows.Index(i))
			if err != nil {
				return err
			}
			all = reflect.AppendSlice(all, list)
		}
		if err := addRows(tx, all); err != nil {
			return err
		}
	}
	return nil
}

// of is the list of a row, with what its own rows need to be kept: the history leaves it out.
func (l *pastList) of(tx *Tx, row reflect.Value) (reflect.Value, error) {
	list := row.FieldByIndex(l.member)
	for n := range list.Len() {
		item := list.Index(n)
		item.Addr().Interface().(listed).part().Position = n
		if err := l.parent.Set(tx.ctx, item, row.Addr().Interface().(Row).record().ID); err != nil {
			return list, err
		}
		if l.patient == nil || l.patient == l.parent {
			continue
		}
		if err := l.patient.Set(tx.ctx, item, row.FieldByName("PatientID").Interface()); err != nil {
			return list, err
		}
	}
	return list, nil
}

// addRows inserts some at a time: SQLite takes so many values in one statement.
func addRows(tx *Tx, rows reflect.Value) error {
	const some = 100
	for i := 0; i < rows.Len(); i += some {
		page := reflect.New(rows.Type())
		page.Elem().Set(rows.Slice(i, min(i+some, rows.Len())))
		if err := tx.orm.Create(page.Interface()).Error; err != nil {
			return err
		}
	}
	return nil
}
