"""S3-compatible stores, each on a free port of its own: versitygw, which has no STS, and MinIO, which has."""

import datetime
import hashlib
import hmac
import pathlib
import socket
import subprocess
import urllib.parse

import requests

from lib.wait import until

PROGRAMS = pathlib.Path(__file__).resolve().parents[2] / "deps/go/bin"
REGION = "us-east-1"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Store:
    """A running store with one bucket; `with` starts and stops it."""

    name = None
    bucket = "lake"

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.key_id, self.key = "test-key-id", "test/key+with=signs"
        self.process = None
        self.port = 0

    def start(self, seconds=60):
        """After stop(): at the same port, with what it had."""
        program = PROGRAMS / self.name
        assert program.exists(), f"{program} is missing: run tools/setup suites"
        for tries in range(5):  # a port that was free may be taken meanwhile
            self.port = self.port or free_port()
            with open(self.directory / f"{self.name}.log", "ab") as log:
                self.process = subprocess.Popen([str(program), *self.words()], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, env=self.environment(), cwd=self.directory)
            try:
                until(self._answers, seconds, f"{self.name}")
                break
            except ChildProcessError:
                if tries == 4:
                    raise
                self.port = 0
        assert self.request("PUT", f"/{self.bucket}").status_code in (200, 409)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with {self.process.returncode}")
        try:
            return self.request("GET", "/").status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait(30)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    @property
    def keys(self):
        """The store's keys as a server's environment has them."""
        return {"AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.key}

    def warehouse(self, place="lake", **settings):
        """Lines of eider.yaml: a warehouse at this place of the bucket."""
        settings = {"location": f"s3://{self.bucket}/{place}", "endpoint": self.endpoint, "region": REGION} | settings
        return "outgoing: 127.0.0.1\nwarehouse:\n" + "".join(f"  {key}: {value}\n" for key, value in settings.items())

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, query="", body=b""):
        """Signed with the store's own keys."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        path = urllib.parse.quote(path)
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        names = "host;x-amz-content-sha256;x-amz-date"
        canonical = "\n".join([method, path, query, f"host:127.0.0.1:{self.port}", f"x-amz-content-sha256:{digest}",
                               f"x-amz-date:{now}", "", names, digest])
        key = ("AWS4" + self.key).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        headers = {"x-amz-date": now, "x-amz-content-sha256": digest, "Authorization":
                   f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"}
        return requests.request(method, f"{self.endpoint}{path}{'?' if query else ''}{query}", data=body,
                                headers=headers, timeout=30)


class Versity(Store):
    name = "versitygw"

    def words(self):
        for directory in ("objects", "side"):
            self.directory.joinpath(directory).mkdir(exist_ok=True)
        return ["--port", f"127.0.0.1:{self.port}", "--region", REGION, "posix", "--sidecar",
                str(self.directory / "side"), str(self.directory / "objects")]

    def environment(self):
        return {"ROOT_ACCESS_KEY": self.key_id, "ROOT_SECRET_KEY": self.key, "HOME": str(self.directory)}


class Minio(Store):
    name = "minio"

    def words(self):
        return ["server", "--quiet", "--address", f"127.0.0.1:{self.port}", "--console-address", "127.0.0.1:0", "objects"]

    def environment(self):
        return {"MINIO_ROOT_USER": self.key_id, "MINIO_ROOT_PASSWORD": self.key, "HOME": str(self.directory),
                "MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_CALLHOME_ENABLE": "off"}
