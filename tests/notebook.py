"""The tutorial as a notebook: docs/tutorial.md is its text, examples/own_videos.ipynb its run.

python -m tests.notebook        runs it, and writes the notebook with its outputs
"""

import os
import re
import stat
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat
from nbformat import v4

ROOT = Path(__file__).resolve().parents[1]
TEXT, NOTEBOOK = ROOT / "docs" / "tutorial.md", ROOT / "examples" / "own_videos.ipynb"
BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```\n", re.M | re.S)
# what a command says of how far it is, and what libraries say of IPython's forks
FLEETING = re.compile(
    r"(: \d+ s$)|( left(,|$))|(^\S+ is at work)|(pty\.py:\d+: RuntimeWarning)|(os\.forkpty\(\))"
)


def cells(text):
    """The cells of a text: its code, commands with an exclamation mark, and what is between."""
    found, at = [], 0
    for block in BLOCK.finditer(text):
        if between := text[at : block.start()].strip():
            found.append(v4.new_markdown_cell(between))
        kind, code = block.groups()
        found.append(v4.new_code_cell("!" * (kind == "bash") + code.strip()))
        at = block.end()
    if rest := text[at:].strip():
        found.append(v4.new_markdown_cell(rest))
    for number, cell in enumerate(found):
        cell["id"] = f"cell-{number}"
    return found


def made(text):
    """A notebook without outputs."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells(text), metadata={"kernelspec": kernel})


def run(notebook, folder, patience=1200):
    """Run it in a folder, with this checkout's `reid-jax`; outputs are put into it."""
    commands = Path(folder) / "bin"
    commands.mkdir()
    command = commands / "reid-jax"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m experiments "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    before = dict(os.environ)
    os.environ["PATH"] = f"{commands}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    try:
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(notebook, timeout=patience, resources=resources).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [one for one in map(_quiet, joined(cell.outputs)) if one is not None]
    return notebook


def joined(outputs):
    """Outputs, of which the pieces of one stream are one."""
    found = []
    for one in outputs:
        if (
            found
            and one.output_type == "stream" == found[-1].output_type
            and one.name == found[-1].name
        ):
            found[-1].text += one.text
        else:
            found.append(one)
    return found


def _quiet(output):
    """An output without what was said to pass the time, and without colours; None: nothing."""
    if output.output_type != "stream":
        return output
    text = (
        re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", output.text).replace("\r\n", "\n").replace("\r", "\n")
    )
    lines = [line for line in text.splitlines() if line.strip() and not FLEETING.search(line)]
    output.text = "".join(f"{line}\n" for line in lines)
    return output if lines else None


def said(notebook):
    """All text that a run put out."""
    return "".join(
        one.get("text", "") for cell in notebook.cells for one in cell.get("outputs", [])
    )


def main():
    """Run and write."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:]:
            folder = str(Path(sys.argv[1]).resolve())
            Path(folder).mkdir()
        notebook = run(made(TEXT.read_text()), folder)
    NOTEBOOK.parent.mkdir(exist_ok=True)
    text = nbformat.writes(notebook).replace(folder, "/my")
    NOTEBOOK.write_text(text + "\n")
    size = NOTEBOOK.stat().st_size
    sys.stdout.write(said(notebook))
    sys.stdout.write(f"{NOTEBOOK}: {size:,} bytes, {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
