"""No cat leads the proxy into a private network, with any spelling of an address and any resolution of a name."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Sequence

import pytest
from cathouse_kit.testing import eventually, running
from cathouse_proxy.services.errors import CatAddressRefused, CatUnreachable
from cathouse_proxy.services.exchange.cat_client import CatClient
from cathouse_proxy.services.exchange.ssrf_guard import (
    RESOLVING_THREADS,
    AddressInfo,
    AddressRefusedError,
    GuardedResolver,
    guarded_socket,
    is_public,
)
from fastapi import FastAPI
from multidict import CIMultiDict

from .support import (
    FakePlatform,
    Remake,
    Rows,
    ScriptedCat,
    exchange,
    request_bytes,
    status_of,
)

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "192.167.255.255",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]
NOT_PUBLIC = {
    "this network": ["0.0.0.0", "0.1.2.3"],
    "private": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"],
    "loopback": ["127.0.0.1", "127.255.255.254"],
    "link-local and metadata": ["169.254.0.1", "169.254.169.254", "169.254.170.2"],
    "a metadata service": ["168.63.129.16", "100.100.100.200"],
    "shared (carriers')": ["100.64.0.1", "100.127.255.255"],
    "protocol assignments": ["192.0.0.1", "192.0.0.170", "192.88.99.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255"],
    "reserved and broadcast": ["240.0.0.1", "255.255.255.255"],
    "IPv6 loopback and unspecified": ["::1", "::"],
    "IPv6 link-local": ["fe80::1", "fe80::1%eth0", "febf::1"],
    "IPv6 site-local": ["fec0::1", "feff::1"],
    "IPv6 unique local": ["fc00::1", "fd00::1", "fd00:ec2::254"],
    "IPv6 multicast": ["ff02::1", "ff0e::1"],
    "IPv6 documentation": ["2001:db8::1"],
    "IPv6 discard and reserved": ["100::1", "4000::1", "5f00::1", "e000::1"],
    "IPv6 ORCHID and benchmarks": ["2001:10::1", "2001:20::1", "2001:2::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"],
    "IPv4-compatible": ["::127.0.0.1", "::10.0.0.1", "::169.254.169.254"],
    "IPv4-translated": ["::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1"],
    "6to4": ["2002:7f00:1::1", "2002:a00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:1::1"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe"],
    "NAT64 inside a network": ["64:ff9b:1::8.8.8.8", "64:ff9b:1::7f00:1"],
    "Teredo, its server": ["2001:0:7f00:1:0:0:f7f7:f7f7"],
    "Teredo, its client": ["2001:0:808:808:0:0:80ff:fffe"],
    "no address": ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "::g"],
}
# Texts that a lenient parser, such as that of the operating system, reads as 127.0.0.1.
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "0177.0x0.1",
    "0x7F.0.0.0x1",
    "127.0.0.1.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "0.0.0.0",
    "0",
    "[::]",
    "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("family", NOT_PUBLIC)
def test_other_addresses_are_not_public(family: str) -> None:
    assert [address for address in NOT_PUBLIC[family] if is_public(address)] == []


# IANA's registries of special-purpose addresses, as of 2025, and addresses outside the block of global unicast.
SPECIAL = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32"),
    *("192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
    *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24"),
    *("203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4"),
    *("::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32"),
    *("2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32"),
    *(
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ),
    *("200::/7", "400::/6", "800::/5", "1000::/4", "4000::/3", "6000::/3", "8000::/3", "a000::/3"),
    *("c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/9"),
]


@pytest.mark.parametrize("block", SPECIAL)
def test_special_purpose_addresses_are_not_public_with_any_tables_of_python(
    block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = ipaddress.ip_network(block)
    inside = [network[0], network[-1], network[network.num_addresses // 2]]
    assert [str(address) for address in inside if is_public(str(address))] == []
    # Python's tables change with its versions, so nothing may depend on them.
    for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        monkeypatch.setattr(kind, "is_global", property(lambda _: True))
    assert [str(address) for address in inside if is_public(str(address))] == []


@pytest.mark.parametrize("block", [block for block in SPECIAL if "." in block])
@pytest.mark.parametrize("wrapping", ["::ffff:{}", "::ffff:0:{}", "64:ff9b::{}"])
def test_wrapped_private_addresses_are_not_public(block: str, wrapping: str) -> None:
    network = ipaddress.ip_network(block)
    assert not is_public(wrapping.format(network[0]))
    assert not is_public(wrapping.format(network[-1]))


class Names:
    """A malicious name server that gives a different response each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[AddressInfo]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in addresses
        ]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "2606:4700:4700::1111", "fe80::1%2"],
        ["8.8.8.8", "1.1.1.1", "::ffff:169.254.169.254"],
        ["10.0.0.1", "10.0.0.2"],
    ],
)
async def test_a_name_is_refused_if_any_of_its_addresses_is_not_public(
    addresses: list[str],
) -> None:
    resolver = GuardedResolver(Names(addresses))
    with pytest.raises(AddressRefusedError):
        await resolver.resolve("cat.example", 443)
    await resolver.close()


