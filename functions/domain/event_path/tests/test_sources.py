"""Each source has one spelling, and ours has no other."""

import pytest

from functions.domain.event_path.sources import is_reserved, is_within, normal


@pytest.mark.parametrize(
    ("source", "usual"),
    [
        ("/example/crm", "/example/crm"),
        ("https://crm.example/eu?shard=1#a", "https://crm.example/eu?shard=1#a"),
        ("urn:example:crm", "urn:example:crm"),
        ("/kunden/Z%C3%BCrich", "/kunden/Z%C3%BCrich"),
        ("/kunden/z%c3%bcrich", "/kunden/z%C3%BCrich"),
        ("HTTPS://CRM.example/A", "https://crm.example/A"),
        ("/%65xample/crm", "/example/crm"),
        ("/./example//crm/../crm", "/example/crm"),
        ("/../example", "/example"),
        ("/example/", "/example/"),
        ("/exa mple", None),
        ("/example\\crm", None),
        ("/Zürich", None),
        ("/100%", None),
        ("", None),
    ],
)
def test_a_source_has_one_normal_form(source: str, usual: str | None) -> None:
    assert normal(source) == usual
    assert usual is None or normal(usual) == usual


@pytest.mark.parametrize(
    "source",
    [
        *("/botberi/shared_psql", "/botberi", "/Botberi/user_psql", "//botberi/user_psql", "/./botberi/user_psql"),
        *("/example/../botberi/x", "/%62otberi/x", "botberi/x", "botberi:x", "///botberi", "\\botberi\\x", "/BOTBERI"),
        *("/accounts/usr_1", "/Accounts/usr_1", "/notify/shared_psql", "//Botberi:80/x", "/botberi?x", "/ botberi "),
    ],
)
def test_what_looks_like_ours_is_reserved(source: str) -> None:
    assert is_reserved(source) or normal(source) is None


@pytest.mark.parametrize("source", ["/example/crm", "/botberish", "https://botberi.example/x", "/x/botberi", "urn:x"])
def test_what_does_not_is_free(source: str) -> None:
    assert not is_reserved(source)


def test_a_source_covers_what_is_below_it() -> None:
    granted = ("/example/crm", "https://shop.example/")
    for inside in ("/example/crm", "/example/crm/eu", "https://shop.example/a"):
        assert is_within(inside, granted)
    for outside in ("/example", "/example/crm2", "/example/crmx/eu", "https://shop.example.evil", "/Example/crm"):
        assert not is_within(outside, granted)
