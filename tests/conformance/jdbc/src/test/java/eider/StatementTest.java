package eider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Statements, sessions, transactions as SQL text, cancelling. */
@Timeout(60)
class StatementTest {
    /** Runs for minutes, unless it is stopped. */
    private static final String LONG = "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE (a.range + b.range) % 7 = 3";

    private Connection connection;

    @BeforeEach
    void open() throws SQLException {
        connection = Database.open();
        Database.execute(connection, "CREATE OR REPLACE TABLE t (k INTEGER)");
    }

    @AfterEach
    void close() throws SQLException {
        connection.close();
        try (Connection last = Database.open()) {
            Database.execute(last, "DROP TABLE IF EXISTS t");
        }
    }

    private String count() throws SQLException {
        return Database.value(connection, "SELECT count(*) FROM t");
    }

    @Test
    void aQueryGivesRows() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            assertTrue(statement.execute("SELECT range AS n FROM range(100000)"));
            try (ResultSet rows = statement.getResultSet()) {
                long sum = 0;
                while (rows.next())
                    sum += rows.getLong("n");
                assertEquals(100000L * 99999 / 2, sum);
            }
        }
    }

    @Test
    void aChangeGivesACount() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            assertFalse(statement.execute("INSERT INTO t VALUES (1), (2), (3)"));
            assertEquals(3, statement.getUpdateCount());
            assertEquals(2, statement.executeUpdate("DELETE FROM t WHERE k > 1"));
        }
        assertEquals("1", count());
    }

    @Test
    void aStatementRunsOnce() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO t VALUES (1)");
        }
        assertEquals("1", count());
    }

    @Test
    void returningGivesRows() throws SQLException {
        try (Statement statement = connection.createStatement();
             ResultSet rows = statement.executeQuery("INSERT INTO t VALUES (7), (8) RETURNING k")) {
            assertTrue(rows.next());
            assertEquals(7, rows.getInt(1));
        }
        assertEquals("2", count());
    }

    @Test
    void aRolledBackTransactionLeavesNothing() throws SQLException {
        Database.execute(connection, "BEGIN", "INSERT INTO t VALUES (1)");
        assertEquals("1", count());
        Database.execute(connection, "ROLLBACK");
        assertEquals("0", count());
    }

    @Test
    void aCommittedTransactionIsSeenByOthersAfterwards() throws SQLException {
        try (Connection other = Database.open()) {
            Database.execute(connection, "BEGIN TRANSACTION", "INSERT INTO t VALUES (1)");
            assertEquals("0", Database.value(other, "SELECT count(*) FROM t"));
            Database.execute(connection, "COMMIT");
            assertEquals("1", Database.value(other, "SELECT count(*) FROM t"));
        }
    }

    @Test
    void anOpenTransactionEndsWithItsConnection() throws SQLException {
        Database.execute(connection, "BEGIN", "INSERT INTO t VALUES (1)");
        connection.close();
        connection = Database.open();
        assertEquals("0", count());
    }

    @Test
    void temporaryTablesAndSettingsStay() throws SQLException {
        Database.execute(connection, "CREATE TEMPORARY TABLE own AS SELECT 42 AS v", "SET TimeZone = 'Europe/Berlin'");
        assertEquals("42", Database.value(connection, "SELECT v FROM own"));
        assertEquals("Europe/Berlin", Database.value(connection, "SELECT current_setting('TimeZone')"));
        try (Connection other = Database.open()) {
            assertThrows(SQLException.class, () -> Database.value(other, "SELECT v FROM own"));
            assertEquals("UTC", Database.value(other, "SELECT current_setting('TimeZone')"));
        }
    }

    /** With a catalog in its URL the driver closes the session, then its channel, then the session again, and says so. */
    @Test
    void theCatalogOfTheUrlIsTheSessions() throws SQLException {
        Connection named = Database.open("&catalog=" + Database.TENANT);
        assertEquals(Database.TENANT, Database.value(named, "SELECT current_catalog()"));
        SQLException closed = assertThrows(SQLException.class, named::close);
        assertEquals("Channel shutdown invoked", closed.getMessage());
        assertThrows(SQLException.class, () -> Database.open("&catalog=tenant_nothing"));
    }

    @Test
    void aWrongStatementSaysWhy() {
        SQLException failed = assertThrows(SQLException.class, () -> Database.value(connection, "SELECT * FROM nowhere"));
        String said = failed + " " + failed.getCause();
        assertTrue(said.contains("nowhere"), said);
    }

    @Test
    void afterAnErrorTheConnectionWorks() throws SQLException {
        assertThrows(SQLException.class, () -> Database.value(connection, "SELEC 1"));
        assertEquals("1", Database.value(connection, "SELECT 1"));
    }

    @Test
    void anEmptyResultHasColumns() throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT k, 'x' AS s FROM t")) {
            // Without rows the driver lists the columns twice.
            assertEquals(0, rows.getMetaData().getColumnCount() % 2);
            assertEquals("k", rows.getMetaData().getColumnName(1));
            assertEquals("s", rows.getMetaData().getColumnName(2));
            assertFalse(rows.next());
        }
    }

    @Test
    void aStatementIsCancelled() throws Exception {
        AtomicReference<Throwable> failed = new AtomicReference<>();
        CountDownLatch begun = new CountDownLatch(1);
        try (Statement statement = connection.createStatement()) {
            Thread thread = new Thread(() -> {
                begun.countDown();
                try (ResultSet rows = statement.executeQuery(LONG)) {
                    rows.next();
                } catch (Throwable why) {
                    failed.set(why);
                }
            });
            thread.start();
            begun.await();
            while (thread.isAlive()) {
                statement.cancel();
                thread.join(200);
            }
        }
        assertTrue(failed.get() != null);
        try (Connection after = Database.open()) {
            assertEquals("1", Database.value(after, "SELECT 1"));
        }
    }

    @Test
    void aQueryTimeoutEndsIt() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            assertThrows(SQLException.class, () -> {
                try (ResultSet rows = statement.executeQuery(LONG)) {
                    rows.next();
                }
            });
        }
    }

    @Test
    void aResultIsReadInPartOnly() throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT range FROM range(50000000)")) {
            assertTrue(rows.next());
        }
        assertEquals("1", Database.value(connection, "SELECT 1"));
    }

    @Test
    void nullsAndNestedTypes() throws SQLException {
        try (Statement statement = connection.createStatement();
             ResultSet rows = statement.executeQuery("SELECT NULL AS n, [1, 2] AS l, {'a': 1, 'b': 'x'} AS s, MAP {'k': 1} AS m")) {
            assertTrue(rows.next());
            assertNull(rows.getObject("n"));
            assertEquals(2, ((Object[]) rows.getArray("l").getArray()).length);
            assertEquals("{\"a\":1,\"b\":\"x\"}", rows.getObject("s").toString());
            assertTrue(rows.getObject("m") != null);
        }
    }
}
