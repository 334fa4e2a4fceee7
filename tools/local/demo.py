"""`make demo`: the journey of a user, an administrator and a system that publishes events, told over HTTP.

`make smoke` goes the same way and prints the chapters alone. Either can be aimed at any installation with API, its
address, and SECRETS, the folder with the file `administrator`. Where mails aren't caught, nobody who has just signed up
can show the token that was sent to them: the administrator launches in their place.
"""

import argparse
import base64
import io
import json
import secrets
import sys
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

from click import ClickException

from cli.administrator import KEPT, FirstAdministrator, find
from cli.api_client import API
from core import http_client
from provisioning.local_settings import Ports
from tools.local import live
from tools.local.errors import LocalError
from tools.local.transcript import Transcript

MAILS: Final = f"http://localhost:{Ports().mail}"
"""Where `make run` is, and catches mails."""

Who = tuple[str, str]
"""A name for an access token, and the token."""

QUESTIONS: Final = [
    {"question": "When are you open?", "answer": "From nine to five, Monday to Friday."},
    {"question": "How do I reset my password?", "answer": "Follow the link below the log-in form."},
]

SHOUTER: Final = """
def agent(request):
    return {"text": request.get_json()["text"].upper() + "!"}
"""


class Demo:
    """One run of the demonstration."""

    def __init__(self, transcript: Transcript, administrator: FirstAdministrator, mails: str = "") -> None:
        """Tell everything to `transcript`.

        `mails` is the address of the mail catcher, if there is one.
        """
        self.it = transcript
        self.administrator = administrator
        self.mails = mails
        self.run = uuid.uuid4().hex[:6]

    def tell(self) -> None:
        """Tell all chapters."""
        email = f"ada-{self.run}@example.com"
        user = self.verify(self.sign_up(email, "TOKEN"), email)
        self.browse()
        echo = self.launch(user)
        self.answer_questions(user)
        self.stop_and_start(user, echo)
        self.keep_out(echo)
        administrator = self.administrate(user, echo)
        self.publish_event(administrator)
        self.leave(user, echo)

    def sign_up(self, email: str, name: str) -> Who:
        """Register, log in, refresh, read oneself."""
        self.it.chapter("Sign up")
        account = {"email": email, "password": secrets.token_urlsafe(12)}
        hide = {"password": "…"}
        self.it.ask("POST", "/v1/auth/register", body=account, hide=hide, expect=202)
        opened = self.it.ask(
            "POST", "/v1/auth/login", body=account, hide=hide, expect=200, show=("access_token", "expires_in")
        )
        self.it.say("Access tokens live ten minutes; the refresh token, good for one use, gets the next pair.")
        refresh = {"refresh_token": opened.body["refresh_token"]}
        renewed = self.it.ask(
            "POST", "/v1/auth/refresh", body=refresh, hide={"refresh_token": "…"}, expect=200, show=("expires_in",)
        )
        who = (name, renewed.body["access_token"])
        self.it.ask("GET", "/v1/me", who=who, expect=200, show=("id", "email", "scopes"))
        return who

    def verify(self, user: Who, email: str) -> Who:
        """Show the token that was sent to an address, and return who may launch instances."""
        self.it.chapter("Verify the address")
        if self._may_launch(user):
            self.it.say("Nobody asks for it here.")
            return user
        self.it.say("Whoever has just signed up may look around, and launch nothing.")
        self.it.ask("POST", "/v1/instances", who=user, body={"agent": "echo", "name": "My echo"}, expect=403)
        if token := _mailed(self.mails, email):
            self.it.say(f"The mail with the token is at {self.mails}.")
            self.it.ask("POST", "/v1/auth/verify-email", body={"token": token}, hide={"token": "…"}, expect=204)
        else:
            self.it.say("The mail with the token went elsewhere: the administrator launches in their place.")
            user = self._log_in_administrator(user[0])
        self.it.wait(lambda: "known" if self._may_launch(user) else "not known everywhere yet", "known")
        return user

    def browse(self) -> None:
        """List, search and read agents."""
        self.it.chapter("Browse the catalog")
        self.it.ask("GET", "/v1/agents?limit=5", expect=200, show=("slug", "name", "summary"))
        self.it.ask("GET", "/v1/agents?q=questions", expect=200, show=("slug", "name"))
        read = self.it.ask("GET", "/v1/agents/echo", expect=200, show=("slug", "channels", "versions"))
        self.it.say("Whoever has read it already gets nothing again.")
        self.it.ask("GET", "/v1/agents/echo", headers={"If-None-Match": str(read.etag)}, expect=304)

    def launch(self, user: Who) -> str:
        """Create an instance, wrong and right, and talk to it."""
        self.it.chapter("Launch an agent and talk to it")
        self.it.say("A config that doesn't fit the agent's schema is refused, every error at its field.")
        wrong = {"agent": "echo", "name": "My echo", "config": {"prefix": 7, "shout": True}}
        self.it.ask("POST", "/v1/instances", who=user, body=wrong, expect=422)
        right = {"agent": "echo", "name": "My echo", "config": {"prefix": "You said: "}}
        instance = self._create(user, right)
        self._say_to(user, instance, "Hello, world")
        return instance

    def answer_questions(self, user: Who) -> None:
        """Launch faq and ask what it knows and what it doesn't."""
        self.it.chapter("An agent that answers questions")
        instance = self._create(user, {"agent": "faq", "name": "Help desk", "config": {"questions": QUESTIONS}})
        self._say_to(user, instance, "how can I reset the password")
        self._say_to(user, instance, "What is the meaning of life?")
        self.it.ask("DELETE", f"/v1/instances/{instance}", who=user, expect=202, show=("desired_state", "status"))

    def stop_and_start(self, user: Who, instance: str) -> None:
        """Stop and start an instance, and read its history."""
        self.it.chapter("Stop it, start it, read why")
        self.it.say("What is wanted is noted at once; a worker makes it so.")
        self.it.ask("POST", f"/v1/instances/{instance}/stop", who=user, expect=202, show=("desired_state", "status"))
        self._wait(user, instance, "stopped")
        self.it.say("Nobody has to ask what became of it: over a WebSocket one is told.")
        with live.following(self.it, user) as told:
            start = f"/v1/instances/{instance}/start"
            self.it.ask("POST", start, who=user, expect=202, show=("desired_state", "status"))
            told.show_until("running")
        history = f"/v1/instances/{instance}/events?limit=6"
        self.it.ask("GET", history, who=user, expect=200, show=("kind", "value", "reason", "message"))

    def keep_out(self, instance: str) -> None:
        """Show who may not do what."""
        stranger = self.sign_up(f"eve-{self.run}@example.com", "STRANGER")
        self.it.chapter("Nobody else gets in")
        self.it.say("Somebody else's instance isn't there; an address for administrators is forbidden.")
        self.it.ask("GET", f"/v1/instances/{instance}", who=stranger, expect=404)
        self.it.ask("GET", "/v1/admin/instances", who=stranger, expect=403)
        self.it.ask("GET", "/v1/me", expect=401)

    def administrate(self, user: Who, instance: str) -> Who:
        """Publish an agent of one's own and stop somebody's instance."""
        self.it.chapter("The administrator publishes an agent")
        admin = self._log_in_administrator("ADMIN")
        slug = f"shouter-{self.run}"
        about = {"slug": slug, "name": "Shouter", "summary": "Says it louder."}
        self.it.ask("POST", "/v1/admin/agents", who=admin, body=about, expect=201)
        version = {"number": "1.0.0", "config_schema": {"type": "object"}, "bundle": _bundle(SHOUTER)}
        hide = {"bundle": "…"}
        versions = f"/v1/admin/agents/{slug}/versions"
        self.it.ask("POST", versions, who=admin, body=version, hide=hide, expect=201)
        self.it.say("A version is immutable.")
        self.it.ask("POST", versions, who=admin, body=version, hide=hide, expect=409)
        shouter = self._create(user, {"agent": slug, "name": "Loud", "config": {}})
        self._say_to(user, shouter, "can you hear me")
        self.it.chapter("The administrator sees and stops any instance")
        self.it.ask("GET", "/v1/admin/instances?limit=3", who=admin, expect=200, show=("id", "agent", "status"))
        self.it.ask(
            "POST",
            f"/v1/admin/instances/{shouter}/stop",
            who=admin,
            body={"reason": "It is too loud."},
            expect=202,
            show=("desired_state", "status"),
        )
        self._wait(user, shouter, "stopped")
        self.it.say("Its owner reads who did it, and why.")
        history = f"/v1/instances/{shouter}/events?limit=3"
        self.it.ask("GET", history, who=user, expect=200, show=("kind", "value", "reason", "message"))
        self.it.ask("DELETE", f"/v1/instances/{shouter}", who=user, expect=202, show=("desired_state", "status"))
        audit = f"/v1/admin/audit?target={instance}&limit=4"
        self.it.say("Everything that happened is in the audit trail.")
        self.it.ask("GET", audit, who=admin, expect=200, show=("action", "actor", "recorded_at"))
        return admin

    def publish_event(self, broker: Who) -> None:
        """Publish an event and see that a subscriber got it."""
        self.it.chapter("Another system publishes an event")
        self.it.ask("GET", "/v1/event-types?limit=3", who=broker, expect=200, show=("type", "description"))
        notice = f"notice-{uuid.uuid4().hex}"
        event = {
            "type": "com.botberi.notice.posted.v1",
            "data": {"notice_id": notice, "text": f"Hello from run {self.run}."},
        }
        self.it.ask("POST", "/v1/events", who=broker, body=event, expect=202, show=("id", "subject", "queues"))
        self.it.say("The subscriber that keeps the audit trail has received it:")
        audit = f"/v1/admin/audit?target={notice}"

        def received() -> str:
            items = self.it.ask("GET", audit, who=broker, expect=200, quiet=True).body["items"]
            return "received" if items else "on its way"

        self.it.wait(received, "received")
        self.it.ask("GET", audit, who=broker, expect=200, show=("origin", "action", "details"))

    def leave(self, user: Who, instance: str) -> None:
        """Delete what is left and log out."""
        self.it.chapter("Leave")
        self.it.ask("DELETE", f"/v1/instances/{instance}", who=user, expect=202, show=("desired_state", "status"))
        self._wait(user, instance, "deleted")
        self.it.ask("POST", "/v1/auth/logout", who=user, expect=204)
        self.it.ask("GET", "/v1/me", who=user, expect=401)

    def _log_in_administrator(self, name: str) -> Who:
        """Log the administrator in."""
        self.it.say("Whoever looks after the platform shows a second factor, too: `./botberi token` logs in with both.")
        return name, self.administrator.token()

    def _may_launch(self, who: Who) -> bool:
        return bool(self.it.ask("GET", "/v1/me/usage", who=who, expect=200, quiet=True).body["may_launch"])

    def _create(self, user: Who, wanted: Mapping[str, object]) -> str:
        created = self.it.ask(
            "POST", "/v1/instances", who=user, body=wanted, expect=201, show=("id", "status", "message", "next")
        )
        instance = str(created.body["id"])
        self._wait(user, instance, "running")
        return instance

    def _wait(self, user: Who, instance: str, status: str) -> None:
        path = f"/v1/instances/{instance}"
        self.it.wait(lambda: str(self.it.ask("GET", path, who=user, expect=200, quiet=True).body["status"]), status)

    def _say_to(self, user: Who, instance: str, text: str) -> None:
        path = f"/v1/instances/{instance}/messages"
        wait = {"Prefer": "wait=30"}
        self.it.ask("POST", path, who=user, body={"text": text}, headers=wait, expect=200, show=("status", "text"))


