"""Cuts training windows out of the corpus: a hole, its context, and noised copies of the span.

Sample i of step s depends on (seed, s, i) alone, so a resumed run sees exactly what it would have seen.
"""

import json
import mmap
import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .layout import Block, Window
from .tokenizer import ID, Text

MASK, EXPAND, DELETE = ID["<|mask|>"], ID["<|expand|>"], ID["<|delete|>"]
BOS, EOS, FILE, PATH, PATH_END, SEP = (ID[f"<|{n}|>"] for n in ("bos", "eos", "file", "path", "/path", "sep"))
CANVASES = (8, 16, 24, 32)
LATER_DELETE_WEIGHT = 0.1  # the boundary is learnt from the first delete; the run behind it must not drown it
WIDEST_GAP = 128
MIN_SNIPPET = 16  # tokens; less says nothing
BYTES_A_TOKEN = 6  # how much text to cut before tokenising, so that the token budget is surely met
_WORD = re.compile(r"[A-Za-z_]\w{3,}")
_INNER = re.compile(r"\(([^()\n]{2,80})\)|\"([^\"\n]{2,60})\"|'([^'\n]{2,60})'|\[([^\[\]\n]{2,60})\]|= ([^=\n]{3,80});?$", re.MULTILINE)


class Corpus:
    """Random access to the rows of `corpus.jsonl` without reading them all: offsets by language and by package."""

    def __init__(self, path: Path, weights: dict[str, float]):
        self.file = open(path, "rb")
        self.map = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        self.by_language: dict[str, list[tuple[int, int]]] = {}
        self.by_package: dict[str, list[tuple[int, int]]] = {}
        start = 0
        while (end := self.map.find(b"\n", start)) >= 0:
            head = self.map[start:min(end, start + 600)]
            # The keys stand before the text in every row, so the row need not be parsed here.
            language, package = re.search(rb'"language": "(\w+)"', head), re.search(rb'"package": "([^"]*)"', head)
            if language and package:
                self.by_language.setdefault(language[1].decode(), []).append((start, end))
                self.by_package.setdefault(package[1].decode(), []).append((start, end))
            start = end + 1
        self.languages = [name for name in weights if name in self.by_language]
        self.weights = [weights[name] for name in self.languages]

    def row(self, place: tuple[int, int]) -> dict:
        return json.loads(self.map[place[0]:place[1]])

    def draw(self, rng: random.Random) -> dict:
        """A random file, languages by weight and files of a language by the root of their size."""
        places = self.by_language[rng.choices(self.languages, self.weights)[0]]
        pair = rng.choice(places), rng.choice(places)
        sizes = [(end - start) ** 0.5 for start, end in pair]
        return self.row(rng.choices(pair, sizes)[0])


@dataclass
class Recipe:
    """Sizes and rates of a sample, in tokens and shares."""

    context: int = 256  # suffix + prefix + header
    suffix_share: float = 0.3
    copies: int = 2
    cursors: int = 3
    longest_span: int = 48
    drop_language: float = 0.2
    drop_path: float = 0.2
    drop_suffix: float = 0.1
    snippet_rate: float = 0.3
    snippet_tokens: int = 64


def hole_of(text: str, rng: random.Random) -> tuple[int, int, str] | None:
    """Start, end (characters) and kind of a hole, by the mix of kinds; None where this try found none."""
    line_start = text.rfind("\n", 0, rng.randrange(len(text))) + 1
    line_end = text.find("\n", line_start)
    line_end = len(text) if line_end < 0 else line_end
    line = text[line_start:line_end]
    first = line_start + len(line) - len(line.lstrip())
    if not re.search(r"\w", line) or len(line) > 200:
        return None
    kind = rng.choices(["rest", "line", "lines", "inside", "empty"], [40, 30, 15, 10, 5])[0]
    if kind == "line":
        return first, line_end, kind
    if kind == "lines":
        end = line_end
        for _ in range(rng.randint(1, 4)):
            following = text.find("\n", end + 1)
            if following < 0:
                break
            end = following
        return first, end, kind
    if kind == "inside":
        found = [m for m in _INNER.finditer(line)]
        if not found:
            return None
        match = rng.choice(found)
        group = match.lastindex
        return line_start + match.start(group), line_start + match.end(group), kind
    # A cursor: mostly at the edge of a word, else anywhere.
    edges = [first + m.start() for m in re.finditer(r"\b", text[first:line_end])]
    cut = rng.choice(edges) if edges and rng.random() < 0.7 else rng.randrange(first, line_end)
    return (cut, line_end, kind) if kind == "rest" else (cut, cut, kind)


def noised(span: list[int], rng: random.Random, longest: int) -> tuple[list[int], list[int], list[float]]:
    """One noised copy of a span on a canvas: ids, labels (-1 where the token is shown) and weights."""
    n = len(span)
    style = rng.random()
    if style < 0.40:
        hidden = [True] * n
    elif style < 0.75:
        rate = rng.random()
        hidden = [rng.random() < rate for _ in range(n)]
    else:
        shown = rng.randint(0, n)
        hidden = [i >= shown for i in range(n)]
    units = [(MASK, token) if h else (token, -1) for token, h in zip(span, hidden)]
    canvas = rng.choice(CANVASES) if rng.random() < 0.5 else max(1, n + rng.randint(-2, 3))
    canvas = min(canvas, longest)
    while len(units) > canvas:
        joints = [i for i in range(len(units) - 1) if units[i][0] == MASK and units[i + 1][0] == MASK]
        if not joints:
            break
        at = rng.choice(joints)
        units[at:at + 2] = [(MASK, EXPAND)]
    ids, labels = [u[0] for u in units], [u[1] for u in units]
    weights = [1.0 if label >= 0 else 0.0 for label in labels]
    surplus = canvas - len(units)
    if surplus > 0:
        ids += [MASK] * surplus
        labels += [DELETE] * surplus
        weights += [1.0] + [LATER_DELETE_WEIGHT] * (surplus - 1)
    return ids, labels, weights


