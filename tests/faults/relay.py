"""TCP relays whose connections a test can cut or freeze."""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

ADDRESS = "127.0.0.1"
_CHUNK_BYTES = 65536


class Relay:
    """Listens on `port`, and forwards each connection to the port that `target` returns at that time."""

    def __init__(self, target: Callable[[], int | None]) -> None:
        self.port = 0
        self._target = target
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[StreamWriter] = set()

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._forward, ADDRESS, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """Reset every open connection."""
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        """Forward no data until `thaw`. Connections stay open, and new ones are accepted."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def _forward(self, reader: StreamReader, writer: StreamWriter) -> None:
        writers = {writer}
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            port = self._target()
            if port is None:
                return
            upstream_reader, upstream_writer = await asyncio.open_connection(ADDRESS, port)
            writers.add(upstream_writer)
            self._writers.add(upstream_writer)
            await asyncio.gather(
                self._pump(reader, upstream_writer), self._pump(upstream_reader, writer)
            )
        except OSError:
            pass  # one side is closed; the code below resets the other
        finally:
            self._writers -= writers
            for each in writers:
                each.transport.abort()

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


class Relays:
    """Named relays, controlled from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, relays: Mapping[str, Relay]) -> None:
        self._loop = loop
        self._relays = relays

    def port(self, name: str) -> int:
        return self._relays[name].port

    def cut(self, name: str) -> None:
        self._loop.call_soon_threadsafe(self._relays[name].cut)

    def freeze(self, name: str) -> None:
        self._loop.call_soon_threadsafe(self._relays[name].freeze)

    def thaw(self, name: str) -> None:
        self._loop.call_soon_threadsafe(self._relays[name].thaw)


@contextmanager
def running_relays(targets: Mapping[str, Callable[[], int | None]]) -> Iterator[Relays]:
    """Run one relay for each target, by name, on an event loop in a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relays")
    thread.start()

    async def listen() -> dict[str, Relay]:
        relays = {name: Relay(target) for name, target in targets.items()}
        for relay in relays.values():
            servers.append((await relay.listen(), relay))
        return relays

    async def close() -> None:
        for server, relay in servers:
            server.close()
            relay.thaw()
            relay.cut()
        forwarding = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*forwarding, return_exceptions=True)

    servers: list[tuple[asyncio.Server, Relay]] = []
    try:
        yield Relays(loop, asyncio.run_coroutine_threadsafe(listen(), loop).result())
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
