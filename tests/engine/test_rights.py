"""What readers and writers may do, and what is left in a session."""
import pyarrow as pa
import pytest
from lib.ipc import stream

CLEAN, KEPT = '{"clean": 1, "transaction": 0, "kept": 0}', '{"clean": 0, "transaction": 0, "kept": 1}'
OPEN = '{"clean": 0, "transaction": 1, "kept": 1}'
CATALOG = ("SELECT (SELECT count(*) FROM duckdb_tables()) + (SELECT count(*) FROM duckdb_views() WHERE NOT internal) + "
           "(SELECT count(*) FROM duckdb_sequences()) + (SELECT count(*) FROM duckdb_types() WHERE NOT internal AND database_name = 'tenant_acme') + "
           "(SELECT count(*) FROM duckdb_functions() WHERE NOT internal AND database_name = 'tenant_acme') AS n, "
           "(SELECT count(*) FROM r) AS rows, (SELECT last_value FROM duckdb_sequences()) AS s, "
           "(SELECT comment FROM duckdb_tables() WHERE table_name = 'r') AS c")


@pytest.fixture
def tenant(engine):
    engine.call(["bench", "arrow", "CREATE TABLE r (a INT); CREATE SEQUENCE s; CREATE VIEW v AS SELECT 1 a; INSERT INTO r VALUES (1)"])
    return engine


def outcomes(engine, *commands):
    """Of each command "ok" or the kind of its error; a text is SQL. All in one session."""
    words = [["bench", "arrow", command] if isinstance(command, str) else command for command in commands]
    return engine.call(*words, options=["--outcomes", "true"])[0].decode().split("\n")[:-1]


def left(engine, *commands):
    words = [["bench", "arrow", command] if isinstance(command, str) else command for command in commands]
    return engine.call(*words, ["state"], options=["--outcomes", "true"])[0].decode().split("\n")[-3]


def changes(engine, rights, sqls, before=(), after=()):
    """Runs each statement between others and gives the kinds of errors, or that it changed something."""
    words, found = [], []
    for sql in sqls:
        words += [["rights", rights], *before, sql, *after, ["rights", "own"], "ROLLBACK", ["run", "jsonl", CATALOG]]
    lines = outcomes(engine, ["run", "jsonl", CATALOG], *words)
    first, per = lines[0], 6 + len(before) + len(after)
    for number, sql in enumerate(sqls):
        part = lines[2 + number * per:2 + (number + 1) * per]
        assert part[-1] == "ok", (sql, part)
        found.append((sql, part[1 + len(before)] if part[-2] == first else "changed"))
    return found


DDL = ["CREATE TABLE x (a INT)", "CREATE VIEW x AS SELECT 1", "CREATE OR REPLACE TABLE r (b INT)", "CREATE SCHEMA x", "DROP TABLE r",
       "CREATE MACRO m(x) AS x", "CREATE TYPE t AS ENUM ('a')", "CREATE SEQUENCE x", "ALTER TABLE r ADD COLUMN b INT",
       "ALTER TABLE r RENAME TO x", "COMMENT ON TABLE r IS 'x'", "CREATE INDEX i ON r (a)", "DROP VIEW v", "VACUUM", "ANALYZE",
       "VACUUM ANALYZE r", "CHECKPOINT", "CREATE TABLE x AS PIVOT r ON a USING count(*)",
       "EXPLAIN ANALYZE CREATE TABLE x (a INT)", "EXPLAIN (ANALYZE) CREATE TABLE x (a INT)",
       "EXPLAIN /* */ ANALYZE CREATE TABLE x (a INT)", "SELECT 1; CREATE TABLE x (a INT)", "SELECT ';'; DROP TABLE r",
       "CREATE/* TEMP */TABLE x (a INT)", "CREATE --\nTABLE x (a INT) -- TEMP", "COPY r FROM 'x'", "CALL pragma_version()",
       "PREPARE p AS DROP TABLE r", "EXECUTE p", "ATTACH ':memory:' AS x", "COPY FROM DATABASE tenant_acme TO temp",
       "PRAGMA enable_profiling"]
DML = ["INSERT INTO r VALUES (2)", "UPDATE r SET a = 5", "DELETE FROM r", "TRUNCATE r", "INSERT INTO r PIVOT r ON a USING count(*)",
       "MERGE INTO r USING (SELECT 2 a) q ON q.a = r.a WHEN NOT MATCHED THEN INSERT", "EXPLAIN ANALYZE INSERT INTO r VALUES (2)",
       "WITH x AS (SELECT 2 a) INSERT INTO r SELECT a FROM x", "INSERT INTO r VALUES (2) RETURNING a"]


BEGIN = ["BEGIN", "BEGIN TRANSACTION READ WRITE", "START TRANSACTION READ WRITE", "BEGIN READ ONLY"]
NEVER = DDL + DML + ["SELECT nextval('s')", "SET VARIABLE x = nextval('s')", "SELECT 1; DELETE FROM r"]
REFUSED = ("permission_denied", "invalid_argument", "not_found")


