"""Arrow IPC bytes as clients make them."""

import io

import pyarrow as pa


def stream(table, **options):
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write(table)
    return out.getvalue()
