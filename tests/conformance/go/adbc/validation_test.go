// ADBC's validation suite against a running eider. The quirks say what eider is: nothing is left out for its sake.
package adbc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/apache/arrow-adbc/go/adbc"
	driver "github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-adbc/go/adbc/validation"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/suite"
)

// Set by test_adbc_go.py: where the server is, its one tenant, what it says of itself.
var (
	uri     = os.Getenv("EIDER_CONFORMANCE_URI")
	tenant  = os.Getenv("EIDER_CONFORMANCE_TENANT")
	version = os.Getenv("EIDER_CONFORMANCE_VERSION")
	format  = os.Getenv("EIDER_CONFORMANCE_ARROW")
)

// The driver keeps what was bound for an ingest, and then refuses every query of the same statement ("must set
// IngestTargetTable before bulk ingestion"). The suite queries so after each ingest; tidyStatement forgets the rows first.
type tidyDriver struct{ adbc.Driver }

type tidyDatabase struct {
	adbc.Database
	adbc.GetSetOptions
}

type tidyConnection struct {
	adbc.Connection
	adbc.GetSetOptions
}

type tidyStatement struct {
	adbc.Statement
	adbc.GetSetOptions
	adbc.StatementExecuteSchema
}

func (d tidyDriver) NewDatabase(options map[string]string) (adbc.Database, error) {
	database, err := d.Driver.NewDatabase(options)
	if err != nil {
		return nil, err
	}
	return tidyDatabase{database, database.(adbc.GetSetOptions)}, nil
}

func (d tidyDatabase) Open(ctx context.Context) (adbc.Connection, error) {
	connection, err := d.Database.Open(ctx)
	if err != nil {
		return nil, err
	}
	return tidyConnection{connection, connection.(adbc.GetSetOptions)}, nil
}

func (c tidyConnection) NewStatement() (adbc.Statement, error) {
	statement, err := c.Connection.NewStatement()
	if err != nil {
		return nil, err
	}
	return tidyStatement{statement, statement.(adbc.GetSetOptions), statement.(adbc.StatementExecuteSchema)}, nil
}

func (s tidyStatement) SetOption(key, value string) error { return s.Statement.SetOption(key, value) }

func (s tidyStatement) SetSqlQuery(sql string) error {
	if err := s.Statement.SetSqlQuery(sql); err != nil {
		return err
	}
	return s.Bind(context.Background(), nil)
}

// Memory is not counted: the driver never releases the reader that it makes of rows to ingest.
type quirks struct{}

func (q *quirks) SetupDriver(*testing.T) adbc.Driver     { return tidyDriver{driver.NewDriver(q.Alloc())} }
func (q *quirks) TearDownDriver(*testing.T, adbc.Driver) {}
func (q *quirks) Alloc() memory.Allocator                { return memory.DefaultAllocator }

func (q *quirks) DatabaseOptions() map[string]string {
	// Sessions are kept by a cookie, so that the catalog and open transactions belong to an ADBC connection.
	return map[string]string{adbc.OptionKeyURI: uri, driver.OptionCookieMiddleware: adbc.OptionValueEnabled}
}

func (q *quirks) execute(connection adbc.Connection, sql string, rows arrow.RecordBatch) (err error) {
	statement, err := connection.NewStatement()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	if err = statement.SetSqlQuery(sql); err != nil {
		return err
	}
	if rows != nil {
		if err = statement.Prepare(context.Background()); err != nil {
			return err
		}
		if err = statement.Bind(context.Background(), rows); err != nil {
			return err
		}
	}
	_, err = statement.ExecuteUpdate(context.Background())
	return err
}

func sqlType(t arrow.DataType) string {
	switch t.ID() {
	case arrow.INT64:
		return "BIGINT"
	case arrow.STRING:
		return "VARCHAR"
	}
	panic(fmt.Sprintf("the suite has a type that was not needed before: %s", t))
}

