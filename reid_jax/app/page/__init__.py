"""A report as data: sections of blocks, written as one HTML page and as text that says the same.

    blocks          what a section holds: words, tables, charts, sheets of pictures
    html, svg, style, picture    -> a page that is one file
    text            -> Markdown

`html.page(title, sections)` and `text.text(title, sections)` know nothing of a run, so that any
report, as a comparison of several runs, is built of the same blocks.
"""
