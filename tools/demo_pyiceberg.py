"""The demo's Iceberg part: read a table that eider wrote, write one that eider reads.

    demo_pyiceberg.py URL TENANT
"""

import sys

from pyiceberg.catalog import load_catalog
from pyiceberg.expressions import GreaterThan


def main(url, tenant):
    catalog = load_catalog("eider", type="rest", uri=f"{url}/iceberg", warehouse=tenant)
    flights = catalog.load_table("iceberg.flights_open")
    late = flights.scan(row_filter=GreaterThan("dep_delay", 120), selected_fields=("carrier", "dep_delay")).to_arrow()
    print(f"read: {late.num_rows} of {flights.scan().count()} flights left more than two hours late")
    worst = late.group_by("carrier").aggregate([("dep_delay", "count"), ("dep_delay", "max")])
    catalog.create_table("iceberg.very_late", schema=worst.schema).append(worst)
    print(f"written: iceberg.very_late, {worst.num_rows} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
