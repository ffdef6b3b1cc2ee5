"""Who may do what with Iceberg tables in SQL: readers read, writers change rows, owners change what there is."""

import pytest

TENANT = "tenant_a"


@pytest.fixture(scope="module")
def made(guarded):
    guarded.owner.rows("CREATE TABLE iceberg.orders AS SELECT 1 a", TENANT)
    return guarded


def denied(person, sql):
    answer = person.query(sql, TENANT)
    assert answer.status_code == 403, f"{sql}: {answer.text}"


@pytest.mark.parametrize("sql", ["SELECT * FROM iceberg.orders", "SELECT * FROM tenant_a.iceberg.orders", "FROM orders",
                                 "FROM iceberg_snapshots('orders')", "DESCRIBE iceberg.orders", "SHOW TABLES",
                                 "SELECT count(*) FROM orders x JOIN orders y USING (a)"])
def test_everybody_of_the_tenant_reads(made, sql):
    for person in (made.reader, made.writer, made.owner):
        assert person.query(sql, TENANT).status_code == 200


@pytest.mark.parametrize("sql", ["INSERT INTO iceberg.orders VALUES (2)", "UPDATE orders SET a = a",
                                 "DELETE FROM iceberg.orders WHERE a = 99",
                                 "MERGE INTO iceberg.orders o USING (SELECT 1 a) s USING (a) WHEN MATCHED THEN UPDATE"])
def test_writers_change_rows(made, sql):
    denied(made.reader, sql)
    denied(made.reader, f"EXPLAIN ANALYZE {sql}")
    for person in (made.writer, made.owner):
        assert person.query(sql, TENANT).status_code == 200


@pytest.mark.parametrize("sql", ["CREATE TABLE iceberg.more (a INTEGER)", "CREATE TABLE iceberg.more AS SELECT 1 a",
                                 "ALTER TABLE iceberg.orders ADD COLUMN z INTEGER", "DROP TABLE iceberg.orders",
                                 "ALTER TABLE orders RENAME TO others", "CREATE SCHEMA iceberg.ns",
                                 "ALTER TABLE iceberg.orders SET ('a' = 'b')"])
def test_owners_change_the_schema(made, sql):
    denied(made.reader, sql)
    denied(made.writer, sql)
    denied(made.writer, f"BEGIN; {sql}; COMMIT")


def test_strangers_see_nothing(made):
    for sql in ("SELECT * FROM tenant_a.iceberg.orders", "SELECT * FROM iceberg.orders", "FROM orders"):
        assert made.reader.query(sql, "tenant_b").status_code in (400, 404)
