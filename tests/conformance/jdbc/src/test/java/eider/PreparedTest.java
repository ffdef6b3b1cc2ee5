package eider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Prepared statements: every type goes there and back. */
class PreparedTest {
    private static Connection connection;

    interface Setter {
        void set(PreparedStatement statement) throws SQLException;
    }

    interface Getter {
        Object get(ResultSet rows) throws SQLException;
    }

    @BeforeAll
    static void open() throws SQLException {
        connection = Database.open();
    }

    @AfterAll
    static void close() throws SQLException {
        connection.close();
    }

    private static Arguments type(String type, Object expected, Setter setter, Getter getter) {
        return arguments(type, expected, setter, getter);
    }

    static Stream<Arguments> types() {
        return Stream.of(
            type("BOOLEAN", true, s -> s.setBoolean(1, true), r -> r.getBoolean(1)),
            type("TINYINT", (byte) -128, s -> s.setByte(1, (byte) -128), r -> r.getByte(1)),
            type("SMALLINT", (short) -32768, s -> s.setShort(1, (short) -32768), r -> r.getShort(1)),
            type("INTEGER", Integer.MIN_VALUE, s -> s.setInt(1, Integer.MIN_VALUE), r -> r.getInt(1)),
            type("BIGINT", Long.MIN_VALUE, s -> s.setLong(1, Long.MIN_VALUE), r -> r.getLong(1)),
            type("UTINYINT", 255, s -> s.setInt(1, 255), r -> r.getInt(1)),
            type("USMALLINT", 65535, s -> s.setInt(1, 65535), r -> r.getInt(1)),
            type("UINTEGER", 4294967295L, s -> s.setLong(1, 4294967295L), r -> r.getLong(1)),
            type("UBIGINT", Long.MAX_VALUE, s -> s.setLong(1, Long.MAX_VALUE), r -> r.getLong(1)),
            type("HUGEINT", new BigDecimal("170141183460469231731687303715884105"),
                s -> s.setBigDecimal(1, new BigDecimal("170141183460469231731687303715884105")), r -> r.getBigDecimal(1)),
            type("FLOAT", 1.5f, s -> s.setFloat(1, 1.5f), r -> r.getFloat(1)),
            type("DOUBLE", Math.PI, s -> s.setDouble(1, Math.PI), r -> r.getDouble(1)),
            type("DECIMAL(18, 3)", new BigDecimal("-123456789.125"),
                s -> s.setBigDecimal(1, new BigDecimal("-123456789.125")), r -> r.getBigDecimal(1)),
            type("DECIMAL(38, 10)", new BigDecimal("1234567890123456789012345678.0123456789"),
                s -> s.setBigDecimal(1, new BigDecimal("1234567890123456789012345678.0123456789")), r -> r.getBigDecimal(1)),
            type("VARCHAR", "Ärger mit 'Anführung' 🦆", s -> s.setString(1, "Ärger mit 'Anführung' 🦆"), r -> r.getString(1)),
            type("VARCHAR", "", s -> s.setString(1, ""), r -> r.getString(1)),
            type("BLOB", "\0bytes\u00ff", s -> s.setBytes(1, "\0bytes\u00ff".getBytes(StandardCharsets.ISO_8859_1)),
                r -> new String(r.getBytes(1), StandardCharsets.ISO_8859_1)),
            type("DATE", Date.valueOf("2024-02-29"), s -> s.setDate(1, Date.valueOf("2024-02-29")), r -> r.getDate(1)),
            type("TIME", Time.valueOf("23:59:58"), s -> s.setTime(1, Time.valueOf("23:59:58")), r -> r.getTime(1)),
            type("TIMESTAMP", Timestamp.valueOf("2024-02-29 12:34:56.789"),
                s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789")), r -> r.getTimestamp(1)),
            type("UUID", "00112233-4455-6677-8899-aabbccddeeff",
                s -> s.setString(1, "00112233-4455-6677-8899-aabbccddeeff"), r -> r.getString(1)));
    }

    @ParameterizedTest(name = "{0} {1} comes back")
    @MethodSource("types")
    void aValueComesBack(String type, Object expected, Setter setter, Getter getter) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?::" + type + " AS v")) {
            setter.set(statement);
            try (ResultSet rows = statement.executeQuery()) {
                assertTrue(rows.next());
                assertEquals(expected, getter.get(rows));
                assertTrue(!rows.next());
            }
        }
    }

    static Stream<String> typeNames() {
        return types().map(arguments -> (String) arguments.get()[0]).distinct();
    }

    @ParameterizedTest(name = "NULL::{0}")
    @MethodSource("typeNames")
    void nullComesBack(String type) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?::" + type + " AS v")) {
            statement.setNull(1, Types.NULL);
            try (ResultSet rows = statement.executeQuery()) {
                assertTrue(rows.next());
                assertNull(rows.getObject(1));
            }
        }
    }

    @ParameterizedTest(name = "a column of {0}")
    @MethodSource("types")
    void aValueIsInsertedAndFound(String type, Object expected, Setter setter, Getter getter) throws SQLException {
        Database.execute(connection, "CREATE OR REPLACE TABLE prepared (v " + type + ")");
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO prepared VALUES (?)")) {
            setter.set(insert);
            assertEquals(1, insert.executeUpdate());
        }
        try (PreparedStatement select = connection.prepareStatement("SELECT v FROM prepared WHERE v = ?")) {
            setter.set(select);
            try (ResultSet rows = select.executeQuery()) {
                assertTrue(rows.next());
                assertEquals(expected, getter.get(rows));
            }
        }
        Database.execute(connection, "DROP TABLE prepared");
    }

    @Test
    void aStatementIsExecutedAgainWithOtherValues() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?::INTEGER + ?::INTEGER")) {
            for (int i = 0; i < 100; i++) {
                statement.setInt(1, i);
                statement.setInt(2, 1);
                try (ResultSet rows = statement.executeQuery()) {
                    assertTrue(rows.next());
                    assertEquals(i + 1, rows.getInt(1));
                }
            }
        }
    }

    @Test
    void parametersAndColumnsAreDescribed() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT 1 AS one, 'x' AS two WHERE 1 = ?::INTEGER AND 'x' = ?")) {
            assertEquals(2, statement.getParameterMetaData().getParameterCount());
            ResultSetMetaData columns = statement.getMetaData();
            assertEquals(2, columns.getColumnCount());
            assertEquals("one", columns.getColumnName(1));
            assertEquals(Types.INTEGER, columns.getColumnType(1));
            assertEquals(Types.VARCHAR, columns.getColumnType(2));
        }
    }

    @Test
    void aBatchInsertsEachRow() throws SQLException {
        Database.execute(connection, "CREATE OR REPLACE TABLE batch (k INTEGER, v VARCHAR)");
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO batch VALUES (?, ?)")) {
            for (int i = 0; i < 1000; i++) {
                insert.setInt(1, i);
                insert.setString(2, "value " + i);
                insert.addBatch();
            }
            // The driver sends one batch and gives the sum as the only count.
            assertArrayEquals(new int[] {1000}, insert.executeBatch());
        }
        assertEquals("1000", Database.value(connection, "SELECT count(*) FROM batch WHERE v = 'value ' || k"));
        Database.execute(connection, "DROP TABLE batch");
    }

    @Test
    void aWrongStatementFailsAtPrepare() {
        SQLException failed = assertThrows(SQLException.class, () -> connection.prepareStatement("SELECT nothing FROM nowhere").close());
        assertTrue(failed.toString().contains("nowhere") || failed.getCause() != null && failed.getCause().toString().contains("nowhere"),
            failed.toString());
    }

    @Test
    void updatesAreCounted() throws SQLException {
        Database.execute(connection, "CREATE OR REPLACE TABLE counted AS SELECT range AS k FROM range(10)");
        try (PreparedStatement update = connection.prepareStatement("UPDATE counted SET k = k + 100 WHERE k < ?")) {
            update.setLong(1, 4);
            assertEquals(4, update.executeUpdate());
        }
        try (PreparedStatement delete = connection.prepareStatement("DELETE FROM counted WHERE k >= ?")) {
            delete.setLong(1, 100);
            assertEquals(4, delete.executeUpdate());
        }
        assertEquals(List.of("6"), List.of(Database.value(connection, "SELECT count(*) FROM counted")));
        Database.execute(connection, "DROP TABLE counted");
    }
}
