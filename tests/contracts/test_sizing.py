"""The tables of docs/how-to/size-a-deployment.md are the results of their formulas, with figures that were measured."""

import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.documentation


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def _rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the first table whose first heading this is, by their first cell."""
    table, *_ = re.findall(rf"^\| {re.escape(heading)} \|.*\n(?:\|.*\n)+", page, re.MULTILINE)
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    return {first: rest for first, *rest in lines[2:]}


def _numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)]


@pytest.fixture
def page() -> str:
    return _page("how-to/size-a-deployment.md")


@pytest.fixture
def rates(page: str) -> list[float]:
    """Return the rates of a sign-in, of a question for revocations, of a search, and of a proxied call."""
    return [_numbers(cells[0])[0] for cells in _rows(page, "request").values()]


@pytest.fixture
def memory(page: str) -> list[str]:
    """Return the MiB of a replica of auth, of catalog, and of proxy."""
    return [cells[0].split()[0] for cells in list(_rows(page, "replica of").values())[:3]]


def test_the_rates_and_the_memory_are_those_of_the_measurements(
    rates: list[float], memory: list[str]
) -> None:
    sign_in, question, search, call = rates
    measured = _page("explanation/performance.md")
    figures = _rows(measured, "Figure")
    assert _numbers(figures["sign-ins, 8 connections"][0]) == [sign_in]
    assert _numbers(figures["/me, 32 connections"][0]) == [question]
    assert _numbers(figures["search `q=gardn`"][0]) == [search]
    assert f"One busy proxy core makes about {call:,.0f} calls a second" in measured
    assert figures["memory of auth, catalog, proxy"][0] == f"{', '.join(memory)} MiB"
    assert "3.3 times a second" in measured


def test_a_cost_is_the_time_of_one_request(page: str) -> None:
    for name, (rate, cost) in _rows(page, "request").items():
        milliseconds = 1000 / _numbers(rate)[0]
        assert cost == (
            f"{milliseconds:.2f} ms" if milliseconds < 1 else f"{milliseconds:.0f} ms"
        ), name


@pytest.mark.parametrize("load", ["small", "medium", "large"])
def test_a_row_is_the_result_of_the_formulas(
    load: str, page: str, rates: list[float], memory: list[str]
) -> None:
    first, second = re.findall(rf"^\| {load} \|(.*)\|$", page, re.MULTILINE)
    sign_in, question, search, call = rates
    calls, searches, sign_ins = (_numbers(cell)[0] for cell in first.split("|"))
    proxy, catalog = calls / call, searches / search

    def replicas(cores: float) -> int:
        return max(2, math.ceil(cores / 0.6))

    others = replicas(proxy) + replicas(catalog) + 2
    auth = sign_ins / sign_in + 3.3 * others / question
    counts = [replicas(auth), replicas(catalog), 2, replicas(proxy)]
    auths, catalogs, proxies = map(int, memory)
    of_one = [auths + 64, catalogs, catalogs, proxies]  # installation counts as catalog
    connections = 4 * (2 * max(counts) * 6 + 2) + 12
    assert [cell.strip() for cell in second.split("|")] == [
        f"{auth:.2f}, {catalog:.2f}, {proxy:.2f}",
        ", ".join(map(str, counts)),
        f"{sum(count * one for count, one in zip(counts, of_one, strict=True))} MiB",
        str(6 * sum(counts)),
        str(connections),
        f"{2 * calls:.0f} a second",
    ]
