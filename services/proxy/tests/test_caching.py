"""`Cache-Control` of cats: directives for private caches are forwarded, and shared caches must store nothing."""

import httpx
import pytest
from cathouse_proxy.services.exchange.caching import private_cache_control
from hypothesis import given
from hypothesis import strategies as st

from .support import FakePlatform, ScriptedCat


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "private"),
        ([""], "private"),
        (["max-age=5"], "private, max-age=5"),
        (["public, max-age=31536000, immutable"], "private, max-age=31536000, immutable"),
        (["no-store"], "private, no-store"),
        (["PUBLIC, No-Store, S-MaxAge=60"], "private, no-store"),
        (["s-maxage=60, proxy-revalidate, public"], "private"),
        (
            ["no-cache", "must-revalidate", "max-age=0"],
            "private, no-cache, must-revalidate, max-age=0",
        ),
        (["max-age=5", "public"], "private, max-age=5"),
        (['max-age="5"'], "private, max-age=5"),
        (["max-age=x, max-age=-1, max-age"], "private"),
        (["private"], "private"),
        (['private="Set-Cookie, no-store", max-age=5'], "private, max-age=5"),
        (['no-cache="x"'], "private, no-cache"),
        (
            ["stale-while-revalidate=30,stale-if-error=60"],
            "private, stale-while-revalidate=30, stale-if-error=60",
        ),
        (['x-accel=1, must-understand, community="UCI"'], "private"),
        ([",, max-age=5 ,,"], "private, max-age=5"),
        # Values that cannot be parsed.
        (["public max-age=5"], "private, no-store"),
        (['private="x'], "private, no-store"),
        (["max-age = 5"], "private, no-store"),
        (["public; max-age=5"], "private, no-store"),
        (["\u00e9"], "private, no-store"),
    ],
)
def test_directives_for_private_caches_are_kept(values: list[str], expected: str) -> None:
    assert private_cache_control([value.encode() for value in values]) == expected.encode()


DIRECTIVES = [
    "public",
    "private",
    "s-maxage=9",
    "no-store",
    'x="public"',
    "max-age=1",
    "a b",
    '"',
    ",",
    "=",
    " ",
]


@given(st.lists(st.lists(st.sampled_from(DIRECTIVES), max_size=5).map(",".join), max_size=3))
def test_no_shared_cache_may_store_it_with_any_header_of_a_cat(values: list[str]) -> None:
    sent = private_cache_control([value.encode() for value in values]).decode().split(", ")
    assert sent[0] == "private"
    assert len(sent) == len(set(sent))
    assert not any(part.startswith(("public", "s-maxage")) for part in sent)
    said = {part.strip() for value in values for part in value.split(",")}
    assert "no-store" not in said or "no-store" in sent


async def test_every_response_of_a_cat_is_private_and_has_no_directive_for_shared_caches(
    client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    others = [
        *("Surrogate-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Edge-Control"),
        *("Akamai-Cache-Control", "Vercel-CDN-Cache-Control", "Netlify-CDN-Cache-Control"),
        *(
            "Surrogate-Key",
            "Cache-Tag",
            "X-Accel-Expires",
            "X-Cache-Control",
            "Edge-Cache-Tag",
            "X-Varnish",
        ),
        *(
            "X-LiteSpeed-Cache-Control",
            "X-Drupal-Cache-Tags",
            "No-Vary-Search",
            "Cache-Status",
            "Pragma",
        ),
    ]
    fields = "".join(f"{name}: public, max-age=999\r\n" for name in others)
    answer = (
        f"Cache-Control: public, s-maxage=999\r\n{fields}Expires: 0\r\nContent-Length: 0\r\n\r\n"
    )
    for status in (200, 203, 301, 404, 500):
        cat.answer = f"HTTP/1.1 {status} X\r\n{answer}".encode()
        response = await client.get(platform.path())
        assert response.headers.get_list("cache-control") == ["private"]
        assert not {name.lower() for name in others} & set(response.headers)
        assert response.headers["expires"] == "0"
    cat.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert (await client.get(platform.path())).headers["cache-control"] == "private"
