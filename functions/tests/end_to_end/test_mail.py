"""Mail from a request to the mailbox: every process runs, and what people are sent is nowhere else."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from functions.tests.end_to_end.test_nothing_secret_is_told import sinks
from testing.mails import token_to
from testing.stack import Stack

Eventually = Callable[..., Any]

PASSWORD = "a good long password"
NEW = "another good long password"
WITH_TOKEN = ("Verify your address", "Set another password")


def test_somebody_signs_up_verifies_the_address_and_sets_a_forgotten_password(
    stack: Stack, eventually: Eventually
) -> None:
    email = f"{uuid4().hex}@example.com"

    def post(path: str, **body: str) -> int:
        return stack.user.post(f"/v1/auth/{path}", json=body).status_code

    def sent(subject: str) -> str:
        eventually(lambda: (mail := stack.mails.last(email)) and mail.subject == subject)
        return token_to(stack.mails, email) if subject in WITH_TOKEN else ""

    assert post("register", email=email, password=PASSWORD) == 202
    verification = sent("Verify your address")
    assert post("verify-email", token=verification) == 204
    assert post("password/forgot", email=email) == 202
    reset = sent("Set another password")
    assert post("password/reset", token=reset, new_password=NEW) == 204
    sent("Your password was changed")
    assert post("login", email=email, password=NEW) == 200
    assert post("register", email=email, password=PASSWORD) == 202
    sent("You have an account already")
    assert [mail.subject for mail in stack.mails.mails if mail.to == email] == [
        "Verify your address",
        "Set another password",
        "Your password was changed",
        "You have an account already",
    ]
    found = [(name, told) for name, text in sinks(stack) for told in (email, verification, reset, NEW) if told in text]
    assert found == []