def _mailed(mails: str, email: str) -> str | None:
    """Return the token in the last mail to an address; None if nobody catches mails at `mails`."""
    if not mails:
        return None
    try:
        answer = http_client.request("GET", f"{mails}/mails?to={quote(email)}&wait=30", seconds=60)
        return str(json.loads(answer.body)["token"]) if answer.status == HTTPStatus.OK else None
    except (OSError, ValueError):
        return None


def _bundle(source: str) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", source)
    return base64.b64encode(packed.getvalue()).decode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Tell the story, or say in one line why not."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--api", default=API, help="default: %(default)s")
    parser.add_argument("--secrets", type=Path, help="the folder with the file `administrator`")
    parser.add_argument("--mails", help=f"where mails are caught; default: {MAILS}, for the default API")
    parser.add_argument("--brief", action="store_true", help="print the chapters alone")
    told = parser.parse_args(arguments)
    try:
        it = Transcript(told.api, brief=told.brief)
        mails = told.mails or (MAILS if told.api == API else "")
        Demo(it, find([told.secrets] if told.secrets else KEPT, it.address), mails).tell()
    except (LocalError, ClickException) as error:
        sys.exit(f"botberi: {error}")
    sys.stdout.write(f"\nAll of it went as it should at {told.api}.\n")


if __name__ == "__main__":
    main()
