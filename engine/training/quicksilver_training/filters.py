"""Which files are worth learning from: language by path, then rules on path and text.

Pure functions of a path and its bytes; knows no source, licence or folder layout.
"""

import re
from pathlib import PurePosixPath

LANGUAGE_OF_EXTENSION = {
    ".rs": "rust", ".py": "python", ".pyi": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "typescript",
    ".go": "go", ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp",
    ".hh": "cpp", ".cu": "cpp", ".cuh": "cpp", ".java": "java", ".md": "markdown",
    ".sh": "shell", ".bash": "shell", ".toml": "toml",
}

MIN_BYTES, MAX_BYTES = 200, 300_000
MAX_LINE, MAX_MEAN_LINE = 1_000, 110  # characters

# Fixtures, snapshots, vendored trees, binding tables, bundles: text nobody types.
_BAD_PART = re.compile(
    r"^(testdata|fixtures?|__?snapshots?__?|snapshots|vendor(ed)?|_vendor|third[_-]party|thirdparty|node_modules|"
    r"bindings?|generated|gen|dist|umd|esm?|cjs|esm\d*|fesm\d+|min|locales?|i18n|unicode_tables|tables|corpora|corpus)$",
    re.IGNORECASE,
)
_BAD_NAME = re.compile(r"(\.min\.|\.bundle\.|_pb2|\.pb\.|_generated|\.gen\.|\.d\.cts$|bindings?\.rs$|^parser\.c$|-lock\.)", re.IGNORECASE)
_GENERATED = re.compile(r"@generated|do not edit|don't edit|automatically generated|auto-?generated|generated (by|from|file)", re.IGNORECASE)
_HEAD_COMMENT = re.compile(
    r"\A(?:#![^\n]*\n)?\s*(?:/\*.*?\*/|(?:(?://|#|--|;)[^\n]*\n)+|<!--.*?-->)\s*", re.DOTALL
)
_LICENCE_WORDS = re.compile(r"copyright|licen[sc]e|SPDX", re.IGNORECASE)


def language_of(path: str) -> str | None:
    """The language of a path, or None where the extension is not one we train on."""
    return LANGUAGE_OF_EXTENSION.get(PurePosixPath(path).suffix.lower())


def path_refused(path: str) -> bool:
    """True for a path (relative to its package) whose text should not be learnt."""
    parts = PurePosixPath(path)
    return any(_BAD_PART.match(p) for p in parts.parts[:-1]) or bool(_BAD_NAME.search(parts.name))


def clean_text(raw: bytes) -> tuple[str | None, str]:
    """The text to learn and `""`, or None and the reason why the file is refused."""
    if not MIN_BYTES <= len(raw) <= MAX_BYTES:
        return None, "size"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None, "not utf-8"
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        return None, "binary"
    if _GENERATED.search(text[:600]):
        return None, "generated"
    head = _HEAD_COMMENT.match(text)
    if head and _LICENCE_WORDS.search(head.group()):
        text = text[head.end():]
    lines = text.split("\n")
    if max(map(len, lines)) > MAX_LINE or len(text) / len(lines) > MAX_MEAN_LINE:
        return None, "long lines"
    if len(text) < MIN_BYTES:
        return None, "size"
    sample = text[:20_000]
    plain = sum(c.isalnum() or c in "_ \n\t" for c in sample)
    digits = sum(c.isdigit() for c in sample)
    foreign = sum(ord(c) > 127 for c in sample)
    if plain < 0.55 * len(sample):
        return None, "symbols"
    if digits > 0.25 * len(sample):
        return None, "digits"
    if foreign > 0.05 * len(sample):
        return None, "not ascii"
    return text, ""
