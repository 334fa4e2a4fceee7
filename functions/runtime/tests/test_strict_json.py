import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime.strict_json import NotStrictJsonError, check_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_whatever_json_can_say_passes(value: object) -> None:
    check_json(json.dumps(value).encode())


@given(st.binary())
def test_any_bytes_pass_or_are_refused(body: bytes) -> None:
    with suppress(NotStrictJsonError):
        check_json(body)
        json.loads(body)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "-0.1e-330"])
def test_a_number_that_no_double_holds_is_refused(number: str) -> None:
    with pytest.raises(NotStrictJsonError):
        check_json(number.encode())


@pytest.mark.parametrize("number", ["0", "-0.0", "0e9", "0.00E-400", "5e-324", "1.0", "123456789e-9"])
def test_a_number_that_a_double_holds_passes(number: str) -> None:
    check_json(number.encode())


def test_digits_without_end_are_refused() -> None:
    with pytest.raises(NotStrictJsonError, match=r"^a whole number has too many digits$"):
        check_json(b"9" * 5000)


def test_a_byte_order_mark_is_refused_by_its_name() -> None:
    with pytest.raises(NotStrictJsonError, match="byte order mark"):
        check_json(b"\xef\xbb\xbf{}")