async def test_a_name_with_public_addresses_resolves_to_all_of_them() -> None:
    resolver = GuardedResolver(Names(["8.8.8.8", "2606:4700:4700::1111"]))
    resolved = await resolver.resolve("cat.example", 443)
    assert [(found["host"], found["port"]) for found in resolved] == [
        ("8.8.8.8", 443),
        ("2606:4700:4700::1111", 443),
    ]
    await resolver.close()


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_this_machine_is_called(spelling: str, cat: ScriptedCat) -> None:
    async with CatClient(allow_private=False) as cats:
        with pytest.raises((CatAddressRefused, CatUnreachable)):
            await cats.call("GET", f"http://{spelling}:{cat.port}/tasks", CIMultiDict(), None)
    assert cat.connections == 0


async def test_a_name_that_changes_is_resolved_once_and_checked_every_time(
    cat: ScriptedCat, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    async def connect(_loop: object, sock: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(type(asyncio.get_running_loop()), "sock_connect", connect)
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    async with CatClient(allow_private=False, resolver=GuardedResolver(names)) as cats:
        # The first look-up is public. A second one before connecting would lead to this machine.
        with pytest.raises(CatUnreachable):
            await cats.call("POST", f"http://cat.example:{cat.port}/", CIMultiDict(), None)
        assert (names.asked, connected) == (["cat.example"], ["8.8.8.8"])
    async with CatClient(allow_private=False, resolver=GuardedResolver(names)) as cats:
        with pytest.raises(CatAddressRefused):
            await cats.call("POST", f"http://cat.example:{cat.port}/", CIMultiDict(), None)
    assert connected == ["8.8.8.8"]
    assert cat.connections == 0


def test_the_socket_itself_is_only_made_for_public_addresses() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("169.254.169.254", 80))
    with pytest.raises(AddressRefusedError):
        guarded_socket(info)
    with guarded_socket((*info[:4], ("8.8.8.8", 80))) as made:
        assert made.family == socket.AF_INET


async def test_the_problem_of_a_refused_address_does_not_show_it(
    app: FastAPI,
    remake: Remake,
    emptied: None,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    remake({"proxy_allow_private_upstreams": False})
    async with running(app) as client:
        response = await client.get(platform.path(), headers=platform.headers)
    assert response.status_code == 502
    assert response.json()["type"] == "urn:cathouse:problem:cat_address_refused"
    assert "127.0.0.1" not in response.text
    assert cat.connections == 0
    assert [row["outcome"] for row in await rows()] == ["cat_address_refused"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://8.8.8.8",
        "file:///etc/passwd",
        "http://",
        "nonsense",
        "http://[::1",
        "//8.8.8.8",
        "http://8.8.8.8:99999",
    ],
)
async def test_only_http_and_https_are_called(url: str) -> None:
    async with CatClient(allow_private=False) as cats:
        with pytest.raises(CatUnreachable):
            await cats.call("GET", f"{url}/tasks", CIMultiDict(), None)


async def test_a_redirect_to_this_machine_is_forwarded_and_not_followed(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    async with ScriptedCat().running() as inside:
        location = f"{inside.url}/secrets".encode()
        cat.answer = (
            b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        )
        answer = await exchange(port, request_bytes(platform, f"GET {platform.path()}"))
        assert status_of(answer) == 302
        assert b"location: " + location in answer
        assert inside.connections == 0


async def test_a_slow_name_server_has_a_time_limit(platform: FakePlatform) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def never(host: str, port: int) -> Sequence[AddressInfo]:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return []

    cats = CatClient(allow_private=False, connect_seconds=0.05, resolver=GuardedResolver(never))
    async with cats:
        with pytest.raises(CatUnreachable):
            await cats.call("POST", "http://cat.example/", CIMultiDict(), None)
        release.set()


async def test_slow_name_servers_do_not_delay_other_cats(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    good = Names(["8.8.8.8"])
    asked: list[str] = []

    def look_up(host: str, port: int) -> Sequence[AddressInfo]:
        asked.append(host)
        if host.startswith("slow"):
            release.wait(30)
            raise socket.gaierror
        return good(host, port)

    async def connect(_loop: object, _sock: socket.socket, _address: tuple[str, int]) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(type(asyncio.get_running_loop()), "sock_connect", connect)
    resolver = GuardedResolver(look_up)
    async with CatClient(allow_private=False, connect_seconds=20, resolver=resolver) as cats:

        async def call(host: str) -> None:
            await cats.call("POST", f"http://{host}/", CIMultiDict(), None)

        # One cat has many calls in progress, and the name servers of some more cats hang, too.
        slow = ["slow.example"] * RESOLVING_THREADS
        slow += [f"slow{n}.example" for n in range(64)]
        waiting = [asyncio.create_task(call(host)) for host in slow]
        await eventually("all names to be looked up", lambda: set(asked) == set(slow))
        try:
            async with asyncio.timeout(10):
                with pytest.raises(CatUnreachable):
                    await call("good.example")
        finally:
            release.set()
            await asyncio.gather(*waiting, return_exceptions=True)
    assert good.asked == ["good.example"]
    assert sorted(asked) == sorted({*slow, "good.example"})
