"""Releases: which is higher than which."""

from functions.domain.catalog.versions import precedence

ORDER = [
    *("0.9.9", "1.0.0-0", "1.0.0-1", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta"),
    *("1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0-rc-2", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"),
]


def test_versions_are_ordered_as_semantic_versioning_says() -> None:
    assert sorted(set(ORDER), key=precedence) == ORDER
    assert len({precedence(number) for number in ORDER}) == len(ORDER)


def test_builds_dont_count() -> None:
    assert precedence("1.0.0+b.2") == precedence("1.0.0")
