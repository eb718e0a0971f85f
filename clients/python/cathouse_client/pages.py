"""Lists that come in pages, as iterators over their items."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Page(Protocol[T_co]):
    """A part of a list, as the operations named `list_` return it."""

    @property
    def items(self) -> Sequence[T_co]: ...

    @property
    def next_cursor(self) -> str | None: ...


def iterate(
    operation: Callable[P, Page[T]], /, *args: P.args, **arguments: P.kwargs
) -> Iterator[T]:
    """Yield every item of a list: `for cat in iterate(house.catalog.list_cats, q="task")`.

    The next page is requested when an iteration reaches it. `limit` is the size of a page.
    """
    while True:
        page = operation(*args, **arguments)
        yield from page.items
        if page.next_cursor is None:
            return
        arguments["cursor"] = page.next_cursor


async def aiterate(
    operation: Callable[P, Awaitable[Page[T]]], /, *args: P.args, **arguments: P.kwargs
) -> AsyncIterator[T]:
    """Yield every item of a list: `async for cat in aiterate(house.catalog.list_cats, q="task")`."""
    while True:
        page = await operation(*args, **arguments)
        for item in page.items:
            yield item
        if page.next_cursor is None:
            return
        arguments["cursor"] = page.next_cursor
