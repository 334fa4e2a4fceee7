"""requirements.txt of a bundle: packages at one version, with hashes, and nothing else."""

import pytest

from functions.domain.catalog import requirements
from functions.domain.catalog.requirements import RequirementsInvalid

HASH = "--hash=sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing but a remark\n\n",
        f"httpx==0.28.1 {HASH}\n",
        f"httpx==0.28.1 \\\n    {HASH} \\\n    {HASH}\n    # via something\nidna==3.10 {HASH}",
        f"httpx[http2]==0.28.1 ; python_version >= '3.11' {HASH}  # a remark\r\n",
        f"some-package==1.0+local.1 {HASH}\\\n",
    ],
)
def test_packages_at_one_version_with_hashes_pass(text: str) -> None:
    requirements.check(text.encode())


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("httpx", "line 1: httpx is not held to one version"),
        (f"\n# remark\nhttpx>=0.28 {HASH}", "line 3: httpx is not held to one version"),
        (f"httpx==0.28.* {HASH}", "line 1: httpx is not held to one version"),
        (f"httpx==0.28.1,>0 {HASH}", "line 1: httpx is not held to one version"),
        ("httpx==0.28.1", "line 1: httpx has no hash"),
        (f"idna==3.10 \\\n {HASH}\nhttpx==0.28.1", "line 3: httpx has no hash"),
        ("httpx==0.28.1 --hash=md5:00", "line 1: an option that is no `--hash=sha256"),
        (f"httpx==0.28.1 {HASH} --config-settings=a=b", "line 1: an option that is no `--hash=sha256"),
        (f"httpx @ https://example.com/httpx.whl {HASH}", "line 1: httpx comes from an address"),
        (f"httpx @ file:///etc/passwd {HASH}", "line 1: httpx comes from an address"),
        ("https://example.com/httpx.whl", "line 1: not a package"),
        (f"git+https://example.com/httpx {HASH}", "line 1: not a package"),
        ("-e .", "line 1: an option, where only packages"),
        ("--index-url https://example.com/simple", "line 1: an option, where only packages"),
        ("--index-\\\nurl https://example.com/simple", "line 1: an option, where only packages"),
        ("-r other.txt", "line 1: an option, where only packages"),
        (f"./folder {HASH}", "line 1: not a package"),
        (f"httpx==0.28.1#{HASH}", "line 1: not a package"),
        (f"a==1 b==2 {HASH}", "line 1: not a package"),
    ],
)
def test_anything_else_is_refused_with_the_line_and_a_remedy(text: str, wrong: str) -> None:
    with pytest.raises(RequirementsInvalid) as refused:
        requirements.check(text.encode())
    assert wrong in str(refused.value)
    assert "uv pip compile --universal --generate-hashes" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"\xff\xfe", "not text in UTF-8"),
        (b"#" * 65537, "larger than 65536 bytes"),
        (b"a==1\n" * 101, "more than 100 packages"),
    ],
)
def test_what_is_too_much_or_no_text_is_refused(content: bytes, wrong: str) -> None:
    with pytest.raises(RequirementsInvalid, match=wrong):
        requirements.check(content)
