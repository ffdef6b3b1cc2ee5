package eider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** java.sql.DatabaseMetaData: every getter answers, and those that the server decides answer the truth. */
class MetaDataTest {
    private static Connection connection;
    private static DatabaseMetaData meta;

    /** What the server says of itself by GetSqlInfo. */
    private static final Map<String, Object> SAYS = new TreeMap<>(Map.ofEntries(
        Map.entry("getDatabaseProductName", "eider"),
        Map.entry("getIdentifierQuoteString", "\""),
        Map.entry("getSearchStringEscape", "\\"),
        Map.entry("getExtraNameCharacters", ""),
        Map.entry("getCatalogTerm", "catalog"),
        Map.entry("getSchemaTerm", "schema"),
        Map.entry("isCatalogAtStart", true),
        Map.entry("isReadOnly", false),
        Map.entry("supportsTransactions", true),
        Map.entry("supportsSavepoints", false),
        Map.entry("supportsBatchUpdates", true),
        Map.entry("supportsNamedParameters", false),
        Map.entry("supportsStoredProcedures", false),
        Map.entry("supportsColumnAliasing", true),
        Map.entry("supportsTableCorrelationNames", true),
        Map.entry("supportsDifferentTableCorrelationNames", false),
        Map.entry("supportsExpressionsInOrderBy", true),
        Map.entry("supportsOrderByUnrelated", true),
        Map.entry("supportsGroupBy", true),
        Map.entry("supportsLikeEscapeClause", true),
        Map.entry("supportsNonNullableColumns", true),
        Map.entry("supportsMinimumSQLGrammar", true),
        Map.entry("supportsCoreSQLGrammar", true),
        Map.entry("supportsANSI92EntryLevelSQL", true),
        Map.entry("supportsOuterJoins", true),
        Map.entry("supportsFullOuterJoins", true),
        Map.entry("supportsUnion", true),
        Map.entry("supportsUnionAll", true),
        Map.entry("supportsCorrelatedSubqueries", true),
        Map.entry("supportsSubqueriesInComparisons", true),
        Map.entry("supportsSubqueriesInExists", true),
        Map.entry("supportsSubqueriesInIns", true),
        Map.entry("supportsSubqueriesInQuantifieds", true),
        Map.entry("supportsSelectForUpdate", false),
        Map.entry("supportsPositionedDelete", false),
        Map.entry("supportsPositionedUpdate", false),
        Map.entry("nullPlusNonNullIsNull", true),
        Map.entry("dataDefinitionCausesTransactionCommit", false),
        Map.entry("dataDefinitionIgnoredInTransactions", false),
        Map.entry("supportsConvert", true)));

    @BeforeAll
    static void open() throws SQLException {
        connection = Database.open();
        meta = connection.getMetaData();
        Database.execute(connection,
            "CREATE OR REPLACE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL)",
            "CREATE OR REPLACE TABLE child (a INTEGER, b BIGINT, parent INTEGER REFERENCES parent (id), d DECIMAL(9, 2), "
                + "PRIMARY KEY (a, b))",
            "CREATE OR REPLACE VIEW parents AS SELECT name FROM parent",
            "CREATE OR REPLACE TABLE a_b (x INTEGER)", "CREATE OR REPLACE TABLE axb (x INTEGER)");
    }

    @AfterAll
    static void close() throws SQLException {
        Database.execute(connection, "DROP VIEW parents", "DROP TABLE child", "DROP TABLE parent", "DROP TABLE a_b", "DROP TABLE axb");
        connection.close();
    }

    static Stream<Method> getters() {
        return Arrays.stream(DatabaseMetaData.class.getMethods())
            .filter(method -> method.getParameterCount() == 0 && method.getDeclaringClass() == DatabaseMetaData.class)
            .sorted(Comparator.comparing(Method::getName));
    }

    @ParameterizedTest(name = "getter {0}")
    @MethodSource("getterNames")
    void everyGetterAnswers(String name) throws Exception {
        Object answer;
        try {
            answer = DatabaseMetaData.class.getMethod(name).invoke(meta);
        } catch (InvocationTargetException failed) {
            throw new AssertionError(name + ": " + failed.getCause(), failed.getCause());
        }
        if (SAYS.containsKey(name))
            assertEquals(SAYS.get(name), answer);
        if (answer instanceof ResultSet rows)
            rows.close();
    }

    static Stream<String> getterNames() {
        return getters().map(Method::getName);
    }

    @Test
    void whatTheServerSaysIsAsked() {
        List<String> names = getterNames().toList();
        assertTrue(names.containsAll(SAYS.keySet()));
    }

    @Test
    void versionsAreThere() throws SQLException {
        assertTrue(meta.getDatabaseProductVersion().matches("\\d+\\.\\d+\\.\\d+.*"), meta.getDatabaseProductVersion());
    }

    @Test
    void keywordsAndFunctionsAreListed() throws SQLException {
        assertTrue(Arrays.asList(meta.getSQLKeywords().toUpperCase().split("[, ]+")).contains("QUALIFY"), meta.getSQLKeywords());
        assertTrue(meta.getNumericFunctions().toLowerCase().contains("sqrt"), meta.getNumericFunctions());
        assertTrue(meta.getStringFunctions().toLowerCase().contains("upper"), meta.getStringFunctions());
        assertTrue(meta.getTimeDateFunctions().toLowerCase().contains("date_trunc"), meta.getTimeDateFunctions());
        assertNotNull(meta.getSystemFunctions());
    }

