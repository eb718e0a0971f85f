"""The server of a service: uvicorn with the limits of the settings, and a shutdown that loses no request."""

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
# Open files of a process, in addition to the connections of callers and an equal number of connections for them.
_OTHER_FILES = 256


class PortTakenError(Exception):
    """The port is in use, or the address is not available."""


def serve(app: FastAPI) -> None:
    """Serve until SIGTERM or SIGINT, finish the requests in progress, and return.

    At the first signal, readiness becomes 503 at once. For `SHUTDOWN_DELAY_SECONDS`, new requests are still accepted,
    but each response closes its connection. After that, requests in progress have `SHUTDOWN_GRACE_SECONDS` to end, and
    then the port closes. A second SIGINT stops the service at once.

    Raises `PortTakenError`, and `SystemExit` if the lifespan fails.
    """
    context: ServiceContext = app.state.context
    settings = context.settings
    _allow_open_files(2 * settings.max_connections)
    server = _Server(server_config(app), context)
    with _listen(settings.host, settings.port) as listener:
        logger.info(
            "{} {} listens on {} port {}",
            settings.service_name,
            context.version,
            settings.host,
            settings.port,
        )
        server.run(sockets=[listener])
    if not server.started:
        # Newer versions of uvicorn exit with this status themselves, after they have logged the reason.
        sys.exit(_STARTUP_FAILED)
    logger.info("stopped")


def server_config(app: FastAPI) -> uvicorn.Config:
    """Return uvicorn's configuration for a service: the kit's protocol, and the limits of the settings."""
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
        # The kit's own middleware reads the headers of reverse proxies.
        proxy_headers=False,
        lifespan="on",
        http=partial(HeadLimitingProtocol, connections=connections),  # type: ignore[arg-type]
        ws="none",
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )


def freeze_heap() -> None:
    """Exclude all current objects, mostly modules, from garbage collection, and enable it for new ones.

    Otherwise each full collection blocks the event loop for about 80 ms. A request can cause one with a JSON body of
    tens of thousands of objects.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def _allow_open_files(connections: int) -> None:
    """Raise the process's limit of open files, often 1024, as far as the system allows."""
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
    # Not bound by uvicorn, which would end the process with a line that names neither the service nor a fix.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        # `::` includes IPv4, regardless of the system's default.
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"cannot listen on {host} port {port}: {error.strerror}. "
            "Stop the program that uses it, or set another HOST or PORT"
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
