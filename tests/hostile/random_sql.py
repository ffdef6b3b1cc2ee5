"""Random SQL of somebody who wants out of a tenant, or to write as a reader. Everything follows from the seed."""

import random

TENANTS = ("tenant_acme", "tenant_beta")
TABLES = ("secrets", "orders", "t", "v", "s.t", "temp.x")
COLUMNS = ("id", "mark", "amount", "*", "rowid", "count(*)", "max(mark)", "list(mark)", "to_json(secrets)", "1", "mark || id")
FUNCTIONS = (
    "duckdb_tables()", "duckdb_columns()", "duckdb_databases()", "duckdb_settings()", "duckdb_secrets()", "duckdb_logs()", "duckdb_views()",
    "duckdb_temporary_files()", "duckdb_memory()", "duckdb_extensions()", "duckdb_functions()", "duckdb_constraints()",
    "pragma_database_list()", "pragma_storage_info('secrets')", "pragma_table_info('secrets')", "pragma_metadata_info()",
    "information_schema.tables", "information_schema.columns", "pg_catalog.pg_class", "sqlite_master",
    "read_text('{path}')", "read_blob('{path}')", "read_csv('{path}')", "read_parquet('{path}')", "read_json('{path}')",
    "glob('{path}')", "sniff_csv('{path}')", "parquet_metadata('{path}')", "'{path}'", "query('SELECT * FROM {table}')",
    "query_table('{table}')", "arrow_scan(1,2,3)", "seq_scan('secrets')", "test_all_types()", "range(3)", "repeat_row(1, num_rows=2)",
    "sql_auto_complete('SEL')", "which_secret('x','y')", "storage_info('secrets')",
)
PATHS = ("tenants/{tenant}/{tenant}.duckdb", "../{tenant}/{tenant}.duckdb", "eider.db", "/etc/passwd", "/proc/self/environ", "/proc/self/fd/3", "*",
         "**/*.duckdb", "http://127.0.0.1:1/x", "s3://x/y", "{data}/tenants/{tenant}/{tenant}.duckdb", "{data}/eider.db")
SETTINGS = ("enable_external_access=true", "lock_configuration=false", "search_path='{tenant}.default'", "schema='{tenant}.default'",
            "memory_limit='1TB'", "threads=1", "TimeZone='UTC'", "default_order='DESC'", "temp_directory='/tmp'", "allow_community_extensions=true",
            "enable_logging=true", "logging_storage='file'", "log_query_path='/tmp/x'", "autoinstall_known_extensions=true",
            "custom_extension_repository='http://x'", "access_mode='READ_WRITE'", "immediate_transaction_mode=true", "VARIABLE x=1")
SPICE = ("", "", "", " ", "\n", "/* x */", "-- x\n", "\t", ";", "/* /* */ */", "\u00a0", "'", '"', "$$x$$", "\x00")


