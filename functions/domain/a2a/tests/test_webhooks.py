"""Where push notifications may go."""

import pytest

from functions.domain.a2a import webhooks
from functions.domain.a2a.errors import InvalidParams
from functions.domain.a2a.webhooks import HTTP_SETTING, NETWORKS_SETTING


@pytest.fixture(autouse=True)
def nothing_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in webhooks.SETTINGS:
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize(
    "url",
    ["https://example.com", "https://example.com:8443/a?b=c", "https://93.184.215.14/", "https://[2606:4700::1111]/"],
)
def test_an_address_of_https_is_one(url: str) -> None:
    webhooks.check(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com", "ftp://example.com", "example.com", "https://", "https:///path", "//example.com", "/"),
        *("https://example.com:0/", "https://example.com:99999/", "https://[::1", "javascript:alert(1)"),
        *("https://user@example.com/", "https://user:password@example.com/", "https://example.com/#there"),
        *("https://127.0.0.1/", "https://localhost:8443/", "https://10.1.2.3/", "https://169.254.169.254/latest"),
        *("https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[fd00::1]/", "https://0.0.0.0/"),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(InvalidParams, match=r"^url: "):
        webhooks.check(url)


def test_what_a_setting_names_is_reached_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NETWORKS_SETTING, "10.1.2.0/24 fd00::/8")
    monkeypatch.setenv(HTTP_SETTING, "allowed")
    webhooks.check("http://10.1.2.3/")
    addresses = ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "93.184.215.14", "10.1.3.1", "127.0.0.1", "nowhere")
    assert [webhooks.allows(each) for each in addresses] == [True, True, True, True, False, False, False]
