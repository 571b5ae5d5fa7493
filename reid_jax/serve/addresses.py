"""The addresses of the page (FastAPI), and what they answer where something is wrong."""

import asyncio
import shutil
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from reid_jax.app import mistakes
from reid_jax.app.page.style import style
from reid_jax.gallery import thumbnails
from reid_jax.gallery.where import Where, where
from reid_jax.serve import person, upload
from reid_jax.serve.guard import App, Guard
from reid_jax.serve.opened import Gone
from reid_jax.serve.seeing import Busy
from reid_jax.serve.site import Chosen, Row, Site, Word

Made = TypeVar("Made")
HERE = Path(__file__).parent
KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}
PATIENCE = 20.0  # seconds that a picture may wait to be embedded
AT_ONCE = 4  # requests that are worked at; the others wait their turn
Text = Annotated[str, Query(max_length=64)]
Texts = Annotated[list[str], Query(max_length=100)]


def files() -> dict[str, tuple[str, bytes]]:
    """The page's files by their names: (kind, content); they are in the package."""
    found = {path.name: path.read_bytes() for path in HERE.iterdir() if path.suffix in KINDS}
    found["page.css"] = style().encode() + found["page.css"]
    return {name: (KINDS[Path(name).suffix], content) for name, content in found.items()}


def made(site: Site, *, token: str = "") -> App:
    """The whole site behind its guard.

    Args:
        site: what is asked.
        token: "": none is needed, and only this machine is served.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        if site.seeing is not None:
            site.seeing.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    thread = _threads()
    _add_errors(app, site)
    _add_pages(app)
    _add_questions(app, site, thread)
    _add_changes(app, site, thread)
    kept = files()
    public = {"/page.css": kept["page.css"]}
    return Guard(app, token=token, login=kept["login.html"][1], public=public)


def _threads() -> Callable[..., Any]:
    """A function that calls another in a thread; `AT_ONCE` at a time."""
    limit: list[anyio.CapacityLimiter] = []

    async def thread(body: Callable[..., Made], *given: Any) -> Made:
        if not limit:
            limit.append(anyio.CapacityLimiter(AT_ONCE))
        return await anyio.to_thread.run_sync(partial(body, *given), limiter=limit[0])

    return thread


def _add_pages(app: FastAPI) -> None:
    kept = files()

    def add(path: str, name: str) -> None:
        kind, content = kept[name]

        @app.api_route(path, methods=["GET", "HEAD"])
        async def page() -> Response:
            return Response(content, media_type=kind)

    for path, name in (("/", "page.html"), ("/page.css", "page.css"), ("/page.js", "page.js")):
        add(path, name)


def _add_questions(app: FastAPI, site: Site, thread: Callable[..., Any]) -> None:
    """What only looks."""

    def which(camera: list[str], since: str, until: str) -> Where:
        return where(cameras=camera or None, since=since or None, until=until or None)

    @app.get("/api/about")
    async def about() -> dict[str, Any]:
        return await thread(site.about)

    @app.get("/api/people")
    async def people(
        camera: Texts = [],  # noqa: B006  (FastAPI copies it)
        since: Text = "",
        until: Text = "",
        first: Annotated[int, Query(ge=0, le=2**40)] = 0,
        most: Annotated[int, Query(ge=1, le=100)] = 40,
    ) -> dict[str, Any]:
        return await thread(site.recent, which(camera, since, until), first, most)

    @app.get("/api/search")
    async def search(
        query: Text,
        camera: Texts = [],  # noqa: B006
        since: Text = "",
        until: Text = "",
        top: Annotated[int, Query(ge=1, le=100)] = 24,
        by: Annotated[str, Query(pattern="^(picture|track)$")] = "track",
    ) -> dict[str, Any]:
        return await thread(site.search, query, which(camera, since, until), top, by)

    @app.get("/api/person")
    async def whole(row: Annotated[list[Row], Query(min_length=1, max_length=1_000)]) -> Any:
        found = await thread(lambda: person.whole(site.store(), row))
        return {"pictures": len(found.rows), "cameras": found.cameras, "files": len(found.outside)}

    @app.get("/api/labels.zip")
    async def labels() -> FileResponse:
        path = await thread(site.labels)
        end = BackgroundTask(shutil.rmtree, path.parent, ignore_errors=True)
        return FileResponse(path, filename="labels.zip", background=end)


def _add_changes(app: FastAPI, site: Site, thread: Callable[..., Any]) -> None:
    """What keeps or removes something; the guard has seen where it comes from."""

    @app.post("/api/query")
    async def query(request: Request) -> dict[str, str]:
        if site.seeing is None:
            raise ValueError("no picture can be given: the page was started without an encoder")
        data = b"".join([chunk async for chunk in request.stream()])
        pixels = await thread(upload.pixels, data)
        small = await thread(thumbnails.made, pixels)
        try:
            waited = asyncio.wait_for(asyncio.wrap_future(site.seeing.embed(pixels)), PATIENCE)
            embedding = await waited
        except TimeoutError:
            raise Busy(f"the picture was not looked at within {PATIENCE:.0f} s") from None
        return {"query": site.queries.add(embedding, small)}

    @app.post("/api/feedback")
    async def say(word: Word) -> dict[str, bool]:
        await thread(site.say, word)
        return {"kept": True}

    @app.post("/api/remove")
    async def remove(chosen: Chosen) -> dict[str, Any]:
        return await thread(site.remove, chosen)


def _add_errors(app: FastAPI, site: Site) -> None:
    """A line for whatever goes wrong; what is no mistake of the user's is told in the terminal."""

    def line(status: int, text: str) -> JSONResponse:
        return JSONResponse({"error": " ".join(text.split())}, status)

    async def told(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, HTTPException):
            return line(error.status_code, error.detail)
        if isinstance(error, Gone | Busy):
            return line(503, str(error))
        if isinstance(error, RequestValidationError):
            first = error.errors()[0]
            place = ".".join(str(one) for one in first["loc"])
            return line(422, f"{place}: {first['msg']}")
        try:
            site.opened.gallery()  # whatever Lance says of a gallery that is gone
        except Gone as gone:
            return line(503, str(gone))
        if mistakes.mistake(error):
            return line(400, str(error))
        if disk := mistakes.disk(error):
            return line(507, disk)
        print("".join(traceback.format_exception(error)), file=sys.stderr, flush=True)  # noqa: T201
        return line(500, "the server failed; its terminal says where")

    kinds = (HTTPException, RequestValidationError, Gone, Busy, ValueError, OSError, RuntimeError)
    for kind in (*kinds, LookupError, TypeError, ArithmeticError, AttributeError):
        app.add_exception_handler(kind, told)
