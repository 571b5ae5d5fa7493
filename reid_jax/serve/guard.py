"""Before a request is read: who may ask, from where, how much; and the headers of each answer.

Without a token only this machine is served, under its own names, so that a page that points a name
of its own at 127.0.0.1 is refused. What changes something must come from the page itself.
"""

import asyncio
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from reid_jax.serve.upload import BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
SMALL = 100_000  # bytes of a body that is no picture, at most
SECONDS = 20.0  # in which a body must have come
SESSION, HOURS, SESSIONS = "reid_session", 12, 1_000
WRONG = 1.0  # seconds that the answer to a wrong token takes
TOKEN = 16  # characters of a token, at least
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",  # a person who is removed stays in no browser's cache
}


def local(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Stands before the site (ASGI)."""

    def __init__(
        self, app: App, *, token: str = "", login: bytes = b"", public: dict | None = None
    ):
        """Guard a site.

        Args:
            app: the site.
            token: "": none is needed, and only this machine is served.
            login: the page that asks for the token.
            public: path -> (kind, content) of files that the login page needs.
        """
        self.app, self._token, self._login, self._public = app, token, login, public or {}
        self._sessions: dict[str, float] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        body = _Body(receive, headers, BYTES if path == "/api/query" else SMALL)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                own = [one for one in message.get("headers", []) if one[0].decode() not in HEADERS]
                given += [] if body.whole else [(b"connection", b"close")]
                message = {**message, "headers": [*own, *given]}
            await send(message)

        refused = self._refused(scope["method"], headers)
        if refused:
            await _answer(sent, 403, _error(refused))
        elif self._token and path == "/login" and scope["method"] == "POST":
            await self._sign_in(scope, body, sent)
        elif self._token and path in self._public:
            kind, content = self._public[path]
            await _answer(sent, 200, content, kind)
        elif self._token and not self._known(headers):
            if path == "/":
                await _answer(sent, 401, self._login, "text/html; charset=utf-8")
            else:
                await _answer(sent, 401, _error("sign in first: open the page, or give the token"))
        else:
            await self.app(scope, body, sent)

    def _refused(self, method: str, headers: Headers) -> str:
        """Why a request is not even looked at; "" if it is."""
        host = headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if not self._token and not local(name):
            return "this page is served to its own machine only, as 127.0.0.1 or localhost"
        if (
            headers.get("sec-fetch-site") == "cross-site"
            and headers.get("sec-fetch-dest") != "document"
        ):
            return "another site may not ask this page"
        if method not in ("GET", "HEAD"):
            origin, site = headers.get("origin"), headers.get("sec-fetch-site")
            # of a form's origin a page without referrers says "null", and its browser where from
            own = site == "same-origin" if origin == "null" else _place(origin, host) == host
            if not own or site not in (None, "same-origin", "none"):
                return "what changes something must come from the page itself"
        return ""

    def _known(self, headers: Headers) -> bool:
        """Whether the request has the token or a session."""
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if bearer and self._is_token(bearer):
            return True
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == SESSION and self._sessions.get(value, 0.0) > time.monotonic():
                return True
        return False

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def _sign_in(self, scope: Message, receive: Receive, send: Send) -> None:
        body = b""
        try:
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
        except HTTPException as error:
            await _answer(send, error.status_code, _error(error.detail))
            return
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not self._is_token(given.strip()):
            await asyncio.sleep(WRONG)
            page = self._login.replace(b"<!--wrong-->", b"This is not the token.")
            await _answer(send, 401, page, "text/html; charset=utf-8")
            return
        now = time.monotonic()
        self._sessions = {name: end for name, end in self._sessions.items() if end > now}
        while len(self._sessions) >= SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        name = secrets.token_urlsafe(32)
        self._sessions[name] = now + 3600 * HOURS
        cookie = f"{SESSION}={name}; HttpOnly; SameSite=Strict; Path=/; Max-Age={3600 * HOURS}"
        cookie += "; Secure" if scope.get("scheme") == "https" else ""
        more = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        await _answer(send, 303, b"", "text/plain", more)


class _Body:
    """The body of a request, of at most `most` bytes, in `SECONDS`; a `receive`.

    Attributes:
        whole: all of it was taken; a connection on which more would come must be closed.
    """

    def __init__(self, receive: Receive, headers: Headers, most: int):
        self._receive, self._most, self._taken = receive, most, 0
        self._given = headers.get("content-length", "0")
        self._until = time.monotonic() + SECONDS
        self.whole = self._given == "0" and "transfer-encoding" not in headers

    async def __call__(self) -> Message:
        if not self._given.isdecimal() or int(self._given) > self._most:
            raise self._large()
        if self.whole and self._taken:
            return await self._receive()  # waits for the end of the connection
        try:
            async with asyncio.timeout(max(0.0, self._until - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the request did not come within {SECONDS:.0f} s") from None
        self._taken += len(message.get("body", b""))
        if self._taken > self._most:
            raise self._large()
        self.whole = not message.get("more_body")
        return message

    def _large(self) -> HTTPException:
        return HTTPException(
            413, f"at most {self._most:,} bytes are taken; make the picture smaller"
        )


def _place(origin: str | None, host: str) -> str:
    """The host of an origin; what is no browser sends none, and `host` stands for it."""
    try:
        return host if origin is None else urlsplit(origin).netloc
    except ValueError:
        return ""


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


async def _answer(
    send: Send,
    status: int,
    content: bytes,
    kind: str = "application/json",
    more: list[tuple[bytes, bytes]] | None = None,
) -> None:
    head = [(b"content-type", kind.encode()), (b"content-length", str(len(content)).encode())]
    start = {"type": "http.response.start", "status": status, "headers": [*head, *(more or [])]}
    await send(start)
    await send({"type": "http.response.body", "body": content})
