"""A Spark standalone cluster on loopback: master, two workers and a Thrift server.

Everything comes from the pyspark wheel and Java 17. Processes are ended by their ids.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from dagster_project.settings import process_environment

HOST = "127.0.0.1"
START_SECONDS = 180


def missing_requirement() -> str | None:
    """Why no cluster can be started here, or None."""
    if find_spec("pyspark") is None:
        return "pyspark is not installed: pip install --require-hashes -r requirements-spark.lock"
    if shutil.which("java") is None:
        return "Java 17 is not installed: apt-get install openjdk-17-jre-headless"
    return None


@contextmanager
def spark_cluster(folder: Path) -> Iterator[int]:
    """Start the cluster with its files in ``folder``; yield the Thrift server's port.

    Raises:
        RuntimeError: a process ended or did not answer in time; its log is in the message.
    """
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = process_environment() | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_CONF_DIR": str(folder),
    }
    master_port, thrift_port = _free_port(), _free_port()
    spark_class = str(home / "bin" / "spark-class")
    master = f"spark://{HOST}:{master_port}"
    deploy = "org.apache.spark.deploy"
    with ExitStack() as stack:

        def start(name: str, command: list[str]) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            stack.callback(_end, process)
            return process

        started = start(
            "master",
            [
                *(spark_class, f"{deploy}.master.Master", "--host", HOST),
                *("--port", str(master_port), "--webui-port", str(_free_port())),
            ],
        )
        _wait_for(started, master_port, folder / "master.log")
        for number in (1, 2):
            start(
                f"worker_{number}",
                [
                    *(spark_class, f"{deploy}.worker.Worker", "--host", HOST, "--cores", "1"),
                    *("--memory", "1g", "--webui-port", str(_free_port()), master),
                ],
            )
        settings = {
            "spark.cores.max": "2",
            "spark.executor.memory": "1g",
            "spark.driver.host": HOST,
            "spark.ui.enabled": "false",
            # The driver keeps what it says about past statements, and the plans of some fill
            # megabytes: enough of them end it.
            "spark.sql.ui.retainedExecutions": "2",
            "spark.sql.thriftserver.ui.retainedStatements": "2",
            "spark.ui.retainedJobs": "10",
            "spark.ui.retainedStages": "10",
            "spark.sql.maxPlanStringLength": "1000",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Dderby.system.home={folder}",
            "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
            "spark.hadoop.hive.server2.thrift.port": str(thrift_port),
            "spark.hadoop.hive.server2.thrift.bind.host": HOST,
            "spark.hadoop.hive.server2.transport.mode": "binary",
        }
        confs = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
        thrift = start(
            "thrift",
            [
                *(str(home / "bin" / "spark-submit"), "--master", master),
                *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
                *("--driver-memory", "3g", *confs, "spark-internal"),
            ],
        )
        _wait_for(thrift, thrift_port, folder / "thrift.log")
        yield thrift_port


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.5)
    said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    raise RuntimeError(f"{log.stem} did not start (process {process.pid}):\n{said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End one process by its id; it takes its executors along."""
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=30)
