"""Debian's chromium, driven over its DevTools protocol."""

import base64
import contextlib
import itertools
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.app.page.browser import CHROMIUM, QUIET


class Page:
    """One page of a browser of its own; what it does and what it says.

    A browser that dies before the page is there (seen once, on a busy machine) is started once
    more; whatever dies later fails the test.
    """

    def __init__(self, address, *, width=1280, height=900, dark=False):
        try:
            self._start(address, width, height, dark)
        except (ConnectionClosed, httpx.TransportError, EOFError):
            self._start(address, width, height, dark)

    def _start(self, *shown):
        self._numbers, self.console = itertools.count(1), []
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            self._told = Path(folder) / "told"
            stack.enter_context(self._running(folder))
            self._socket = stack.enter_context(self._opened(self._port()))
            for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
                self.tell(f"{domain}.enable")
            address, *size = shown
            self.sized(*size)
            self.go(address)
            self._stack = stack.pop_all()

    @contextlib.contextmanager
    def _running(self, folder):
        options = ["--remote-debugging-port=0", f"--user-data-dir={folder}/user"]
        with self._told.open("w") as told:
            self._process = subprocess.Popen(
                [CHROMIUM, *QUIET, *options, "about:blank"], stderr=told
            )
        try:
            yield
        finally:
            self._process.kill()
            self._process.wait()

    def _port(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            told = self._told.read_text()
            if found := re.search(r"DevTools listening on ws://127.0.0.1:(\d+)/", told):
                return int(found[1])
            time.sleep(0.05)
        raise EOFError(f"chromium did not start: {self._told.read_text()}")

    def _opened(self, port):
        with httpx.Client(trust_env=False) as client:
            pages = client.get(f"http://127.0.0.1:{port}/json/list").json()
        address = next(one for one in pages if one["type"] == "page")["webSocketDebuggerUrl"]
        return connect(address, max_size=None, proxy=None)

    def close(self):
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def tell(self, method, **given):
        """A command of the protocol; what the console says meanwhile is kept."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            told = json.loads(self._received())
            if told.get("method") == "Log.entryAdded":
                self.console.append(told["params"]["entry"]["text"])
            elif told.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                self.console.append(json.dumps(told["params"]))
            elif told.get("id") == number:
                assert "error" not in told, told
                return told["result"]

    def _received(self):
        try:
            return self._socket.recv(timeout=60)
        except ConnectionClosed as error:
            ended = f"chromium ended ({self._process.poll()}): {self._told.read_text()[-2000:]}"
            error.add_note(ended)
            raise

    def sized(self, width, height, dark=False):
        """The window, and what the user prefers."""
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        shade = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", features=[shade])

    def go(self, address):
        self.tell("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def value(self, script):
        """What an expression of the page gives."""
        told = self.tell(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, script, seconds=40):
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({script})"):
            assert time.monotonic() < end, (script, self.value("document.body.innerText"))
            time.sleep(0.05)

    def click(self, selector):
        """Click at an element as a mouse does, at its middle."""
        script = (
            f"(() => {{const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]})()"
        )
        x, y = self.value(script)
        for kind in ("mousePressed", "mouseReleased"):
            self.tell(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )  # fmt: skip

    def press(self, key, code=None):
        """Press a key."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        more = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            self.tell(
                "Input.dispatchKeyEvent", type=kind, key=key, code=code or key,
                windowsVirtualKeyCode=codes[key], **(more if kind == "keyDown" else {}),
            )  # fmt: skip

    def give(self, selector, path):
        """Choose a file."""
        root = self.tell("DOM.getDocument")["root"]["nodeId"]
        node = self.tell("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.tell("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def read(self):
        """What a screen reader has of the page: [(role, name)]."""
        nodes = self.tell("Accessibility.getFullAXTree")["nodes"]
        return [
            (one["role"]["value"], one.get("name", {}).get("value", ""))
            for one in nodes
            if not one["ignored"]
        ]

    def picture(self, path, *, all_of_it=True):
        """A .png of the page."""
        told = self.tell("Page.captureScreenshot", captureBeyondViewport=all_of_it)
        Path(path).write_bytes(base64.b64decode(told["data"]))
