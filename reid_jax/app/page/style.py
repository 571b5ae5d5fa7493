"""The style of a page: light and dark, wide and narrow, by CSS alone."""

from reid_jax.app.page.inks import ALL

# by word: what an ink is on a dark page, where its own would be too dim
DARK = {
    "blue": (94, 176, 239),
    "orange": (255, 138, 61),
    "gray": (170, 170, 170),
    "black": (235, 235, 235),
    "green": (45, 201, 151),
    "pink": (231, 160, 201),
    "sky": (156, 214, 250),
    "amber": (242, 191, 73),
}


def style() -> str:
    """The text of the <style> element."""
    light = "".join(f"--{ink.word}:rgb{ink.rgb};" for ink in ALL)
    dark = "".join(f"--{word}:rgb{rgb};" for word, rgb in DARK.items())
    inks = "".join(f".{ink.word}{{--ink:var(--{ink.word})}}" for ink in ALL)
    return (
        f":root{{{_LIGHT}{light}}}@media(prefers-color-scheme:dark){{:root{{{_DARK}{dark}}}}}"
        f"{inks}{_RULES}"
    ).replace("\n", "")


_LIGHT = """color-scheme:light dark;--back:#fff;--text:#1b1b1b;--soft:#595959;--rule:#d5d5d5;
--panel:#f4f4f4;--link:#00528a;"""
_DARK = "--back:#161616;--text:#ececec;--soft:#b0b0b0;--rule:#404040;--panel:#222;--link:#8cc8ff;"
_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif;
overflow-wrap:anywhere}
header,nav,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.7rem;margin:1.2rem 0 .3rem}
h2{font-size:1.3rem;margin:2.2rem 0 .5rem;border-top:1px solid var(--rule);padding-top:.8rem}
h3{font-size:1.05rem;margin:1.3rem 0 .3rem}
p{max-width:48rem;margin:.5rem 0}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0;margin:.5rem 0}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;background:var(--back);padding:.5rem}
:focus-visible{outline:3px solid var(--blue);outline-offset:2px}
code,pre{font:.9em/1.45 ui-monospace,monospace;background:var(--panel);border-radius:3px}
code{padding:0 .2em}
pre{padding:.6rem .8rem;overflow-x:auto;white-space:pre-wrap}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding:.2rem 0;max-width:calc(100vw - 2rem)}
th,td{padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--rule);text-align:left;
vertical-align:top;overflow-wrap:normal}
.words td,.words th{overflow-wrap:anywhere;min-width:4.5rem}
.numbers td,.numbers thead th+th{text-align:right;padding:.25rem 0 .25rem .9rem;white-space:nowrap}
tbody th{font-weight:400}
tbody tr.strong th,tbody tr.strong td{font-weight:700}
details{margin:.4rem 0}
summary{cursor:pointer;color:var(--link)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,27rem),1fr));
gap:1rem 2rem;align-items:start}
figure{margin:.8rem 0}
figcaption{max-width:48rem}
figcaption p{color:var(--soft);font-size:.92rem}
.chart{width:100%;max-width:36rem;height:auto;display:block}
.chart text{font:13px system-ui,sans-serif;fill:var(--text)}
.mid{text-anchor:middle}.end{text-anchor:end}.start{text-anchor:start}
.axis{fill:none;stroke:var(--soft)}
.grid{stroke:var(--rule)}
.mark{stroke:var(--text);stroke-width:2;stroke-dasharray:2 3}
.line{fill:none;stroke:var(--ink);stroke-width:2;stroke-linejoin:round}
.dashed{stroke-dasharray:7 4}
.dots{stroke:var(--ink);stroke-width:5;stroke-linecap:round}
.area{fill:var(--ink);fill-opacity:.45;stroke:var(--ink)}
.points{fill:none;stroke:var(--ink);stroke-width:5;stroke-linecap:round;opacity:.75}
.marks{fill:none;stroke:var(--ink);stroke-width:1.6;opacity:.85}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;list-style:none;padding:0;margin:.2rem 0;
font-size:.92rem}
.legend svg{width:26px;height:14px;vertical-align:middle;margin-right:.35rem}
.rows{list-style:none;padding:0;margin:.5rem 0}
.rows>li{border-top:1px solid var(--rule);padding:.4rem 0}
.panels{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem}
.name{margin:0;font-size:.92rem}
.tiles{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;padding:0;margin:.2rem 0}
.tile{width:74px;font-size:.75rem;line-height:1.25}
.tile img{display:block;width:74px;height:138px;border:5px solid transparent}
.tile.framed img{border-color:var(--ink)}
.tile.wrong img{border-style:dashed}
.tile span{display:block}
img.large{max-width:100%;height:auto}
footer{color:var(--soft);padding:2rem 1rem}
@media(max-width:36rem){body{font-size:15px}h1{font-size:1.4rem}.tile{width:62px}
.tile img{width:62px;height:114px}
.numbers td,.numbers thead th+th{white-space:normal;overflow-wrap:normal}}
@media print{details:not([open])>*{display:none}}
"""
