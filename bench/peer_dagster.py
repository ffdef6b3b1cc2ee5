"""The same steps as Dagster assets, each a statement in DuckDB: three from CSV to a file, or a chain of trivial ones.

BENCH_DATABASE: the DuckDB file; BENCH_CHAIN: how many assets the chain has, 0: the three steps; BENCH_TIMES: where each
asset notes when it ran; BENCH_SQL: directory of the three steps' statements.
"""

import os
import pathlib
import time

import dagster as dg
import duckdb

DATABASE = os.environ["BENCH_DATABASE"]
CHAIN = int(os.environ.get("BENCH_CHAIN", "0"))


def run(name, sql):
    with duckdb.connect(DATABASE) as connection:
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
    if "BENCH_TIMES" in os.environ:
        with open(os.environ["BENCH_TIMES"], "a") as times:
            times.write(f"{time.time()}\n")


def link(number):
    @dg.asset(name=f"c_{number:04d}", deps=[f"c_{number - 1:04d}"] if number else [])
    def asset():
        run(f"c_{number:04d}", f"SELECT x + 1 AS x FROM c_{number - 1:04d}" if number else "SELECT 1 AS x")

    return asset


def text(name):
    return (pathlib.Path(os.environ["BENCH_SQL"]) / f"{name}.sql").read_text()


@dg.asset
def orders():
    run("orders", text("orders"))


@dg.asset(deps=[orders])
def sales():
    run("sales", text("sales"))


@dg.asset(deps=[sales])
def regions():
    run("regions", text("regions"))
    with duckdb.connect(DATABASE) as connection:
        connection.execute("COPY (FROM regions) TO 'data/final/regions.csv' (HEADER)")


assets = [link(number) for number in range(CHAIN)] or [orders, sales, regions]
job = dg.define_asset_job("all_assets", executor_def=dg.in_process_executor)
every_five = dg.ScheduleDefinition(job=job, cron_schedule="*/5 * * * *")
definitions = dg.Definitions(assets=assets, jobs=[job], schedules=[every_five])
