package eider;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** The server under test, named by system properties. */
final class Database {
    static final String TENANT = System.getProperty("eider.tenant");
    private static final String URL = System.getProperty("eider.url");

    private Database() {}

    /** A connection of its own, so a session of its own. Parameters as in the URL: "&name=value". */
    static Connection open(String parameters) throws SQLException {
        return DriverManager.getConnection(URL + parameters);
    }

    static Connection open() throws SQLException {
        return open("");
    }

    static void execute(Connection connection, String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String sql : statements)
                statement.execute(sql);
        }
    }

    /** The first column of the first row, as text. */
    static String value(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }

    /** The named columns of all rows, joined by a bar. */
    static List<String> rows(ResultSet rows, String... columns) throws SQLException {
        List<String> found = new ArrayList<>();
        try (rows) {
            while (rows.next()) {
                StringBuilder row = new StringBuilder();
                for (String column : columns)
                    row.append(row.isEmpty() ? "" : "|").append(rows.getString(column));
                found.add(row.toString());
            }
        }
        return found;
    }
}
