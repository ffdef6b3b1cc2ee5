package eider;

import org.junit.jupiter.api.Test;

/** For tools/fetch-suites: needs all that the other tests need, and no server. */
class FetchedTest {
    @Test
    void theDriverIsThere() throws ClassNotFoundException {
        Class.forName("org.apache.arrow.driver.jdbc.ArrowFlightJdbcDriver");
    }
}
