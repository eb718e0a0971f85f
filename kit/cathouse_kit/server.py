"""Running a service: uvicorn with the settings' limits, and an end that loses no request."""

import gc
import resource
import signal
import socket
import sys
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI
from loguru import logger

from cathouse_kit.addresses import TrustedProxies
from cathouse_kit.connections import Connections
from cathouse_kit.header_limits import HeadLimitingProtocol
from cathouse_kit.service_context import ServiceContext

_STARTUP_FAILED = 3
# Of a process, beside the connections of its callers and as many that it makes for them.
_OTHER_FILES = 256


class PortTakenError(Exception):
    """Another program listens where the service should."""


def serve(app: FastAPI) -> None:
    """Answers until SIGTERM or SIGINT, then finishes what is in flight, and returns.

    On the first signal readiness turns 503 at once. For `SHUTDOWN_DELAY_SECONDS` requests are taken as before, but
    each answer asks its caller to leave; those in flight then may take `SHUTDOWN_GRACE_SECONDS`, and only then the
    port closes. A second SIGINT ends it at once. Raises `PortTakenError`; `SystemExit` where the lifespan fails.
    """
    context: ServiceContext = app.state.context
    settings = context.settings
    _allow_open_files(2 * settings.max_connections)
    server = _Server(server_config(app), context)
    with _listen(settings.host, settings.port) as listener:
        logger.info(
            "{} {} answers on {} port {}",
            settings.service_name,
            context.version,
            settings.host,
            settings.port,
        )
        server.run(sockets=[listener])
    if not server.started:
        # Newer versions of uvicorn end like this by themselves, after they have logged why.
        sys.exit(_STARTUP_FAILED)
    logger.info("stopped")


def server_config(app: FastAPI) -> uvicorn.Config:
    """Return how uvicorn serves the app of a service: by the kit's protocol, within the settings' limits."""
    context: ServiceContext = app.state.context
    settings = context.settings
    connections = Connections(
        settings.max_connections,
        trusted=TrustedProxies(settings.forwarded_allow_ips),
        metrics=context.metrics,
    )
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # The kit's own middleware reads them.
        proxy_headers=False,
        lifespan="on",
        http=partial(HeadLimitingProtocol, connections=connections),  # type: ignore[arg-type]
        ws="none",
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )


def freeze_heap() -> None:
    """Keep the garbage collector from going through what exists now, most of which is modules.

    Otherwise each full collection blocks the event loop for about 80 ms. A request sets one off by a body of JSON with
    tens of thousands of objects.
    """
    gc.collect()
    gc.freeze()


def _allow_open_files(connections: int) -> None:
    """Raise the process's limit of open files, which many systems set to 1024, as far as it may."""
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning(
            "the system allows {} open files; MAX_CONNECTIONS needs up to {}: "
            "raise `ulimit -n`, or lower MAX_CONNECTIONS",
            allowed,
            wanted,
        )


def _listen(host: str, port: int) -> socket.socket:
    # Bound here and not by uvicorn, which ends the process with a line that names neither the service nor what to do.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        # `::` means IPv4 too, whatever the system's default is.
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            "stop what is there, or set HOST or PORT"
        ) from error
    return listener


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, context: ServiceContext) -> None:
        super().__init__(config)
        self._lifecycle = context.lifecycle
        self._delay = context.settings.shutdown_delay_seconds
        self._grace = context.settings.shutdown_grace_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        freeze_heap()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._lifecycle.draining and sig == signal.SIGINT:
            self.force_exit = self.should_exit = True
        self._lifecycle.drain()

    async def on_tick(self, counter: int) -> bool:
        waited = self._lifecycle.draining_seconds - self._delay
        if self._lifecycle.draining and (
            waited > self._grace or (waited >= 0 and self._lifecycle.drained)
        ):
            self.config.timeout_graceful_shutdown = max(0, round(self._grace - waited))
            self.should_exit = True
        return await super().on_tick(counter)