@pytest.mark.parametrize("begin", [None, *BEGIN])
def test_reader_changes_nothing(tenant, begin):
    before, after = ([begin], ["COMMIT"]) if begin else ([], [])
    for sql, outcome in changes(tenant, "read", NEVER + ["CREATE TEMP TABLE x (a INT)", "CREATE TEMP VIEW x AS SELECT 1"], before, after):
        assert outcome in REFUSED, sql
    together = [f"{begin or 'SELECT 1'}; {sql}; COMMIT" for sql in NEVER]
    for sql, outcome in changes(tenant, "read", together):
        assert outcome in REFUSED, sql


def test_reader_reads(tenant):
    sqls = ["SELECT * FROM r", "FROM r", "VALUES (1)", "SHOW TABLES", "DESCRIBE r", "SUMMARIZE r", "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT * FROM r", "SET TimeZone = 'Asia/Tokyo'", "RESET TimeZone", "USE \"default\"",
            "SET VARIABLE x = (SELECT max(a) FROM r)", "BEGIN; SELECT * FROM r; COMMIT", "PIVOT r ON a USING count(*)",
            "WITH x AS (PIVOT r ON a USING count(*)) SELECT * FROM x", "SELECT 1; SELECT ';'", "PRAGMA table_info('r')",
            "BEGIN", "FROM r", "PIVOT r ON a USING count(*)", "COMMIT"]
    assert set(outcomes(tenant, ["rights", "read"], *sqls)) == {"ok"}


def test_reader_has_transactions(tenant):
    lines = outcomes(tenant, ["rights", "read"], "BEGIN TRANSACTION READ WRITE", ["run", "csv", "SELECT a FROM r"], ["state"], "COMMIT", ["state"],
                     "BEGIN", "SELECT nothere", "BEGIN", "SELECT 1", "ROLLBACK", ["state"])
    assert lines == ["ok", "ok", "a\r", "1\r", "ok", OPEN, "ok", "ok", CLEAN, "ok", "ok", "invalid_argument", "failed_precondition",
                     "failed_precondition", "ok", CLEAN, "ok"]


@pytest.mark.parametrize("rights", ["read", "own"])
def test_explain_ends_no_transaction(tenant, rights):
    """The gate refuses these; the engine sees what became of the transaction."""
    for sql in "ROLLBACK", "COMMIT", "ABORT":
        lines = outcomes(tenant, ["rights", rights], "BEGIN", f"EXPLAIN ANALYZE {sql}", ["state"], "SELECT 1", "BEGIN", ["state"], "ROLLBACK")
        assert lines == ["ok", "ok", "permission_denied", CLEAN, "ok", "ok", "ok", OPEN, "ok", "ok"], sql
        assert outcomes(tenant, ["rights", rights], f"EXPLAIN ANALYZE {sql}", ["state"])[1] != "ok"
    lines = outcomes(tenant, ["rights", rights], "EXPLAIN ANALYZE BEGIN", ["state"], "EXPLAIN ANALYZE SELECT 1", ["state"])
    assert lines[1] != "ok" and lines[2:] == [CLEAN, "ok", "ok", CLEAN, "ok"]


def test_reader_does_not_go_on_in_a_writers_transaction(tenant):
    lines = outcomes(tenant, "BEGIN", "DELETE FROM r", ["rights", "read"], "SELECT 1", ["state"], ["run", "csv", "SELECT a FROM r"])
    assert lines == ["ok", "ok", "ok", "permission_denied", CLEAN, "ok", "a\r", "1\r", "ok"]


@pytest.mark.parametrize("begin", [None, "BEGIN"])
def test_writer_changes_no_schema(tenant, begin):
    before, after = ([begin], ["COMMIT"]) if begin else ([], [])
    for sql, outcome in changes(tenant, "write", DDL, before, after):
        assert outcome in REFUSED, sql
    for sql, outcome in changes(tenant, "write", [f"{begin or 'SELECT 1'}; {sql}" for sql in DDL], [], ["COMMIT"]):
        assert outcome in REFUSED, sql


def test_writer_writes(tenant):
    sqls = DML + ["SELECT nextval('s')", "EXPLAIN DELETE FROM r", "EXPLAIN (FORMAT json) SELECT 1", "SELECT 1; DELETE FROM r"]
    sqls.remove("INSERT INTO r PIVOT r ON a USING count(*)")  # as many columns as values
    assert set(outcomes(tenant, ["rights", "write"], *sqls, "BEGIN", *sqls, "COMMIT")) == {"ok"}
    assert outcomes(tenant, ["rights", "write"], "DELETE FROM r; INSERT INTO r VALUES (7)", "INSERT INTO r SELECT \"7\" FROM (PIVOT r ON a USING count(*))",
                    ["state"], ["run", "csv", "SELECT sum(a) n FROM r"])[-6:] == ["ok", KEPT, "ok", "n\r", "8\r", "ok"]


