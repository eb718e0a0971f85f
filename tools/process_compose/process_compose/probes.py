"""Readiness probes: asking a process over HTTP or with a command whether it is ready."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from process_compose.children import Children
from process_compose.config import ExecCommand, HttpGet, Probe

# Until the first success, HTTP probes repeat this soon, so that a start is not rounded up to the
# next period. The extra probes count as failures no more often than the period says. Commands do
# not repeat: each starts a program.
_STARTING_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """`problem` is None when the process is ready."""

    problem: str | None


class Prober:
    """Asks at once (after the initial delay), then every period, for as long as `run` runs."""

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
        """`on_change` hears each answer, `on_failed` why, once, when the threshold is reached."""
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
            answer = await self._ask()
            self._on_change(answer.problem is None)
            if answer.problem is None:
                was_ready = True
                failures = 0
            elif loop.time() >= due:
                failures += 1
                if failures == self._probe.failure_threshold:
                    self._on_failed(answer.problem)
                    return
            if loop.time() >= due:
                # A question that took longer than the period skips the turns that it missed.
                missed = (loop.time() - due) // self._probe.period_seconds
                due += self._probe.period_seconds * (missed + 1)
            wait = due - loop.time()
            if self._probe.http_get is not None and not was_ready:
                wait = min(wait, _STARTING_POLL_SECONDS)
            await asyncio.sleep(max(wait, 0))

    async def _ask(self) -> Answer:
        seconds = self._probe.timeout_seconds
        if self._probe.http_get is not None:
            try:
                return await asyncio.wait_for(_http_get(self._probe.http_get), seconds)
            except TimeoutError:
                return Answer(f"no answer within {seconds} s")
        if self._probe.exec is not None:
            return await self._run_command(self._probe.exec, seconds)
        raise AssertionError("a probe has one way to ask")

    async def _run_command(self, question: ExecCommand, seconds: float) -> Answer:
        try:
            child = await self._children.start(
                [*self._shell, question.command],
                environment=self._environment,
                working_dir=question.working_dir or self._working_dir,
                on_line=None,
            )
        except OSError as error:
            return Answer(str(error))
        try:
            if not await child.wait(seconds):
                return Answer(f"its command took longer than {seconds} s")
            code = child.ended.result()
            return Answer(None if code == 0 else f"its command exited with {code}")
        finally:
            child.signal_group(signal.SIGKILL)


async def _http_get(question: HttpGet) -> Answer:
    """Ready when the answer has the status asked for. Redirects are not followed."""
    try:
        reader, writer = await asyncio.open_connection(question.host, int(question.port))
    except OSError as error:
        return Answer(error.strerror or str(error))
    try:
        headers = {
            "Host": f"{question.host}:{question.port}",
            "User-Agent": "process-compose-python",
            "Connection": "close",
        } | question.headers
        lines = [f"GET {question.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        _, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
        status = rest[:3]
    except (OSError, ValueError) as error:
        return Answer(str(error))
    finally:
        writer.close()
    if status == str(question.status_code):
        return Answer(None)
    return Answer(f"GET {question.path} answered {status or 'nothing'}")
