"""A PostgreSQL of Debian's on a free port of its own, with one database `shop` and a user that has a password."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

from lib.s3 import free_port
from lib.wait import until

USER, PASSWORD = "reader", "pass'word with; \"signs\""


class Postgres:
    """`with` starts and stops it. It refuses to be root, so root lends it another user."""

    def __init__(self):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        assert programs, "PostgreSQL is missing: run tools/setup suites"
        self.bin = programs[-1].parent
        self.port = free_port()
        self.lent = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid} if os.getuid() == 0 else {}

    def _run(self, *words):
        return subprocess.run([str(self.bin / words[0]), *words[1:]], check=True, capture_output=True, text=True,
                              cwd=self.directory, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **self.lent)

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
        if self.lent:
            shutil.chown(self.directory, "nobody", self.lent["group"])
        (self.directory / "password").write_text(PASSWORD)
        self._run("initdb", "-D", "data", "-U", "admin", "--auth=scram-sha-256", "--pwfile=password", "--no-sync")
        words = ["-D", "data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.directory}", "-c", "fsync=off"]
        with open(os.open(self.directory / "log", os.O_CREAT | os.O_WRONLY, 0o666), "w") as log:
            self.process = subprocess.Popen([str(self.bin / "postgres"), *words], cwd=self.directory, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, **self.lent)
        until(self._answers, 60, "PostgreSQL")
        self.sql("CREATE DATABASE shop", "postgres")
        quoted = PASSWORD.replace("'", "''")
        self.sql(f"CREATE USER {USER} PASSWORD '{quoted}'; GRANT pg_read_all_data TO {USER}")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        return subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0

    def sql(self, text, database="shop"):
        words = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "admin", "-d", database, "-c", text]
        return subprocess.run([str(self.bin / words[0]), *words[1:]], check=True, capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin", "PGPASSWORD": PASSWORD}).stdout

    @property
    def url(self):
        return f"postgres://{USER}@localhost:{self.port}/shop"

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.directory)
