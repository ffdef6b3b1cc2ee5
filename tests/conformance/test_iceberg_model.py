"""The pure model of Iceberg's metadata against Iceberg's own server: random tables, views and commits go to both, and both make the
same documents of them or refuse them in the same way. Seeds are fixed."""

import copy
import itertools
import json
import random
import socket
import subprocess
import time
import uuid

import pytest
import requests
import suites
from lib.server import BUILD
from lib.wait import until

pytestmark = pytest.mark.slow

JARS = suites.DEPS / "suites/rck"
MODEL = BUILD / "src/domain/catalog/catalog_model_answers"
KINDS = {200: "ok", 400: "invalid_argument", 409: "aborted"}

# Where the reference answers otherwise on purpose or by mistake: (its status, ours, words of its message or of ours).
DIFFERENCES = [
    (400, "ok", "Cannot set last added"),  # what exists already counts as added, which is what a client means
    (400, "ok", "arraySize cannot be negative"),  # more ids to remove than there are
    (400, "ok", "Expected sorted snapshot log"),  # a client's clock is behind: the entry gets the time of the one before
    (400, "ok", "greater than last sequence number"),  # it lets the last sequence number go down
    (200, "aborted", "older than last sequence number"),  # the same
    (200, "invalid_argument", "it must be a branch"),  # main as a tag
    (200, "invalid_argument", "to unknown spec"),  # it finds specs that were removed
    (406, "invalid_argument", "Cannot truncate"),
]


# --- both sides ----------------------------------------------------------------------------------------------------


