import json
import smtplib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import pytest

from core import http_client
from tools.local.mail_catcher import catching
from tools.local.ports import free_ports


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    smtp, page = free_ports(2)
    with catching(smtp, page) as running:
        serving = threading.Thread(target=running.pages.serve_forever, args=(0.05,))
        serving.start()
        yield smtp, page
        running.pages.shutdown()
        serving.join()


def send(port: int, text: str, *to: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", ", ".join(to), "<b>Grüße</b>"
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, "test", timeout=10) as server:
        server.send_message(mail)


def get(port: int, path: str) -> tuple[int, str]:
    answer = http_client.request("GET", f"http://127.0.0.1:{port}{path}", seconds=10)
    return answer.status, answer.body.decode()


def test_the_last_mail_to_an_address_is_answered(ports: tuple[int, int]) -> None:
    smtp, page = ports
    send(smtp, "first", "ann@example.com")
    send(smtp, "second", "ann@example.com", "bob@example.com")
    send(smtp, "third", "bob@example.com")
    status, body = get(page, "/mails?to=Ann@example.com")
    mail = json.loads(body)
    assert (status, mail["text"], mail["subject"]) == (200, "second\n", "<b>Grüße</b>")
    assert [get(page, f"/mails{query}")[0] for query in ("?to=eve@example.com", "")] == [404, 404]


def test_a_mail_is_waited_for_and_its_token_is_answered(ports: tuple[int, int]) -> None:
    smtp, page = ports
    token = "x-_1" * 8
    with ThreadPoolExecutor(2) as many:
        waiting = [many.submit(get, page, f"/mails?to={name}@example.com&wait=30") for name in ("ann", "bob")]
        send(smtp, f"Use this:\n\n{token}\n\nBye.", "ann@example.com")
        send(smtp, f"Use this:\n\nhttps://app.example.com/verify-email#token={token}\n", "bob@example.com")
        answers = [each.result() for each in waiting]
    assert [(status, json.loads(body)["token"]) for status, body in answers] == [(200, token)] * 2
    assert get(page, "/mails?to=eve@example.com&wait=1")[0] == 404
    assert get(page, "/mails?to=eve@example.com&wait=soon")[0] == 404


def test_the_page_shows_mails_and_none_of_their_html(ports: tuple[int, int]) -> None:
    smtp, page = ports
    send(smtp, "<script>alert(1)</script>", "ann@example.com")
    status, body = get(page, "/")
    assert status == 200
    assert "&lt;b&gt;Grüße&lt;/b&gt;" in body
    assert "<script>" not in body
