"""What schemathesis cannot find in the document: users who have just signed in, and ids of users and holds that exist.

Run by `cargo xtask api-check`, which sets the variables read here.
"""

import json
import os
import uuid
from urllib.request import Request, urlopen

import schemathesis
from hypothesis import strategies

ORIGIN = os.environ["API_CHECK_ORIGIN"]
EMULATOR = os.environ["API_CHECK_EMULATOR"]
SERVICE_KEY = os.environ["API_CHECK_SERVICE_KEY"]
# One case in so many goes without credentials, so that refusals are compared with the document too.
ANONYMOUS_SHARE = 8


def call(url, body=None, headers=None):
    """The JSON answer to a GET, or to a POST of `body`."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


def sign_up():
    """The ID token of a new user."""
    user = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse 1", "returnSecureToken": True}
    return call(f"{EMULATOR}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any", user)["idToken"]


def someone():
    """The id of a user with tokens."""
    me = call(f"{ORIGIN}/v1/auth/me", headers={"Authorization": f"Bearer {sign_up()}"})
    return me["data"]["user"]["id"]


def hold():
    """The id of an open hold."""
    def moved(path):
        headers = {"X-Service-Key": SERVICE_KEY, "Idempotency-Key": str(uuid.uuid4())}
        return call(f"{ORIGIN}/v1/users/{user}/{path}", {"amount": 1, "reason": "api-check"}, headers)["data"]

    user = someone()
    moved("tokens/credit")
    return moved("holds")["hold"]["id"]


# The document cannot say "a letter and a digit".
schemathesis.openapi.format("password", strategies.from_regex(r"[a-z]{4}[0-9]{4}[ -~]{0,20}", fullmatch=True))


# Some operations void the caller's token: nobody stays for long.
@schemathesis.auth(refresh_interval=1)
class Person:
    """Somebody who has just signed in, and the key of a service."""

    def get(self, case, context):
        return sign_up()

    def set(self, case, data, context):
        if hash(case.id) % ANONYMOUS_SHARE:
            case.headers["Authorization"] = f"Bearer {data}"
            case.headers["X-Service-Key"] = SERVICE_KEY


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Puts an id that exists in place of half of the well-formed ones."""
    try:
        made_up = uuid.UUID(str((path_parameters or {}).get("id")))
    except ValueError:
        return path_parameters
    if made_up.int % 2:
        path = context.operation.path
        path_parameters["id"] = hold() if path.startswith("/v1/holds/") else someone()
    return path_parameters