class Sampler:
    """Windows by (seed, step, index)."""

    def __init__(self, corpus: Corpus, text: Text, recipe: Recipe, seed: int):
        self.corpus, self.text, self.recipe, self.seed = corpus, text, recipe, seed

    def batch(self, step: int, size: int) -> list[Window]:
        return [self.window(random.Random(f"{self.seed}/{step}/{i}")) for i in range(size)]

    def window(self, rng: random.Random) -> Window:
        while True:
            row = self.corpus.draw(rng)
            hole = hole_of(row["text"], rng)
            window = hole and self.cut(row, *hole, rng)
            if window:
                return window

    def cut(self, row: dict, start: int, end: int, kind: str, rng: random.Random, blocks: bool = True) -> Window | None:
        """The window of one hole, or None where the span is too long for the recipe."""
        r, text = self.recipe, row["text"]
        span = self.text.ids(text[start:end], start > 0 and text[start - 1] == "\n")
        if len(span) > r.longest_span:
            return None
        header = self.header(row, start, rng)
        room = r.context - len(header)
        behind = text[end:end + int(room * r.suffix_share * BYTES_A_TOKEN)]
        after = [] if rng.random() < r.drop_suffix else self.text.ids(behind, end > 0 and text[end - 1] == "\n")
        after = after[:int(room * r.suffix_share)]
        # End of text stands only where the file (or what the engine sends of it) really ends.
        suffix = [*after, EOS]
        begin = max(0, start - (room - len(suffix)) * BYTES_A_TOKEN)
        begin = text.rfind("\n", 0, begin) + 1
        before = self.text.ids(text[begin:start], begin > 0)[-(room - len(suffix)):]
        prefix = [*header, *before]
        if not blocks:
            return Window(suffix, prefix, len(prefix) + 64, [Block(len(prefix), span, span, [1.0] * len(span))])
        spans = [(len(prefix), span)]
        if kind in ("rest", "line") and span:
            spans += self.earlier_cursors(before, text[start:end], len(prefix), rng)
        out = []
        for rows, ids in spans:
            for _ in range(r.copies):
                out.append(Block(rows, *noised(ids, rng, r.longest_span)))
        least = max(block.prefix_rows + len(block.span) for block in out)
        most = max(least, min(block.prefix_rows for block in out) + WIDEST_GAP)
        return Window(suffix, prefix, rng.randint(least, most), out, span[0] if span else -1)

    def earlier_cursors(self, before: list[int], rest: str, rows: int, rng: random.Random) -> list[tuple[int, list[int]]]:
        """Spans that begin at earlier token borders of the same line and end where this one ends."""
        newline = self.text.newline
        line = next((i for i in range(1, len(before) + 1) if before[-i] == newline), len(before) + 1) - 1
        borders = rng.sample(range(1, line + 1), min(self.recipe.cursors - 1, line))
        found = []
        for back in borders:
            typed = self.text.text(before[-back:])
            ids = self.text.ids(typed + rest, back == line)
            if "\ufffd" not in typed and len(ids) <= self.recipe.longest_span:
                found.append((rows - back, ids))
        return found

    def header(self, row: dict, start: int, rng: random.Random) -> list[int]:
        """`<bos>`, tag and path unless dropped, snippets of other files of the package sometimes, `<file>`."""
        r = self.recipe
        ids = [BOS]
        if rng.random() >= r.drop_language:
            ids.append(ID[f"<|lang:{row['language']}|>"])
        if rng.random() >= r.drop_path:
            ids += [PATH, *self.text.ids("/".join(row["path"].split("/")[-3:]))[:24], PATH_END]
        if rng.random() < r.snippet_rate:
            wanted = set(_WORD.findall(row["text"][max(0, start - 400):start + 400]))
            others = self.corpus.by_package.get(row["package"], [])
            for place in rng.sample(others, min(len(others), rng.randint(1, 2))):
                other = self.corpus.row(place)
                # Half of the context stays with the file itself.
                room = min(r.snippet_tokens, r.context // 2 - len(ids) - 2)
                if other["path"] != row["path"] and room >= MIN_SNIPPET:
                    ids += [SEP, *self.text.ids(self.snippet(other["text"], wanted))[:room]]
        return [*ids, FILE]

    def snippet(self, text: str, wanted: set[str]) -> str:
        """The run of lines that shares the most names with the hole's surroundings."""
        lines = text[:20_000].split("\n")
        runs = ["\n".join(lines[i:i + 10]) for i in range(0, len(lines), 10)]
        return max(runs, key=lambda run: sum((Counter(_WORD.findall(run)) & Counter(wanted)).values()))