class Reference:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/v1/namespaces"
        self.session = requests.Session()
        self.session.trust_env = False

    def up(self):
        try:
            return self.session.get(self.base, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def ask(self, path, body):
        answer = self.session.post(f"{self.base}{path}", json=body, timeout=60)
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, {"error": {"message": answer.text[:300]}}


class Model:
    def __init__(self):
        self.process = subprocess.Popen([MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **line):
        print(json.dumps(line | {"now": int(time.time() * 1000)}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    assert list(JARS.glob("iceberg-open-api-*-tests.jar")), "Iceberg's reference server is not there: run `make suites`"
    place = tmp_path_factory.mktemp("reference")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"CATALOG_WAREHOUSE": f"file://{place}/warehouse", "CATALOG_URI": f"jdbc:sqlite:{place}/catalog.db",
                   "CATALOG_REST_PORT": str(port)}
    process = subprocess.Popen([suites.need("java", "Java"), "-cp", f"{JARS}/*", "org.apache.iceberg.rest.RESTCatalogServer"],
                               env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = Reference(port)
    until(found.up, 120, "Iceberg's reference server")
    found.ask("", {"namespace": ["ns"]})
    yield found
    process.kill()
    process.wait()


@pytest.fixture
def model():
    found = Model()
    yield found
    found.process.stdin.close()
    assert found.process.wait(10) == 0


# --- comparing -----------------------------------------------------------------------------------------------------


def plain(document, started_ms):
    """Without times of the moment and without an order that says nothing."""
    document = copy.deepcopy(document)
    for key in ("last-updated-ms", "metadata-log"):
        document.pop(key, None)
    document.setdefault("properties", {})
    for schema in document["schemas"]:
        schema["identifier-field-ids"] = sorted(schema.get("identifier-field-ids", []))
    for entry in document.get("snapshot-log", []) + document.get("version-log", []):
        if isinstance(entry, dict):
            entry["timestamp-ms"] = min(entry["timestamp-ms"], started_ms)
    for snapshot in document.get("snapshots", []):
        snapshot.setdefault("sequence-number", 0)
    there = [snapshot["snapshot-id"] for snapshot in document.get("snapshots", [])]
    for key in ("statistics", "partition-statistics"):
        document[key] = [file for file in document.get(key, []) if file["snapshot-id"] in there]
    for key, by in (("statistics", "snapshot-id"), ("partition-statistics", "snapshot-id"), ("versions", "version-id")):
        document.get(key, []).sort(key=lambda item, by=by: item[by])
    return document


def compare(asked, theirs, ours, started_ms, adjust=lambda document: document):
    """The document that both have now, or None: both refused, or they are known to differ."""
    status, answer = theirs
    code = ours["code"]
    said = f"{answer.get('error', {}).get('message', '')} {ours.get('message', '')}"
    if any((status, code) == known[:2] and known[2] in said for known in DIFFERENCES):
        return None
    if status == 500 and code in ("invalid_argument", "aborted"):  # an exception that nobody expected there
        return None
    assert KINDS.get(status) == code, f"{status} or {code}: {said}\n{json.dumps(asked)}"
    if code != "ok":
        return None
    assert plain(adjust(ours["metadata"]), started_ms) == plain(adjust(answer["metadata"]), started_ms), json.dumps(asked)
    return answer["metadata"]


# --- what is asked -------------------------------------------------------------------------------------------------

WORDS = ["boolean", "int", "long", "float", "double", "date", "time", "timestamp", "timestamptz", "string", "uuid", "binary",
         "decimal(9,2)", "fixed[4]"]
WORDS_V3 = ["timestamp_ns", "timestamptz_ns", "variant", "geometry", "geography(srid:4326, spherical)"]
TRANSFORMS = ["identity", "bucket[4]", "truncate[3]", "year", "month", "day", "hour", "void", "bucket[0]", "zorder"]
EPOCH = 1600000000000


class Asker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.choice = self.random.choice
        self.snapshot_count = 0

    def often(self, share):
        return self.random.random() < share

    def kind(self, ids, depth, third):
        roll = self.random.random()
        if depth < 2 and roll < 0.1:
            return {"type": "struct", "fields": self.fields(ids, 2, depth + 1, third)}
        if depth < 2 and roll < 0.18:
            return {"type": "list", "element-id": next(ids), "element": self.kind(ids, depth + 1, third), "element-required": self.often(.5)}
        if depth < 2 and roll < 0.25:
            return {"type": "map", "key-id": next(ids), "key": "string", "value-id": next(ids), "value": self.kind(ids, depth + 1, third),
                    "value-required": self.often(.5)}
        return self.choice(WORDS_V3 if third and roll < 0.4 else WORDS)

    def fields(self, ids, most, depth, third):
        names = self.random.sample("abcdefg", self.random.randint(1, most))
        return [{"id": next(ids), "name": name, "required": self.often(.3), "type": self.kind(ids, depth, third)} for name in names]

    def schema(self, first=1, third=False):
        found = {"type": "struct", "schema-id": self.choice([0, 1, 5]), "fields": self.fields(itertools.count(first), 5, 0, third)}
        if self.often(.15):
            found["identifier-field-ids"] = [self.choice(found["fields"])["id"]]
        return found

    def source(self, schema):
        """A column and a transform, which mostly go together."""
        simple = [field for field in schema["fields"] if field["type"] in WORDS]
        if simple and self.often(.9):
            return self.choice(simple), self.choice(["identity", "identity", "void", "zorder"])
        return self.choice(schema["fields"]), self.choice(TRANSFORMS)

    def spec(self, schema):
        found = []
        for number in range(self.random.randint(0, 2) if schema["fields"] else 0):
            field, transform = self.source(schema)
            name = f"{field['name']}_{transform.split('[')[0]}" if self.often(.9) else self.choice("abc")
            found.append({"source-id": field["id"], "name": name, "transform": transform, "field-id": 1000 + number})
        return {"spec-id": self.choice([0, 1, 3]), "fields": found}

    def order(self, schema):
        sources = [self.source(schema) for _ in range(self.random.randint(0, 2) if schema["fields"] else 0)]
        found = [{"source-id": field["id"], "transform": transform, "direction": self.choice(["asc", "desc"]),
                  "null-order": self.choice(["nulls-first", "nulls-last"])} for field, transform in sources]
        return {"order-id": self.choice([1, 2]) if found else 0, "fields": found}

    def table(self):
        version = self.choice("1223")
        schema = self.schema(self.choice([1, 10]), version == "3")
        return {"schema": schema, "partition-spec": self.spec(schema), "write-order": self.order(schema),
                "properties": {"format-version": version, "p": "q"}}

    def snapshot(self, table):
        self.snapshot_count += 1
        found = {"snapshot-id": self.snapshot_count * 1000003, "timestamp-ms": EPOCH + self.snapshot_count * 1000,
                 "manifest-list": f"file:///m/{self.snapshot_count}.avro", "summary": {"operation": "append"}, "schema-id": 0}
        if table["format-version"] > 1:
            found["sequence-number"] = table["last-sequence-number"] + (1 if self.often(.95) else 0)
        if table["format-version"] > 2:
            found |= {"first-row-id": table["next-row-id"] - (0 if self.often(.95) else 1), "added-rows": self.random.randint(0, 9)}
            found = {key: value for key, value in found.items() if value != -1}
        if table["current-snapshot-id"] not in (None, -1):
            found["parent-snapshot-id"] = table["current-snapshot-id"]
        return found

    def change_shape(self, table, current):
        """One change of schema, spec or order, mostly made the default at once."""
        what, last = self.choice(["schema", "schema", "spec", "order"]), self.often(.6)
        if what == "spec":
            found = [{"action": "add-spec", "spec": self.spec(current)}, {"action": "set-default-spec", "spec-id": -1}]
        elif what == "order":
            found = [{"action": "add-sort-order", "sort-order": self.order(current)}, {"action": "set-default-sort-order", "sort-order-id": -1}]
        else:
            schema = copy.deepcopy(current)
            third = table["format-version"] > 2 or self.often(.05)
            ids = itertools.count(table["last-column-id"] + 1)
            schema["fields"] = [field for field in schema["fields"] if self.often(.98)]
            if self.often(.8):
                schema["fields"].append({"id": next(ids), "name": f"n{self.random.randint(0, 50)}", "required": False,
                                         "type": self.kind(ids, 1, third)})
            found = [{"action": "add-schema", "schema": schema}, {"action": "set-current-schema", "schema-id": -1}]
        return found if last else found[:1]

    def change(self, table, current):
        """One change of anything else; ids are mostly of what is there."""
        snapshot = self.choice([found["snapshot-id"] for found in table["snapshots"]] * 9 + [777])
        updates = [
            {"action": "set-current-schema", "schema-id": self.choice([found["schema-id"] for found in table["schemas"]] + [99])},
            {"action": "set-default-spec", "spec-id": self.choice([found["spec-id"] for found in table["partition-specs"]])},
            {"action": "set-default-sort-order", "sort-order-id": self.choice([found["order-id"] for found in table["sort-orders"]])},
            {"action": "set-snapshot-ref", "ref-name": self.choice(["main", "t", "b"]), "type": self.choice(["branch", "tag"]),
             "snapshot-id": snapshot} | ({"max-ref-age-ms": self.choice([0, 5])} if self.often(.1) else {}),
            {"action": "remove-snapshots", "snapshot-ids": [snapshot]},
            {"action": "remove-snapshot-ref", "ref-name": self.choice(["main", "t", "b"])},
            {"action": "set-properties", "updates": {self.choice("xyz"): "1"}},
            {"action": "remove-properties", "removals": [self.choice("xyz")]},
            {"action": "set-statistics", "snapshot-id": snapshot, "statistics": {
                "snapshot-id": snapshot, "statistics-path": "file:///s", "file-size-in-bytes": 9, "file-footer-size-in-bytes": 3,
                "blob-metadata": [{"type": "t", "snapshot-id": 1, "sequence-number": 1, "fields": [1]}]}},
            {"action": "remove-statistics", "snapshot-id": snapshot},
            {"action": "set-partition-statistics", "partition-statistics": {
                "snapshot-id": snapshot, "statistics-path": "file:///p", "file-size-in-bytes": 9}},
            {"action": "remove-partition-statistics", "snapshot-id": snapshot},
            {"action": "remove-partition-specs", "spec-ids": [self.choice([found["spec-id"] for found in table["partition-specs"]])]},
            {"action": "add-encryption-key", "encryption-key": {"key-id": self.choice("kl"), "encrypted-key-metadata": "YWJj"}},
            {"action": "remove-encryption-key", "key-id": self.choice("kl")},
            {"action": "upgrade-format-version", "format-version": self.choice([1, 2, 3])},
        ]
        return [self.choice(updates)]

    def commit(self, table):
        current = next(found for found in table["schemas"] if found["schema-id"] == table["current-schema-id"])
        updates = []
        if self.often(.6):
            snapshot = self.snapshot(table)
            updates = [{"action": "add-snapshot", "snapshot": snapshot},
                       {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot["snapshot-id"]}]
        for _ in range(self.random.randint(1, 3)):
            updates += self.change_shape(table, current) if self.often(.4) else self.change(table, current)
        return {"requirements": self.requirements(table), "updates": updates}

    def requirements(self, table):
        numbers = {"last-assigned-field-id": "last-column-id", "current-schema-id": "current-schema-id",
                   "last-assigned-partition-id": "last-partition-id", "default-spec-id": "default-spec-id",
                   "default-sort-order-id": "default-sort-order-id"}
        found = [{"type": f"assert-{name}", name: table[member] + (0 if self.often(.95) else 1)}
                 for name, member in numbers.items() if self.often(.1)]
        if self.often(.3):
            found.append({"type": "assert-table-uuid", "uuid": table["table-uuid"] if self.often(.9) else str(uuid.UUID(int=5))})
        if self.often(.05):
            found.append({"type": "assert-ref-snapshot-id", "ref": self.choice(["main", "t"]),
                          "snapshot-id": self.choice([None, table["current-snapshot-id"], 1])})
        return found

    def version(self, number, schema):
        dialects = self.random.sample(["spark", "trino", "duckdb"], self.random.randint(1, 2)) if self.often(.95) else ["spark", "Spark"]
        found = {"version-id": number, "schema-id": schema, "timestamp-ms": EPOCH + number, "summary": {"engine": self.choice("ab")},
                 "default-namespace": ["ns"],
                 "representations": [{"type": "sql", "sql": self.choice(["select 1", "select 2"]), "dialect": name} for name in dialects]}
        return found | ({"default-catalog": "c"} if self.often(.3) else {})

    def view_commit(self, view):
        updates = []
        for _ in range(self.random.randint(1, 2)):
            number = max(found["version-id"] for found in view["versions"]) + 1
            schema = self.choice([found["schema-id"] for found in view["schemas"]] + [-1, 55])
            add = [{"action": "add-schema", "schema": self.schema()}] if schema == -1 else []
            add += [{"action": "add-view-version", "view-version": self.version(number, schema)},
                    {"action": "set-current-view-version", "view-version-id": -1}]
            updates += self.choice([
                add, add,
                [{"action": "set-current-view-version", "view-version-id": self.choice([found["version-id"] for found in view["versions"]])}],
                [{"action": "set-properties", "updates": {"replace.drop-dialect.allowed": self.choice(["true", "false"])}}],
                [{"action": "set-location", "location": view["location"] + self.choice(["", "2"])}],
                [{"action": "assign-uuid", "uuid": self.choice([view["view-uuid"], str(uuid.UUID(int=5))])}],
            ])
        return {"requirements": [{"type": "assert-view-uuid", "uuid": view["view-uuid"]}], "updates": updates}


# --- the tests -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_tables_become_the_same(reference, model, seed):
    asker, started_ms, made = Asker(seed), int(time.time() * 1000) - 3600_000, 0
    for number in range(6):
        request = {"name": f"t{seed}_{number}"} | asker.table()
        theirs = reference.ask("/ns/tables", request)
        new = theirs[1].get("metadata", {})
        ours = model.ask(request=request, uuid=new.get("table-uuid", str(uuid.UUID(int=1))), location=new.get("location", "file:///none"))
        table = compare(request, theirs, ours, started_ms)
        for _ in range(12 if table else 0):
            commit = asker.commit(table)
            theirs = reference.ask(f"/ns/tables/{request['name']}", commit)
            after = compare(commit, theirs, model.ask(base=table, **commit), started_ms)
            made += after is not None
            table = after or theirs[1].get("metadata") or table
    assert made > 10


@pytest.mark.parametrize("seed", range(2))
def test_views_become_the_same(reference, model, seed):
    def first(view):
        """The server says itself who made the first version, and when."""
        return view | {"versions": [version | {"timestamp-ms": 0, "summary": {}} for version in view["versions"]],
                       "version-log": [entry["version-id"] for entry in view["version-log"]]}

    asker, started_ms, made = Asker(seed), int(time.time() * 1000) - 3600_000, 0
    for number in range(10):
        request = {"name": f"v{seed}_{number}", "schema": asker.schema(), "view-version": asker.version(1, 0),
                   "properties": {"version.history.num-entries": asker.choice("239")}}
        theirs = reference.ask("/ns/views", request)
        new = theirs[1].get("metadata", {})
        ours = model.ask(kind="view", request=request, uuid=new.get("view-uuid", str(uuid.UUID(int=1))),
                         location=new.get("location", "file:///none"))
        view = compare(request, theirs, ours, started_ms, first)
        for _ in range(10 if view else 0):
            commit = asker.view_commit(view)
            theirs = reference.ask(f"/ns/views/{request['name']}", commit)
            after = compare(commit, theirs, model.ask(kind="view", base=view, **commit), started_ms)
            made += after is not None
            view = after or theirs[1].get("metadata") or view
    assert made > 10
