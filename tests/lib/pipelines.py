"""Projects of pipelines: made from texts, run by `eider run`, served, and read back.

    project = make_project({"pipelines/a.sql": "SELECT 1 AS x"})
    project.ok("run")                           # without a server: a private one
    project.steps()["a"]["state"]               # history, from the server's tables
    with project.served() as server:
        run = server.run(select=["a"])          # by REST, until it has ended
        assert run["steps"]["a"]["rows"] == 1
"""

import contextlib
import json
import pathlib
import re
import sqlite3

import pytest

from lib.commandline import CommandLine
from lib.front import Front
from lib.wait import until

TENANT = "tenant_acme"
RUN_STATES = ["queued", "running", "cancelling", "done", "failed", "cancelled", "interrupted"]
STEP_STATES = ["waiting", "ready", "running", "retrying", "done", "warned", "failed", "skipped", "cancelled", "interrupted"]
ENDED = {"done", "failed", "cancelled", "interrupted"}


class ProjectServer(Front):
    """`eider serve` of a project, on a free port, with its eider.yaml; start() after kill() goes on with it."""

    def __init__(self, project, **arguments):
        super().__init__(project.root, **arguments)
        self.project = project
        self.log_path = project.root.parent / f"{project.root.name}.log"  # not among the project's own files

    def api(self, method, path="", body=None, status=None, **parameters):
        """A call below /api/v1/pipelines; gives the JSON. status: the one that is expected, else any 2xx."""
        url = f"/api/v1/pipelines{path}"
        if method == "GET":
            answer = self.get(url, params=parameters)
        else:
            answer = self.post(url, {} if body is None else body, params=parameters)
        good = answer.status_code == status if status else 200 <= answer.status_code < 300
        assert good, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.text.strip() else None

    def start_run(self, **body):
        """Starts a run; gives its id. run(select=["a"], environment="dev", changed=True, full_refresh=True, …)"""
        return self.api("POST", "/runs", body, status=201)["id"]

    def run(self, seconds=60, **body):
        """Starts a run and waits for its end: {"state", …, "steps": {asset: step}, "attempts": [...]}"""
        return self.ended(self.start_run(**body), seconds)

    def look(self, run):
        """A run as it is now, its steps by asset."""
        answer = self.api("GET", f"/runs/{run}")
        found = dict(answer.get("run", answer))
        found["attempts"] = answer.get("attempts", [])
        found["steps"] = {step["asset"]: step for step in answer["steps"]}
        return found

    def ended(self, run, seconds=60):
        return until(lambda: (found := self.look(run))["state"] in ENDED and found, seconds, f"the end of run {run}")

    def runs(self, **parameters):
        """Newest first."""
        return self.api("GET", "/runs", **parameters)["runs"]

    def log_lines(self, run, **parameters):
        return self.api("GET", f"/runs/{run}/logs", **parameters)["lines"]


class Project:
    """A directory with eider.yaml. files: texts (or bytes) by path; settings: further lines of eider.yaml."""

    def __init__(self, root, files=None, settings="", tenant=TENANT):
        self.root = pathlib.Path(root)
        self.tenant = tenant
        for directory in ("pipelines", "data/source", "data/processed", "data/final", "seeds", "tests"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        self.settings(settings)
        self.write(files or {})

    def settings(self, text=""):
        self.write({"eider.yaml": f"tenant: {self.tenant}\n{text}"})

    def write(self, files):
        """A text that is None removes the file."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        return (self.root / name).read_text()

    def files(self, below="."):
        """Paths of all files below a directory, relative to the project."""
        return sorted(str(path.relative_to(self.root)) for path in (self.root / below).rglob("*") if path.is_file())

    # The command line, in the project's directory; it finds a server of the project, or starts a private one.

    @property
    def eider(self):
        return CommandLine(directory=self.root)

    def __call__(self, *words, **arguments):
        return self.eider(*words, **arguments)

    def ok(self, *words, **arguments):
        return self.eider.ok(*words, **arguments)

    def fails(self, *words, **arguments):
        return self.eider.fails(*words, **arguments)

    def query(self, sql, tenant=None):
        """Rows of a statement as dictionaries."""
        return json.loads(self.ok("query", sql, "--tenant", tenant or self.tenant, "--output", "json"))

    # History, from the server's own tables; also after a kill.

    def _rows(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/db/eider.db?mode=ro", uri=True, timeout=10)) as store:
            store.row_factory = sqlite3.Row
            return [dict(row) for row in store.execute(sql, values)]

    def runs(self):
        """Newest first; state is a word."""
        return [row | {"state": RUN_STATES[row["state"]]} for row in self._rows("SELECT * FROM pipeline_runs ORDER BY number DESC")]

    def steps(self, run=None):
        """{asset: step} of a run (its id), default: of the newest; state is a word."""
        number = next(row["number"] for row in self.runs() if run in (None, row["id"]))
        found = self._rows("SELECT * FROM pipeline_steps WHERE run = ? ORDER BY step", number)
        return {row["asset"]: row | {"state": STEP_STATES[row["state"]]} for row in found}

    # A server.

    @contextlib.contextmanager
    def served(self, **arguments):
        server = ProjectServer(self, **arguments).start()
        try:
            yield server
        finally:
            if server.running:
                server.stop()


def opened(root):
    """The project that lies in a directory already."""
    project = Project.__new__(Project)
    project.root = pathlib.Path(root)
    project.tenant = re.search(r"^tenant: (\w+)", project.read("eider.yaml"), re.M).group(1)
    return project


@pytest.fixture
def make_project(tmp_path):
    """Projects of one test: make_project({path: text}, settings="...")."""
    made = []

    def make(files=None, settings="", name=None, tenant=TENANT):
        made.append(name or f"project{len(made) or ''}")
        return Project(tmp_path / made[-1], files, settings, tenant)

    return make


def generated(count, width=10, rows=1):
    """Files of a project with `count` assets in layers: each reads up to two of the layer above. One in `width` is a
    root. The last is g_NNNN; its number is count - 1."""
    files = {}
    for number in range(count):
        layer, place = divmod(number, width)
        if layer == 0:
            sql = f"SELECT {number} AS id, range AS n FROM range({rows})"
        else:
            above = [(layer - 1) * width + place, (layer - 1) * width + (place + 1) % width]
            sql = " UNION ALL ".join(f"SELECT id, n FROM g_{name:04d}" for name in dict.fromkeys(above))
            sql = f"SELECT min(id) AS id, n FROM ({sql}) GROUP BY n"
        files[f"pipelines/layer_{layer:03d}/g_{number:04d}.sql"] = f"/* eider\ngroup: layer_{layer:03d}\n*/\n{sql}\n"
    return files


def chain(count, materialize="table"):
    """Files of a project with `count` trivial assets, each reading the one before."""
    head = f"/* eider\nmaterialize: {materialize}\n*/\n"
    files = {"pipelines/c_0000.sql": f"{head}SELECT 1 AS x\n"}
    for number in range(1, count):
        files[f"pipelines/c_{number:04d}.sql"] = f"{head}SELECT x + 1 AS x FROM c_{number - 1:04d}\n"
    return files
