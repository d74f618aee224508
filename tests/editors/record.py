"""Draws a span being refined in a real Neovim, from a real engine, as an SVG that plays by itself:

    record.py NVIM QUICKSILVER PLUGIN PROJECT MODEL OUT.svg

MODEL is a copy of engine/models/embedded whose config.json says `"network": "denoise"`: without the network there is
nothing to refine. Nothing is drawn that was not on the screen; time is stretched, so that an eye can follow.
"""

import html
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIRST_LINE, LAST_LINE = 18, 25  # of the screen, from 0: the hole and what stands around it
COLUMNS = 92
STRETCH = 3.0
HOLD_S = 2.5  # the answer stays so long
CELL, LINE = 8.4, 18  # px
LINE_TO_WRITE = "            let pieces = "
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")


def tmux(*arguments: str) -> str:
    command = ["tmux", "-L", f"record-{os.getpid()}", "-f", "/dev/null", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def record(nvim: str, quicksilver: str, plugin: str, project: str, model: str) -> list[tuple[float, list[str]]]:
    """The screens that were shown after the line was written, each with its time in s."""
    with tempfile.TemporaryDirectory() as home:
        setup = f"require('quicksilver').setup({{binary='{quicksilver}', model='{model}', showUnsure=true}})"
        init = Path(home, "init.lua")
        init.write_text(f"vim.opt.rtp:prepend('{plugin}')\nvim.o.swapfile=false\nvim.o.termguicolors=true\nvim.o.ruler=false\n{setup}\n")
        os.chmod(home, 0o700)
        env = [f"HOME={home}", f"XDG_RUNTIME_DIR={home}", f"XDG_STATE_HOME={home}", f"XDG_CACHE_HOME={home}"]
        tmux("new-session", "-d", "-x", str(COLUMNS), "-y", "32", "-c", project, "env", *env, nvim, "-u", str(init), "shop.rs")
        try:
            time.sleep(4)
            tmux("send-keys", "-l", "23G0C" + LINE_TO_WRITE)
            begun, screens = time.monotonic(), []
            while time.monotonic() - begun < 4:
                lines = tmux("capture-pane", "-e", "-p").split("\n")[FIRST_LINE:LAST_LINE]
                if not screens or screens[-1][1] != lines:
                    screens.append((time.monotonic() - begun, lines))
            return screens
        finally:
            tmux("kill-server")


def spans(line: str) -> str:
    """A line with its colours, as SVG text."""
    out, colour = [], "#d0d4de"
    parts = COLOUR.split(line)
    for place, part in enumerate(parts):
        if place % 2 == 0:
            if part:
                out.append(f'<tspan fill="{colour}">{html.escape(part)}</tspan>')
            continue
        if rgb := re.search(r"38;2;(\d+);(\d+);(\d+)", part):
            colour = "#{:02x}{:02x}{:02x}".format(*map(int, rgb.groups()))
        elif part in ("", "0", "39"):
            colour = "#d0d4de"
    return "".join(out)


def text(row: int, line: str, animation: str = "") -> str:
    return f'<text x="8" y="{20 + row * LINE}" xml:space="preserve">{spans(line)}{animation}</text>'


def draw(screens: list[tuple[float, list[str]]]) -> str:
    begin = screens[0][0]
    starts = [(at - begin) * STRETCH for at, _ in screens]
    whole = starts[-1] + HOLD_S
    rows = []
    for row in range(len(screens[0][1])):
        versions = [lines[row] for _, lines in screens]
        if len(set(versions)) == 1:
            rows.append(text(row, versions[0]))
            continue
        for place, line in enumerate(versions):
            start = starts[place] / whole
            end = (starts[place + 1] if place + 1 < len(starts) else whole) / whole
            times = f"0;{start:.4f};{end:.4f}" if place else f"0;0;{end:.4f}"
            values = "hidden;visible;hidden"
            play = f'<animate attributeName="visibility" calcMode="discrete" dur="{whole:.2f}s" repeatCount="indefinite" keyTimes="{times}" values="{values}"/>'
            last = place == len(versions) - 1
            rows.append(text(row, line, play).replace("<text ", f'<text visibility="{"visible" if last else "hidden"}" ', 1))
    width, height = 16 + COLUMNS * CELL, 14 + len(screens[0][1]) * LINE
    style = 'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" {style}>'
            f'<rect width="100%" height="100%" rx="6" fill="#14161b"/>{"".join(rows)}</svg>\n')


def main() -> None:
    *where, out = sys.argv[1:]
    screens = record(*where)
    masked = [place for place, (_, lines) in enumerate(screens) if "░" in "".join(lines)]
    if not masked:
        sys.exit("no span was being refined")
    Path(out).write_text(draw(screens[masked[0]:]))
    print(f"{len(screens) - masked[0]} states in {screens[-1][0] - screens[masked[0]][0]:.2f} s")


if __name__ == "__main__":
    main()
