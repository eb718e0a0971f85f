"""Readiness probes. They check over HTTP or with a command that a process is ready."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from process_compose.children import Children
from process_compose.config import ExecCommand, HttpGet, Probe

# Until the first success, HTTP probes run this often. A process that starts between two periods is then noticed at
# once. At most one failure is counted in each period. Commands run once a period, because each one starts a program.
_STARTING_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class ProbeResult:
    """The result of one probe. `problem` is None when the process is ready."""

    problem: str | None


class Prober:
    """Probes a process after the initial delay and then in every period, while `run` runs."""

    def __init__(
        self,
        probe: Probe,
        *,
        children: Children,
        shell: list[str],
        environment: Mapping[str, str],
        working_dir: str | None,
        on_change: Callable[[bool], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """Prepare the probes.

        `on_change` is called with each result. `on_failed` is called once with the last problem,
        when `failure_threshold` is reached.
        """
        self._probe = probe
        self._children = children
        self._shell = shell
        self._environment = environment
        self._working_dir = working_dir
        self._on_change = on_change
        self._on_failed = on_failed

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        was_ready = False
        await asyncio.sleep(self._probe.initial_delay_seconds)
        due = loop.time()
        while True:
            result = await self._probe_once()
            self._on_change(result.problem is None)
            if result.problem is None:
                was_ready = True
                failures = 0
            elif loop.time() >= due:
                failures += 1
                if failures == self._probe.failure_threshold:
                    self._on_failed(result.problem)
                    return
            if loop.time() >= due:
                # A probe that ran longer than a period skips the periods that it missed.
                missed = (loop.time() - due) // self._probe.period_seconds
                due += self._probe.period_seconds * (missed + 1)
            wait = due - loop.time()
            if self._probe.http_get is not None and not was_ready:
                wait = min(wait, _STARTING_POLL_SECONDS)
            await asyncio.sleep(max(wait, 0))

    async def _probe_once(self) -> ProbeResult:
        seconds = self._probe.timeout_seconds
        if self._probe.http_get is not None:
            try:
                return await asyncio.wait_for(_http_get(self._probe.http_get), seconds)
            except TimeoutError:
                return ProbeResult(f"no response within {seconds} s")
        if self._probe.exec is not None:
            return await self._run_command(self._probe.exec, seconds)
        raise AssertionError("a probe has either http_get or exec")

    async def _run_command(self, probe: ExecCommand, seconds: float) -> ProbeResult:
        try:
            child = await self._children.start(
                [*self._shell, probe.command],
                environment=self._environment,
                working_dir=probe.working_dir or self._working_dir,
                on_line=None,
            )
        except OSError as error:
            return ProbeResult(str(error))
        try:
            if not await child.wait(seconds):
                return ProbeResult(f"the command of its probe ran longer than {seconds} s")
            code = child.ended.result()
            return ProbeResult(
                None if code == 0 else f"the command of its probe exited with {code}"
            )
        finally:
            child.signal_group(signal.SIGKILL)


async def _http_get(probe: HttpGet) -> ProbeResult:
    """Send one request. The process is ready when the response has the expected status.

    Redirects are not followed.
    """
    try:
        reader, writer = await asyncio.open_connection(probe.host, int(probe.port))
    except OSError as error:
        return ProbeResult(error.strerror or str(error))
    try:
        headers = {
            "Host": f"{probe.host}:{probe.port}",
            "User-Agent": "process-compose-python",
            "Connection": "close",
        } | probe.headers
        lines = [f"GET {probe.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        _, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
        status = rest[:3]
    except (OSError, ValueError) as error:
        return ProbeResult(str(error))
    finally:
        writer.close()
    if status == str(probe.status_code):
        return ProbeResult(None)
    return ProbeResult(f"GET {probe.path} returned {status or 'nothing'}")