    @Test
    void gettersWithArguments() throws SQLException {
        assertTrue(meta.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY));
        assertTrue(!meta.supportsResultSetType(ResultSet.TYPE_SCROLL_SENSITIVE));
        assertTrue(meta.supportsConvert(java.sql.Types.INTEGER, java.sql.Types.VARCHAR));
        assertTrue(meta.supportsTransactionIsolationLevel(Connection.TRANSACTION_REPEATABLE_READ));
        assertTrue(!meta.supportsTransactionIsolationLevel(Connection.TRANSACTION_SERIALIZABLE));
    }

    @Test
    void catalogsAreTenants() throws SQLException {
        assertEquals(List.of(Database.TENANT), Database.rows(meta.getCatalogs(), "TABLE_CAT"));
    }

    @Test
    void schemas() throws SQLException {
        assertTrue(Database.rows(meta.getSchemas(), "TABLE_CATALOG", "TABLE_SCHEM").contains(Database.TENANT + "|default"));
        assertEquals(List.of("default"), Database.rows(meta.getSchemas(null, "def%"), "TABLE_SCHEM"));
        assertEquals(List.of(), Database.rows(meta.getSchemas(null, "nothing"), "TABLE_SCHEM"));
        assertEquals(List.of(), Database.rows(meta.getSchemas("nothing", null), "TABLE_SCHEM"));
    }

    @Test
    void tableTypes() throws SQLException {
        List<String> types = Database.rows(meta.getTableTypes(), "TABLE_TYPE");
        assertTrue(types.contains("TABLE") && types.contains("VIEW"), types.toString());
    }

    private List<String> tables(String catalog, String schema, String table, String... types) throws SQLException {
        return Database.rows(meta.getTables(catalog, schema, table, types.length > 0 ? types : null), "TABLE_NAME");
    }

    @Test
    void tables() throws SQLException {
        assertEquals(List.of("a_b", "axb", "child", "parent", "parents"), tables(null, null, "%").stream().sorted().toList());
        assertEquals(List.of(Database.TENANT + "|default|parent|TABLE"),
            Database.rows(meta.getTables(null, null, "parent", null), "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"));
        assertEquals(List.of("parents"), tables(null, null, "parent%", "VIEW"));
        assertEquals(List.of("parent"), tables(null, null, "parent%", "TABLE"));
        assertEquals(List.of("parent", "parents"), tables(null, null, "parent%", "TABLE", "VIEW"));
        assertEquals(List.of("parent"), tables(Database.TENANT, "default", "parent"));
        assertEquals(List.of(), tables(null, "nothing", "parent"));
        assertEquals(List.of(), tables("nothing", null, "parent"));
        assertEquals(List.of(), tables(null, null, "PARENTX"));
    }

    @Test
    void patternsCanBeEscaped() throws SQLException {
        assertEquals(List.of("a_b", "axb"), tables(null, null, "a_b"));
        assertEquals(List.of("a_b"), tables(null, null, "a" + meta.getSearchStringEscape() + "_b"));
    }

    @Test
    void columns() throws SQLException {
        assertEquals(List.of(
                Database.TENANT + "|default|child|a|4|INTEGER|1|NO",
                Database.TENANT + "|default|child|b|-5|BIGINT|2|NO",
                Database.TENANT + "|default|child|parent|4|INTEGER|3|YES",
                Database.TENANT + "|default|child|d|3|DECIMAL|4|YES"),
            Database.rows(meta.getColumns(null, null, "child", null), "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME",
                "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "ORDINAL_POSITION", "IS_NULLABLE"));
        assertEquals(List.of("9|2"), Database.rows(meta.getColumns(null, null, "child", "d"), "COLUMN_SIZE", "DECIMAL_DIGITS"));
        assertEquals(List.of("name"), Database.rows(meta.getColumns(null, null, "parent", "n%"), "COLUMN_NAME"));
        assertEquals(List.of("name"), Database.rows(meta.getColumns(Database.TENANT, "default", "parents", null), "COLUMN_NAME"));
    }

    @Test
    void primaryKeys() throws SQLException {
        assertEquals(List.of("child|a|1", "child|b|2"),
            Database.rows(meta.getPrimaryKeys(null, null, "child"), "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ"));
        assertEquals(List.of("id"), Database.rows(meta.getPrimaryKeys(Database.TENANT, "default", "parent"), "COLUMN_NAME"));
        assertEquals(List.of(), Database.rows(meta.getPrimaryKeys(null, null, "a_b"), "COLUMN_NAME"));
    }

    @Test
    void foreignKeys() throws SQLException {
        List<String> key = List.of("parent|id|child|parent|1");
        String[] columns = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ"};
        assertEquals(key, Database.rows(meta.getImportedKeys(null, null, "child"), columns));
        assertEquals(key, Database.rows(meta.getExportedKeys(null, null, "parent"), columns));
        assertEquals(key, Database.rows(meta.getCrossReference(null, null, "parent", null, null, "child"), columns));
        assertEquals(List.of(), Database.rows(meta.getImportedKeys(null, null, "parent"), columns));
        assertEquals(List.of(), Database.rows(meta.getExportedKeys(null, null, "child"), columns));
        assertEquals(List.of(), Database.rows(meta.getCrossReference(null, null, "child", null, null, "parent"), columns));
    }

    /** What JDBC knows and Flight SQL has no word for: empty results, but results. */
    @Test
    void whatIsNotThereIsEmpty() throws SQLException {
        assertEquals(List.of(), Database.rows(meta.getProcedures(null, null, "%"), "PROCEDURE_NAME"));
        assertEquals(List.of(), Database.rows(meta.getIndexInfo(null, null, "parent", false, false), "INDEX_NAME"));
        assertEquals(List.of(), Database.rows(meta.getUDTs(null, null, "%", null), "TYPE_NAME"));
    }
}
