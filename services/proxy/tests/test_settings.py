"""Settings of the proxy: defaults, and errors for invalid values."""

import pytest
from cathouse_kit.settings import SettingsError, load_settings
from cathouse_proxy.settings import Settings
from limits import RateLimitItemPerMinute

NEEDED = {"DATABASE_URL": "postgresql://proxy:x@127.0.0.1/db", "SERVICE_TOKEN": "s" * 32}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_the_defaults_are_safe() -> None:
    settings = load_settings(Settings, _env_file=None)
    assert settings.proxy_allow_private_upstreams is False
    assert settings.rate_limit_per_installation == RateLimitItemPerMinute(120)
    assert settings.proxy_max_request_bytes == 10 * 1024 * 1024
    assert settings.proxy_max_answer_bytes == 50 * 1024 * 1024


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RATE_LIMIT_PER_INSTALLATION", "often"),
        ("RATE_LIMIT_PER_INSTALLATION", "120"),
        ("RATE_LIMIT_PER_INSTALLATION", "0/minute"),
        ("PROXY_ALLOW_PRIVATE_UPSTREAMS", "perhaps"),
        ("PROXY_MAX_REQUEST_BYTES", "-1"),
        ("DATABASE_POOL_SIZE", "1"),
        ("PROXY_MAX_ANSWER_BYTES", "10MB"),
        ("RATE_LIMIT_STORAGE", "mongodb://x"),
    ],
)
def test_an_invalid_value_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings(Settings, _env_file=None)
    [line] = str(refused.value).splitlines()
    assert line.startswith(f"proxy: {variable}")


def test_rates_have_several_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, amount in [("5/second", 5), ("1000 per 2 hours", 1000)]:
        monkeypatch.setenv("RATE_LIMIT_PER_INSTALLATION", text)
        settings = load_settings(Settings, _env_file=None)
        assert settings.rate_limit_per_installation.amount == amount
