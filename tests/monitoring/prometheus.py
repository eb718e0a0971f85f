"""Debian's Prometheus and node exporter, and a stand-in for the exporters of Kubernetes."""

import math
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml
from cathouse_kit.testing import free_port, is_ready, wait_until

from .expressions import ROOT, RULES

# Metrics of exporters that cannot run here: the kubelet and kube-state-metrics need Kubernetes. The disks of node
# exporter are here too, because no test may depend on how full this machine's disk is. NOW is the time of the request.
STAND_IN = """
node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 5e10
node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 1e11
kubelet_volume_stats_available_bytes{namespace="cathouse",persistentvolumeclaim="database-1"} 5e9
kubelet_volume_stats_capacity_bytes{namespace="cathouse",persistentvolumeclaim="database-1"} 1e10
kube_cronjob_created{namespace="cathouse",cronjob="backup"} 1.7e9
kube_cronjob_created{namespace="cathouse",cronjob="prune-audit"} 1.7e9
kube_cronjob_status_last_successful_time{namespace="cathouse",cronjob="backup"} NOW
kube_cronjob_status_last_successful_time{namespace="cathouse",cronjob="prune-audit"} NOW
"""
# A busy machine responds to a scrape within this time.
_INTERVAL = "2s"


@dataclass
class Prometheus:
    """A running Prometheus, with the jobs and rules of deploy/prometheus."""

    folder: Path
    url: str

    def configure(self, targets: Mapping[str, Sequence[str]], *, at_once: bool = False) -> None:
        """Write the configuration, and load it if Prometheus runs.

        `targets` has the addresses for each job of deploy/prometheus/compose.yaml, which finds them by DNS, and for
        other jobs. With `at_once`, alerts fire as soon as their condition holds.
        """
        config = yaml.safe_load((ROOT / "deploy/prometheus/compose.yaml").read_text())
        rules = yaml.safe_load(RULES.read_text())
        jobs = {job["job_name"]: job for job in config["scrape_configs"]}
        for name in targets:
            jobs.setdefault(name, {"job_name": name}).pop("dns_sd_configs", None)
            jobs[name]["static_configs"] = [{"targets": list(targets[name])}]
        config["scrape_configs"] = list(jobs.values())
        del config["alerting"]
        config["global"] = {
            "scrape_interval": _INTERVAL, "scrape_timeout": _INTERVAL, "evaluation_interval": "1s"
        }  # fmt: skip
        if at_once:
            for group in rules["groups"]:
                for rule in group["rules"]:
                    rule.pop("for", None)
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        (self.folder / "rules.yaml").write_text(yaml.safe_dump(rules))
        if is_ready(self.url, "/-/ready"):
            httpx.post(f"{self.url}/-/reload", timeout=30, trust_env=False).raise_for_status()

    def query(self, expression: str) -> list[float]:
        """Return the values of an expression, without those that are not numbers. Fails if it is invalid."""
        body = self._get("query", {"query": expression})
        values = [float(sample["value"][1]) for sample in body["result"]]
        return [value for value in values if not math.isnan(value)]

    def alerts(self, *states: str) -> set[tuple[str, str]]:
        """Return the names and jobs of the alerts that are in one of these states."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("job", ""))
            for alert in self._get("alerts", {})["alerts"]
            if alert["state"] in states
        }

    def _get(self, path: str, parameters: dict[str, str]) -> Any:
        response = httpx.get(
            f"{self.url}/api/v1/{path}", params=parameters, timeout=30, trust_env=False
        )
        assert response.status_code == 200, f"{parameters}: {response.text}"
        return response.json()["data"]


@contextmanager
def running_prometheus(
    program: str, folder: Path, targets: Mapping[str, Sequence[str]]
) -> Iterator[Prometheus]:
    port = free_port()
    prometheus = Prometheus(folder, f"http://127.0.0.1:{port}")
    prometheus.configure(targets)
    command = [
        program,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
    ]
    with _started(command, folder / "prometheus.log", prometheus.url, "/-/ready"):
        yield prometheus


@contextmanager
def running_node_exporter(program: str, folder: Path, recorded: Path) -> Iterator[str]:
    """Start node exporter for the files in `recorded`. Yields its address."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={recorded}",
        f"--web.listen-address={address}",
    ]
    with _started(command, folder / "node-exporter.log", f"http://{address}", "/metrics"):
        yield address


@contextmanager
def _started(command: list[str], log: Path, url: str, path: str) -> Iterator[None]:
    """Start a program, wait until it returns 200 for a path, and end it afterwards."""

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return is_ready(url, path)

    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            wait_until(command[0], ready)
            yield
        finally:
            process.kill()


@contextmanager
def stand_in() -> Iterator[str]:
    """Serve the metrics of the stand-in. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = STAND_IN.replace("NOW", str(time.time())).lstrip().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