func (q *quirks) CreateSampleTable(name string, rows arrow.RecordBatch) (err error) {
	database, err := driver.NewDriver(q.Alloc()).NewDatabase(q.DatabaseOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	connection, err := database.Open(context.Background())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	columns, marks := "", ""
	for i, field := range rows.Schema().Fields() {
		if i > 0 {
			columns += ", "
			marks += ", "
		}
		columns += field.Name + " " + sqlType(field.Type)
		marks += "?"
	}
	if err = q.execute(connection, "CREATE OR REPLACE TABLE "+name+" ("+columns+")", nil); err != nil {
		return err
	}
	// The driver releases what is bound.
	bound := array.NewRecordBatch(rows.Schema(), rows.Columns(), rows.NumRows())
	defer bound.Release()
	return q.execute(connection, "INSERT INTO "+name+" VALUES ("+marks+")", bound)
}

func (q *quirks) DropTable(connection adbc.Connection, name string) error {
	return q.execute(connection, "DROP TABLE IF EXISTS "+name, nil)
}

func (q *quirks) SampleTableSchemaMetadata(table string, t arrow.DataType) arrow.Metadata {
	sensitive := "0"
	if t.ID() == arrow.STRING {
		sensitive = "1"
	}
	// Two keys for the schema: that of FlightSql.proto, and that of Arrow's libraries.
	return arrow.NewMetadata(
		[]string{flightsql.CatalogNameKey, "ARROW:FLIGHT:SQL:DB_SCHEMA_NAME", flightsql.SchemaNameKey, flightsql.TableNameKey,
			flightsql.TypeNameKey, flightsql.IsAutoIncrementKey, flightsql.IsCaseSensitiveKey, flightsql.IsReadOnlyKey,
			flightsql.IsSearchableKey},
		[]string{tenant, "default", "default", table, sqlType(t), "0", sensitive, "0", "1"})
}

func (q *quirks) GetMetadata(code adbc.InfoCode) interface{} {
	switch code {
	case adbc.InfoDriverName:
		return "ADBC Flight SQL Driver - Go"
	case adbc.InfoDriverVersion, adbc.InfoDriverArrowVersion: // of the driver, which a test binary does not know
		return "(unknown or development build)"
	case adbc.InfoDriverADBCVersion:
		return adbc.AdbcVersion1_1_0
	case adbc.InfoVendorName:
		return "eider"
	case adbc.InfoVendorVersion:
		return version
	case adbc.InfoVendorArrowVersion:
		return format
	}
	return nil
}

func (q *quirks) BindParameter(int) string                    { return "?" }
func (q *quirks) SupportsBulkIngest(string) bool              { return true }
func (q *quirks) SupportsConcurrentStatements() bool          { return true }
func (q *quirks) SupportsCurrentCatalogSchema() bool          { return true }
func (q *quirks) SupportsErrorIngestIncompatibleSchema() bool { return true }
func (q *quirks) SupportsExecuteSchema() bool                 { return true }
func (q *quirks) SupportsGetSetOptions() bool                 { return true }
func (q *quirks) SupportsPartitionedData() bool               { return true }
func (q *quirks) SupportsTransactions() bool                  { return true }
func (q *quirks) SupportsGetParameterSchema() bool            { return true }
func (q *quirks) SupportsDynamicParameterBinding() bool       { return true }
func (q *quirks) Catalog() string                             { return tenant }
func (q *quirks) DBSchema() string                            { return "default" }

// Flight SQL has no command for statistics, nor has the driver.
func (q *quirks) SupportsStatistics() bool { return false }

func TestDatabase(t *testing.T)   { suite.Run(t, &validation.DatabaseTests{Quirks: &quirks{}}) }
func TestConnection(t *testing.T) { suite.Run(t, &validation.ConnectionTests{Quirks: &quirks{}}) }
func TestStatement(t *testing.T)  { suite.Run(t, &validation.StatementTests{Quirks: &quirks{}}) }
