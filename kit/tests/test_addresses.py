from ipaddress import IPv4Address, IPv6Address

import httpx
import pytest
from cathouse_kit.addresses import TrustedProxies, network_of, normalised, parse_networks
from cathouse_kit.testing import running
from hypothesis import given
from hypothesis import strategies as st

from .conftest import Logged, MakeApp


@pytest.mark.parametrize(
    ("address", "one_spelling"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", ""),
        ("unknown", "unknown"),
        ("host:80", "host:80"),
    ],
)
def test_an_address_is_returned_in_its_canonical_spelling(address: str, one_spelling: str) -> None:
    assert normalised(address) == one_spelling


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_the_same_in_ipv6(address: IPv4Address) -> None:
    mapped = IPv6Address(0xFFFF << 32 | int(address))
    for spelling in (str(mapped), mapped.exploded, f"::ffff:{address}"):
        assert normalised(spelling) == str(address)
        assert network_of(spelling) == str(address)
        assert spelling in TrustedProxies(parse_networks(str(address)))
        assert str(address) in TrustedProxies(parse_networks(spelling))


@given(st.integers(2**32, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_ipv6_addresses_of_a_64_are_one_caller(network: int, host: int, other: int) -> None:
    address, neighbour = (str(IPv6Address(network << 64 | last)) for last in (host, other))
    assert network_of(address) == network_of(neighbour)
    assert network_of(address).endswith("/64")
    assert network_of(address) != network_of(str(IPv6Address((network ^ 1) << 64 | host)))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "localhost", "127.0.0.1/8", "10.0.0.1;"])
def test_invalid_networks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_networks(text)


@pytest.mark.parametrize(
    ("forwarded_for", "caller"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("198.51.100.7, ::ffff:10.0.0.2, 10.0.0.3", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("unknown, 10.0.0.2", "10.0.0.2"),
        ("198.51.100.7, <script>", "10.0.0.1"),
        ("", "10.0.0.1"),
        (",", "10.0.0.1"),
    ],
)
@pytest.mark.parametrize(
    "proxies", ["10.0.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.9"]
)
async def test_the_caller_is_the_last_address_that_is_not_a_proxy(
    forwarded_for: str, caller: str, proxies: str, make_app: MakeApp, logged: Logged
) -> None:
    app = make_app(forwarded_allow_ips=proxies)
    async with running(app):
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://cats.test") as client:
            await client.get("/nowhere", headers={"X-Forwarded-For": forwarded_for})
    assert logged()[-1]["client"] == caller


@pytest.mark.parametrize("proxies", ["", "10.0.0.2", "2001:db8::/32"])
async def test_forwarded_headers_of_untrusted_callers_are_ignored(
    proxies: str, make_app: MakeApp, logged: Logged
) -> None:
    app = make_app(forwarded_allow_ips=proxies)
    async with running(app):
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://cats.test") as client:
            await client.get("/nowhere", headers={"X-Forwarded-For": "198.51.100.7"})
    assert logged()[-1]["client"] == "10.0.0.1"