class Generator:
    """Statements of one attacker. `data`: the data directory, as somebody who guesses well would know it."""

    def __init__(self, seed, data):
        self.random = random.Random(seed)
        self.data = data

    def pick(self, things):
        return self.random.choice(things)

    def tenant(self):
        return self.pick(TENANTS)

    def fill(self, text):
        path = self.pick(PATHS).format(tenant=self.tenant(), data=self.data)
        return text.replace("{path}", path).replace("{table}", f"{self.tenant()}.default.secrets").replace("{tenant}", self.tenant()).replace("{data}", self.data)

    def name(self, part):
        """An identifier in one of its writings."""
        return self.pick((part, part, part.upper(), f'"{part}"', f'"{part.upper()}"', f"/**/{part}", f"U&'{part}'", f"{part} "))

    def table(self):
        kind = self.random.random()
        if kind < 0.2:
            return self.fill(self.pick(FUNCTIONS))
        parts = [self.pick(TABLES)]
        if kind > 0.4:
            parts.insert(0, self.pick(("default", "main", "s", "information_schema", "iceberg")))
        if kind > 0.6:
            parts.insert(0, self.pick((*TENANTS, "temp", "system", "memory", "iceberg")))
        return ".".join(self.name(part) for part in parts)

    def select(self, depth=0):
        columns = ", ".join(self.pick(COLUMNS) for _ in range(self.random.randint(1, 3)))
        source = self.table() if depth > 2 or self.random.random() < 0.6 else f"({self.select(depth + 1)}) AS q{depth}"
        text = f"SELECT {columns} FROM {source}"
        end = self.random.random()
        if end < 0.15:
            text += f" WHERE id IN (SELECT id FROM {self.table()})"
        elif end < 0.25:
            text += f" UNION ALL {self.select(depth + 1) if depth < 2 else 'SELECT 1'}"
        elif end < 0.35:
            text = f"WITH w AS ({text}) SELECT * FROM w"
        elif end < 0.4:
            text = f"WITH w AS MATERIALIZED ({self.write()}) {text}"
        elif end < 0.45:
            text = f"FROM ({text})"
        elif end < 0.5:
            text += f" JOIN {self.table()} USING (id)"
        return text

    def write(self):
        return self.pick((
            lambda: f"INSERT INTO {self.table()} VALUES ({self.random.randint(1, 9)}, 'forged', 1)",
            lambda: f"INSERT INTO {self.table()} {self.select(2)}",
            lambda: f"INSERT OR REPLACE INTO {self.table()} BY NAME {self.select(2)}",
            lambda: f"UPDATE {self.table()} SET mark = 'forged'",
            lambda: f"UPDATE {self.table()} SET mark = (SELECT max(mark) FROM {self.table()}) WHERE true RETURNING *",
            lambda: f"DELETE FROM {self.table()} RETURNING mark",
            lambda: f"TRUNCATE {self.table()}",
            lambda: f"MERGE INTO {self.table()} USING (SELECT 1 AS id) u USING (id) WHEN MATCHED THEN DELETE",
            lambda: f"CREATE TABLE {self.table()} AS {self.select(2)}",
            lambda: f"CREATE OR REPLACE TABLE {self.table()} (id INT)",
            lambda: f"CREATE OR REPLACE VIEW {self.table()} AS {self.select(2)}",
            lambda: f"CREATE OR REPLACE TEMP TABLE x AS {self.select(2)}",
            lambda: f"CREATE OR REPLACE MACRO m(a) AS TABLE {self.select(2)}",
            lambda: f"CREATE OR REPLACE MACRO m(a) AS ({self.select(2)} LIMIT 1)",
            lambda: f"CREATE SCHEMA IF NOT EXISTS {self.tenant()}.s",
            lambda: f"CREATE SEQUENCE q{self.random.randint(1, 99)}",
            lambda: f"CREATE TYPE y{self.random.randint(1, 99)} AS ENUM ('a')",
            lambda: f"CREATE INDEX i{self.random.randint(1, 99)} ON {self.table()} (id)",
            lambda: f"ALTER TABLE {self.table()} ADD COLUMN c{self.random.randint(1, 99)} INT",
            lambda: f"ALTER TABLE {self.table()} RENAME TO r{self.random.randint(1, 99)}",
            lambda: f"DROP {self.pick(('TABLE', 'VIEW', 'SCHEMA', 'MACRO'))} IF EXISTS {self.table()} CASCADE",
            lambda: f"COMMENT ON TABLE {self.table()} IS 'forged'",
        ))()

    def reach(self):
        """Statements that would reach out of the tenant."""
        return self.fill(self.pick((
            "ATTACH '{path}' AS other", "ATTACH '{path}' AS other (READ_ONLY)", "DETACH {tenant}", "USE {tenant}.default", "USE other",
            "COPY secrets TO '{path}'", "COPY {table} TO '{path}' (FORMAT parquet)", "COPY secrets FROM '{path}'",
            "COPY FROM DATABASE {tenant} TO temp", "EXPORT DATABASE '/tmp/x'", "IMPORT DATABASE '{path}'", "INSTALL httpfs", "LOAD httpfs", "LOAD '{path}'",
            "CREATE SECRET (TYPE s3)", "CREATE PERSISTENT SECRET p (TYPE s3)", "DROP SECRET x", "CALL enable_logging()", "CALL disable_logging()",
            "CALL enable_logging('QueryLog')", "CALL pragma_version()", "CALL query('SELECT * FROM {table}')", "PRAGMA database_list", "PRAGMA version",
            "PRAGMA enable_profiling", "PRAGMA profiling_output='{path}'", "PRAGMA disable_optimizer", "PRAGMA import_database('{path}')",
            "CHECKPOINT", "FORCE CHECKPOINT", "VACUUM", "ANALYZE", "SHOW DATABASES", "SHOW ALL TABLES", "SHOW TABLES FROM {tenant}", "DESCRIBE {table}",
            "SUMMARIZE {table}", "EXPLAIN ANALYZE SELECT * FROM {table}", "SELECT getenv('HOME')", "SELECT current_setting('secret_directory')",
            "SELECT * FROM {table} AT (VERSION => 1)", "SELECT current_database()", "SELECT nextval('q1')", "SELECT write_log('x')",
            "SELECT getvariable('x')", "SELECT txid_current()")))

    def control(self):
        return self.fill(self.pick(("BEGIN", "BEGIN TRANSACTION READ WRITE", "BEGIN TRANSACTION READ ONLY", "START TRANSACTION", "COMMIT", "ROLLBACK", "ABORT",
                                    f"SET {self.pick(SETTINGS)}", f"SET GLOBAL {self.pick(SETTINGS)}", f"SET SESSION {self.pick(SETTINGS)}",
                                    f"RESET {self.pick(SETTINGS).split('=')[0]}", "DEALLOCATE p", "EXECUTE p", "EXECUTE p(1)")))

    def statement(self):
        kind = self.random.random()
        if kind < 0.4:
            text = self.select()
        elif kind < 0.65:
            text = self.write()
        elif kind < 0.8:
            text = self.reach()
        elif kind < 0.9:
            text = self.control()
        else:
            text = f"PREPARE p AS {self.pick((self.select, self.write, self.reach))()}"
        if self.random.random() < 0.1:
            text = f"EXPLAIN {self.pick(('', 'ANALYZE '))}{text}"
        if self.random.random() < 0.15:
            text += "; " + self.pick((self.select, self.write, self.control, self.reach))()
        if self.random.random() < 0.1:
            words = text.split(" ")
            words.insert(self.random.randrange(len(words)), self.pick(SPICE))
            text = " ".join(words)
        return text
