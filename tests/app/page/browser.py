"""A page as Debian's chromium shows it."""

import json
import re
import shutil
import subprocess
import tempfile
from html import escape, unescape
from pathlib import Path

import pytest

from reid_jax.app.page import html

CHROMIUM = shutil.which("chromium")
needed = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED: there is no chromium")
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--hide-scrollbars", "--disable-dev-shm-usage",
]  # fmt: skip
# What only a browser knows, written into the page for --dump-dom. The page itself has no script.
ASK = """<script>addEventListener('load', () => {
  const all = (what) => [...document.querySelectorAll(what)];
  const told = {
    wide: innerWidth, scroll: document.documentElement.scrollWidth,
    back: getComputedStyle(document.body).backgroundColor,
    text: getComputedStyle(document.body).color,
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
    loaded: performance.getEntriesByType('resource').map(one => one.name)
      .filter(name => !name.startsWith('data:')),
    broken: all('img').filter(one => !one.naturalWidth).length, images: all('img').length,
    sections: all('main section > h2').filter(one => one.offsetHeight).map(one => one.textContent),
    charts: all('svg.chart').map(one => one.getBoundingClientRect().width),
    inks: all('svg.chart path.line').map(one => getComputedStyle(one).stroke),
  };
  EXTRA
  const last = document.createElement('pre');
  last.id = 'told'; last.textContent = JSON.stringify(told); top.document.body.append(last);
});</script>"""


def seen(page, *, width=1280, dark=False, extra="", picture=None):
    """What the browser makes of a page in a frame: a window is never narrower than 500 pixels.

    Args:
        page: its text.
        width: of the frame, in pixels.
        dark: whether the user prefers a dark page.
        extra: a script of a test.
        picture: a .png file to write; then of the page as it is, not in a frame.

    Returns:
        What `ASK` asks, and under "console" the lines of the console.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "page.html"
        assert html.POLICY in page  # which would keep the question from being asked
        asked = page.replace(html.POLICY, "").replace(
            "</body>", ASK.replace("EXTRA", extra) + "</body>"
        )
        frame = f'<iframe style="width:{width}px;height:1600px" srcdoc="{escape(asked)}"></iframe>'
        path.write_text(page if picture else f"<!doctype html><body>{frame}</body>")
        command = [
            CHROMIUM,
            *QUIET,
            f"--user-data-dir={folder}/user",
            f"--window-size={width},1600",
        ]
        command += ["--blink-settings=preferredColorScheme=0"] if dark else []
        command += [f"--screenshot={picture}"] if picture else ["--dump-dom"]
        command += ["--enable-logging=stderr", "--virtual-time-budget=20000", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        if picture:
            return {"console": console}
        (told,) = re.findall(r'<pre id="told">(.*?)</pre>', done.stdout, re.S)
        return {**json.loads(unescape(told)), "console": console}
