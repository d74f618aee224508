"""Draws what Neovim's README shows of filling several holes, writing a line anew and doubts, from a real Neovim and a
real engine, as SVG:

    pictures.py NVIM QUICKSILVER PLUGIN OUT

The file that it is done in is `pictures.txt`; nothing is drawn that was not on the screen. OUT gets `fill.svg`,
`rewrite.svg` and `doubts.svg`.
"""

import html
import os
import re
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

from record import CELL, COLUMNS, LINE, tmux

INK, PAPER = "#d0d4de", "#14161b"
SAMPLE = Path(__file__).with_name("pictures.txt")
CODE = re.compile(r"\x1b\[([0-9;]*)m")
PATIENCE_S = 30
#: By picture: the keys, what the screen says once it is there, and the lines of the screen that are drawn, from 0.
PICTURES = {
    "fill": (":12,20Quicksilver fill\r", r"lock\(\);todo", (6, 20)),
    "rewrite": (":23Quicksilver rewrite\r", r"lock\(\);\s*let", (21, 26)),
    "doubts": (":23\r:Quicksilver doubts\r", r"shleves.*shelves", (21, 26)),
}


def screen_of(nvim: str, quicksilver: str, plugin: str, keys: str, awaited: str) -> list[str]:
    """The screen once it says what is awaited."""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o700)
        Path(home, "stock.rs").write_text(SAMPLE.read_text())
        setup = f"require('quicksilver').setup({{binary='{quicksilver}'}})"
        Path(home, "init.lua").write_text(f"vim.opt.rtp:prepend('{plugin}')\nvim.o.swapfile=false\nvim.o.termguicolors=true\nvim.o.ruler=false\n{setup}\n")
        env = [f"HOME={home}", *(f"XDG_{name}={home}" for name in ("RUNTIME_DIR", "STATE_HOME", "CACHE_HOME", "CONFIG_HOME"))]
        tmux("new-session", "-d", "-x", str(COLUMNS), "-y", "32", "-c", home, "env", *env, nvim, "-u", f"{home}/init.lua", "stock.rs")
        try:
            end = time.monotonic() + PATIENCE_S
            while time.monotonic() < end:
                time.sleep(2)
                tmux("send-keys", "-l", keys)
                time.sleep(2)
                if re.search(awaited, tmux("capture-pane", "-p")):
                    return tmux("capture-pane", "-e", "-p").split("\n")
            sys.exit(f"the screen does not say {awaited}:\n{tmux('capture-pane', '-p')}")
        finally:
            tmux("kill-server")


def cells(row: str) -> list[tuple[str, tuple[str, str, str]]]:
    """The characters of a row, each with its colour, that of its ground, and what line it has."""
    found, ink, ground, line = [], INK, "", ""
    for place, part in enumerate(CODE.split(row)):
        if place % 2 == 0:
            found += [(character, (ink, ground, line)) for character in part]
            continue
        if part in ("", "0") or part.startswith("0;"):
            ink, ground, line = INK, "", ""
        colours = {kind: "#{:02x}{:02x}{:02x}".format(*map(int, rgb)) for kind, *rgb in re.findall(r"([34]8);2;(\d+);(\d+);(\d+)", part)}
        ink, ground = colours.get("38", ink), colours.get("48", ground)
        codes = re.sub(r"[345]8;2;\d+;\d+;\d+", "", part).split(";")
        ink = INK if "39" in codes else ink
        ground = "" if "49" in codes else ground
        for code, look in (("4", "underline"), ("9", "line-through"), ("24", ""), ("29", "")):
            line = look if code in codes else line
    return found


def draw(lines: list[str]) -> str:
    rows = []
    for number, row in enumerate(lines):
        column, top = 0, number * LINE + 6
        for (ink, ground, line), run in groupby(cells(row), key=lambda cell: cell[1]):
            text = "".join(character for character, _ in run)
            x = 8 + column * CELL
            width = len(text) * CELL
            column += len(text)
            if ground and ground != PAPER:
                rows.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{LINE}" fill="{ground}"/>')
            if text.strip() or line:
                decoration = f' text-decoration="{line}"' if line else ""
                rows.append(f'<text x="{x:.1f}" y="{top + 14}" textLength="{width:.1f}" fill="{ink}"{decoration} xml:space="preserve">{html.escape(text)}</text>')
    width, height = 16 + COLUMNS * CELL, 14 + len(lines) * LINE
    style = 'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" {style}>'
            f'<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>{"".join(rows)}</svg>\n')


def main() -> None:
    nvim, quicksilver, plugin, out = sys.argv[1:]
    for name, (keys, awaited, (first, last)) in PICTURES.items():
        lines = screen_of(nvim, quicksilver, plugin, keys, awaited)[first:last]
        Path(out, f"{name}.svg").write_text(draw(lines))


if __name__ == "__main__":
    main()
