"""Kubernetes without machines: the real API server, controllers, scheduler and etcd, on free ports of loopback."""

import json
import os
import secrets
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import yaml
from cathouse_kit.testing import free_ports, wait_until
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Object = dict[str, Any]
HERE = Path(__file__).parent
# kubectl would find them out, but each call of it costs far more than the request.
_PATHS = {
    "pods": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "poddisruptionbudgets": "/apis/policy/v1",
}
DEAD_AFTER = 20
"""Seconds without a sign of life after which a node counts as dead."""


class CommandFailed(AssertionError):
    """A command that ended with a status other than 0."""


def programs() -> Path | None:
    """Return the folder of the programs, or `None` if they are not built."""
    found = subprocess.run(
        [HERE / "build-programs.sh", "--folder"], stdout=subprocess.PIPE, text=True, check=False
    )
    return None if found.returncode else Path(found.stdout.strip())


class Cluster:
    """The cluster, and its command line for the tests."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._folder = folder
        self._token = secrets.token_hex(16)
        self._api_port, self._etcd_port, peer_port = free_ports(3)
        self._peers = f"http://127.0.0.1:{peer_port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kubeconfig = folder / "kubeconfig"
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(folder),  # kubectl writes its cache there
            "PATH": f"{programs}:{os.environ['PATH']}",
        }

    @contextmanager
    def running(self) -> Iterator["Cluster"]:
        """Start the programs, and end them at the end."""
        key = self._folder / "service-accounts.pem"
        key.write_bytes(
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            )
        )
        tokens = self._folder / "tokens.csv"
        tokens.write_text(f"{self._token},tests,tests,system:masters\n")
        # The API server writes a certificate of its own into this folder.
        certificate = self._folder / "certificates/apiserver.crt"
        self._write_kubeconfig(certificate)
        etcd = f"http://127.0.0.1:{self._etcd_port}"
        with ExitStack() as stack:
            start = stack.enter_context
            start(
                self.process(
                    "etcd",
                    f"--data-dir={self._folder / 'etcd'}",
                    f"--listen-client-urls={etcd}",
                    f"--advertise-client-urls={etcd}",
                    f"--listen-peer-urls={self._peers}",
                    f"--initial-advertise-peer-urls={self._peers}",
                    f"--initial-cluster=default={self._peers}",
                    "--unsafe-no-fsync",  # the data is deleted at the end
                )
            )
            start(
                self.process(
                    "kube-apiserver",
                    f"--etcd-servers={etcd}",
                    "--bind-address=127.0.0.1",
                    "--advertise-address=127.0.0.1",
                    f"--secure-port={self._api_port}",
                    f"--cert-dir={certificate.parent}",
                    f"--token-auth-file={tokens}",
                    "--authorization-mode=Node,RBAC",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    f"--service-account-key-file={key}",
                    f"--service-account-signing-key-file={key}",
                    "--service-cluster-ip-range=10.96.0.0/16",
                    "--endpoint-reconciler-type=none",  # no endpoint may have an address of loopback
                    # For logs of Pods. DNS does not know a node's name.
                    "--kubelet-preferred-address-types=InternalIP",
                    # Pods leave a dead node after 5 minutes otherwise.
                    "--default-not-ready-toleration-seconds=3",
                    "--default-unreachable-toleration-seconds=3",
                )
            )
            wait_until("the API server's certificate", certificate.exists)
            self._api = start(
                httpx.Client(
                    base_url=f"https://127.0.0.1:{self._api_port}",
                    headers={"Authorization": f"Bearer {self._token}"},
                    verify=ssl.create_default_context(cafile=certificate),
                    trust_env=False,
                    timeout=30,
                )
            )
            wait_until("the API server", self._is_ready, seconds=120)
            start(
                self.process(
                    "kube-controller-manager",
                    f"--kubeconfig={self.kubeconfig}",
                    f"--service-account-private-key-file={key}",
                    f"--root-ca-file={certificate}",
                    "--leader-elect=false",
                    "--secure-port=0",
                    "--kube-api-qps=200",
                    "--kube-api-burst=400",
                    f"--node-monitor-grace-period={DEAD_AFTER}s",
                    "--node-monitor-period=1s",
                    # The metrics are objects of the tests, which the API server sends as JSON alone.
                    "--kube-api-content-type=application/json",
                    "--horizontal-pod-autoscaler-sync-period=2s",
                    "--horizontal-pod-autoscaler-downscale-stabilization=10s",
                    "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
                )
            )
            start(
                self.process(
                    "kube-scheduler",
                    f"--kubeconfig={self.kubeconfig}",
                    "--leader-elect=false",
                    "--secure-port=0",
                )
            )
            wait_until("the first service account", self._has_service_account)
            yield self

    def _write_kubeconfig(self, certificate: Path) -> None:
        server = f"https://127.0.0.1:{self._api_port}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "paper",
            "clusters": [
                {
                    "name": "paper",
                    "cluster": {"server": server, "certificate-authority": str(certificate)},
                }
            ],
            "users": [{"name": "tests", "user": {"token": self._token}}],
            "contexts": [{"name": "paper", "context": {"cluster": "paper", "user": "tests"}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))

    @contextmanager
    def process(self, name: str, *options: str) -> Iterator[None]:
        """Start another program of the cluster, and end it at the end."""
        with open(self._folder / f"{name}.log", "w") as log:
            process = subprocess.Popen(
                # A run that is killed must not leave it behind.
                ["setpriv", "--pdeathsig=TERM", name, *options],
                cwd=self._folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            self._processes[name] = process
            try:
                yield
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _is_ready(self) -> bool:
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise AssertionError(
                    f"{name} ended: {(self._folder / f'{name}.log').read_text()[-2000:]}"
                )
        try:
            return self._api.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def _has_service_account(self) -> bool:
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        return self._api.get(path).status_code == 200

    def request(self, method: str, path: str, body: Object | None = None, **headers: str) -> Object:
        """Return the response of the API server. Raises `CommandFailed` for refusals, and 404 returns an empty one."""
        response = self._api.request(
            method, path, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        if response.status_code == 404:
            return {}
        if response.is_error:
            raise CommandFailed(f"{method} {path}: {response.text}")
        result: Object = response.json()
        return result

    def run(
        self, *words: str | Path, cwd: Path | None = None, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command for the cluster. Return its result, with standard error in its output."""
        return subprocess.run(
            words,
            cwd=cwd,
            env=self.environment,
            input=given or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """Return the output of kubectl. Raises `CommandFailed`."""
        result = self.run("kubectl", *words, given=given)
        if result.returncode:
            raise CommandFailed(f"kubectl {' '.join(words)}: {result.stdout}")
        return result.stdout

    def get(self, kind: str, namespace: str, **selectors: str) -> list[Object]:
        """Return the objects of this kind. Selectors are `labelSelector` and `fieldSelector`."""
        path = f"{_PATHS[kind]}/namespaces/{namespace}/{kind}?{urlencode(selectors)}"
        found: list[Object] = self.request("GET", path)["items"]
        return found

    @contextmanager
    def endpoints(self, namespace: str) -> Iterator[Callable[[], dict[str, int]]]:
        """Record the ready endpoints of each service. The function returns the fewest that it had at any moment."""
        path = self._folder / f"endpoints-{secrets.token_hex(4)}"
        words = ("kubectl", "get", "endpointslices", f"--namespace={namespace}", "--watch")
        with open(path, "w") as file:
            watch = subprocess.Popen(
                [*words, "--output-watch-events", "--output=json"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
            )
            try:
                wait_until("the first endpoints", lambda: path.stat().st_size > 0)
                yield lambda: _fewest(path.read_text())
            finally:
                watch.terminate()
                watch.wait()


def _fewest(events: str) -> dict[str, int]:
    ready: dict[str, dict[str, int]] = {}
    fewest: dict[str, int] = {}
    decoder, position = json.JSONDecoder(), 0
    with suppress(json.JSONDecodeError):  # the last event may be incomplete
        while position < len(events):
            event, position = decoder.raw_decode(events, position)
            position += 1  # a line end
            piece = event["object"]
            service = piece["metadata"]["labels"]["kubernetes.io/service-name"]
            slices = ready.setdefault(service, {})
            slices[piece["metadata"]["name"]] = (
                0
                if event["type"] == "DELETED"
                else sum(e["conditions"]["ready"] for e in piece["endpoints"] or ())
            )
            fewest[service] = min(fewest.get(service, 1_000), sum(slices.values()))
    return fewest