TEMPORARY = ["CREATE TEMP TABLE x AS SELECT 7 a", "CREATE OR REPLACE TEMPORARY TABLE x AS SELECT 7 a", "create temp view x as select 7 a",
             "CREATE TEMP MACRO x(y) AS TABLE SELECT 7 a", "CREATE TEMP SEQUENCE x", "CREATE TEMP TYPE x AS ENUM ('a')",
             "CREATE TEMP TABLE x AS PIVOT r ON a USING count(*)"]


@pytest.mark.parametrize("rights", ["own", "write"])
@pytest.mark.parametrize("sql", TEMPORARY)
def test_temporary_objects_are_the_sessions(tenant, sql, rights):
    begin = ["BEGIN", "INSERT INTO r VALUES (7)"]
    assert left(tenant, ["rights", rights], *begin, sql, "ROLLBACK") == CLEAN
    assert left(tenant, ["rights", rights], *begin, sql, "COMMIT") == KEPT
    assert left(tenant, ["rights", rights], sql) == KEPT


@pytest.mark.parametrize("rights", ["own", "write"])
def test_session_is_clean_again_when_all_is_dropped(tenant, rights):
    words = ["CREATE TEMP TABLE x (a INT)", "CREATE TEMP MACRO m() AS 1", "INSERT INTO x VALUES (1)", "ALTER TABLE temp.x ADD COLUMN b INT",
             "DROP TABLE x", "DROP MACRO temp.m"]
    lines = outcomes(tenant, ["rights", rights], *words[:5], ["state"], *words[5:], ["state"])
    assert [line for line in lines if line != "ok"] == [KEPT, CLEAN]
    inside = ["CREATE TEMP TABLE x (a INT)", "BEGIN", "INSERT INTO r VALUES (3)", "ALTER TABLE temp.x ADD COLUMN b INT",
              "DROP TABLE IF EXISTS temp.x", "COMMIT"]
    assert outcomes(tenant, ["rights", rights], *inside, ["state"])[-2:] == [CLEAN, "ok"]


def test_what_is_left_in_a_session(tenant):
    for sql in ("SET TimeZone = 'UTC'", "SET VARIABLE x = 1", "USE \"default\"", "RESET TimeZone", "CREATE TEMP TABLE x (a INT)"):
        assert left(tenant, sql) == KEPT, sql
    nothing = ["CREATE TABLE x (a INT)", "DROP VIEW v", "SELECT 1", "CREATE TABLE temperatures (a INT)", "CREATE MACRO m() AS 1",
               "BEGIN; SELECT 1; COMMIT", "SET threads = 1", "CREATE TEMP TABLE x (", "PIVOT r ON a USING count(*)"]
    lines = outcomes(tenant, *(word for sql in nothing for word in (sql, ["state"])))
    assert [line for line in lines if line[0] == "{"] == [CLEAN] * len(nothing)


def test_uploads_follow_the_rights(tenant):
    data = stream(pa.table({"a": pa.array([5], pa.int32())}))

    def put(rights, mode, table, temporary="no"):
        words = [["rights", rights], ["temporary", temporary], ["put", mode, table], ["state"]]
        lines = tenant.call(*words, data=data, options=["--outcomes", "true"])[0].decode().split("\n")
        return lines[2], lines[3]

    assert put("write", "append", "r") == put("write", "create_append", "r") == ("ok", CLEAN)
    for mode, table in (("create", "x"), ("replace", "r"), ("create_append", "x")):
        assert put("write", mode, table)[0] == "permission_denied"
        assert put("write", mode, table, "yes") == ("ok", KEPT)
    for mode in ("create", "append", "replace", "create_append"):
        assert put("read", mode, "r")[0] == put("read", mode, "r", "yes")[0] == "permission_denied"
    assert tenant.json("SELECT count(*) FROM r")["rows"] == [[3]]


def test_temporary_uploads(tenant):
    data = stream(pa.table({"a": pa.array([5, 6], pa.int32())})) * 3
    words = [["temporary", "yes"], ["put", "create", "r"], ["put", "append", "r"], ["run", "csv", "SELECT count(*) n FROM r"],
             ["run", "csv", "SELECT count(*) n FROM \"default\".r"], "BEGIN", "INSERT INTO \"default\".r VALUES (9)", ["put", "append", "r"],
             ["run", "csv", "SELECT count(*) n FROM temp.r"], "ROLLBACK", ["run", "csv", "SELECT count(*) n FROM temp.r"], "DROP TABLE temp.r", ["state"]]
    words = [["bench", "arrow", word] if isinstance(word, str) else word for word in words]
    lines = tenant.call(*words, data=data, options=["--outcomes", "true"])[0].decode().replace("\r", "").split("\n")
    assert lines == ["ok", "ok", "ok", "n", "4", "ok", "n", "1", "ok", "ok", "ok", "ok", "n", "6", "ok", "ok",
                     "n", "4", "ok", "ok", CLEAN, "ok", ""]
