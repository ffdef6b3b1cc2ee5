"""One Spark with Iceberg, in a Java process of its own, of what tools/fetch-engines has put into deps/."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "deps/spark"

# Small data: one task each, nothing compiled for it, no page to look at.
SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
}


class SparkError(Exception):
    """What Spark said of a statement, without the places in its code."""


class Spark:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.session = self.gateway = None

    def start(self):
        assert HOME.exists(), "Spark is not there: run `make suites`"
        self.directory.mkdir(parents=True, exist_ok=True)
        os.environ["SPARK_HOME"] = str(HOME)
        sys.path.append(str(HOME / "python"))
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        settings = SETTINGS | {"spark.sql.warehouse.dir": str(self.directory), "spark.local.dir": str(self.directory)}
        conf = SparkConf(loadDefaults=False).setMaster("local[2]").setAppName("eider").setAll(settings.items())
        with open(self.directory / "spark.log", "wb") as log:
            self.gateway = launch_gateway(conf, {"stdout": log, "stderr": log, "cwd": self.directory})
        self.session = SparkSession(SparkContext(conf=conf, gateway=self.gateway))
        return self

    def log(self):
        return (self.directory / "spark.log").read_text(errors="replace")

    def stop(self):
        process = self.gateway.proc
        self.session.stop()
        self.gateway.shutdown()
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)

    def add_catalog(self, name, properties):
        """An Iceberg catalog that sees at once what others do; names of properties as Iceberg has them: uri, warehouse, token."""
        prefix = f"spark.sql.catalog.{name}"
        for key, value in ({"type": "rest", "cache-enabled": "false"} | properties).items():
            self.session.conf.set(f"{prefix}.{key}", value)
        self.session.conf.set(prefix, "org.apache.iceberg.spark.SparkCatalog")

    def query(self, sql):
        """The result as an Arrow table."""
        try:
            return self.session.sql(sql).toArrow()
        except Exception as error:
            raise SparkError("\n".join(line for line in str(error).splitlines() if not re.match(r"\s*(at |\.\.\.)", line))) from None
