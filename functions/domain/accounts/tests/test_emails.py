import pytest

from functions.domain.accounts.emails import EmailInvalid, normalise


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("a.b+tag@sub.example.co", "a.b+tag@sub.example.co"),
        ("o'neil@xn--bcher-kva.example", "o'neil@xn--bcher-kva.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
        ("Ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BU\u0308CHER.example", "ann@xn--bcher-kva.example"),
        ("ann@bücher。example", "ann@xn--bcher-kva.example"),
        ("\uff41\uff4e\uff4e\uff20example\uff0ecom", "ann@example.com"),
        # Another domain than strasse.example, as in DNS.
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("\N{KELVIN SIGN}@example.com", "k@example.com"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str) -> None:
    assert normalise(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@localhost",
        "ann@-example.com",
        "ann@example..com",
        "ann@example.com.",
        "ann@example.com\n",
        " ann@example.com",
        "ann@exa mple.com",
        "ann@bob@example.com",
        "ann\x00@example.com",
        "änn@example.com",
        "ann@bücher",
        "ann@☃.example",
        "ann@-ü.example",
        "ann@ü_x.example",
        "ann@ü..example",
        "ann@exa℀mple.com",
        "ann@bob@bücher.example",
        "ann@\ud800.example",
        "ann@" + "ü." * 60 + "example",
        "ann\u00a0@example.com",
        "a" * 65 + "@example.com",
        "ann@" + "a." * 124 + "example.com",
        "ann..bob@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "ann@127.0.0.1",
        "ann@example.123",
        "ann@example.com.1x",
        "ann@[127.0.0.1]",
        '"ann"@example.com',
        "Ann <ann@example.com>",
    ],
)
def test_what_is_no_address_is_refused_at_its_field(given: str) -> None:
    with pytest.raises(EmailInvalid) as refused:
        normalise(given)
    assert [error.pointer for error in refused.value.errors] == ["/email"]
