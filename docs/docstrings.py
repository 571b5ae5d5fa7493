"""This project's docstrings for Sphinx: plain English with Google's sections, not reStructuredText.

Signs that mean something to it are escaped, `names` become code, and formulas, tables and examples
keep their lines.
"""

import re

LISTS = ("Args:", "Attributes:", "Raises:")  # of lines "name: what"
SECTIONS = (*LISTS, "Returns:", "Yields:", "Reference:", "Source:", "Example:",
            "Departs from the paper:")  # fmt: skip
FORMULA = re.compile(r"^\S.*?( = | <- |: z_)|\S {3,}\S")
NAME = re.compile(r"^([\w.,* ]+): (.*)$")


def escaped(line: str) -> str:
    """A line of prose: code in double backquotes, everything else without a meaning."""
    parts = re.split(r"(`[^`]+`)", line)
    parts[::2] = [re.sub(r"([*|_\\<>`])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    return "".join(parts)


def blocks(lines: list[str]) -> list[list[str]]:
    """Lines by paragraph; an empty line is a paragraph of its own."""
    made: list[list[str]] = []
    for line in lines:
        if line.strip() and made and made[-1][0].strip():
            made[-1].append(line)
        else:
            made.append([line])
    return made


def depth(line: str) -> int:
    """Spaces before a line."""
    return len(line) - len(line.lstrip())


def paragraph(block: list[str]) -> list[str]:
    """A paragraph outside of sections; a formula, a table or an indented one stays as it is."""
    kept = FORMULA.search(block[0]) and not block[0].rstrip().endswith(".")
    if block[0].strip() and (depth(block[0]) >= 4 or kept):
        return ["::", "", *(f"    {line}" for line in block), ""]
    return [escaped(line) for line in block]


def items(block: list[str]) -> list[str]:
    """Lines "name: what", each with the lines below it that are indented more."""
    base, made = depth(block[0]) if block else 0, []
    for line in block:
        named = NAME.match(line.strip()) if depth(line) == base else None
        if named:
            made += ["", f"    ``{named[1]}``", f"        {escaped(named[2])}"]
        else:
            made.append(f"        {escaped(line.strip())}")
    return made


def process(app: object, what: str, name: str, thing: object, options: object, lines: list) -> None:
    """Called by autodoc."""
    made: list[str] = []
    section = ""
    for block in blocks(lines):
        head = block[0].strip()
        if head and depth(block[0]) == 0:
            section = head if head in SECTIONS else ""
        if not section:
            made += paragraph(block)
            continue
        inner = block[1:] if head == section else block
        if head == section:
            made += ["", f"**{section[:-1]}**"]
        if section == "Example:":
            made += ["    ::", ""] if head == section else []
            made += [f"    {line}" for line in inner]
        else:
            told = items(inner) if section in LISTS else [escaped(line) for line in inner]
            made += told[1:] if told[:1] == [""] and head == section else told
    lines[:] = made
