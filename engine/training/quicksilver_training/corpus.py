"""Turns fetched packages into the corpus: licence gate, filters, exact and near deduplication, held-out split.

    python -m quicksilver_training.corpus --work work --eval <folder of evaluation files> --held <folder by holdout.py>

writes `<work>/corpus.jsonl` (training files only), `<work>/heldout.jsonl` (test and tuning packages) and
`<work>/manifest.json`. A package whose licence is not permissive and that the pinned list does not name as
refused stops the run.
"""

import argparse
import gzip
import hashlib
import json
import platform
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import fetch, filters, holdback, licences

SHINGLE_LINES = 5
STDLIB_BYTES = 40_000_000
SKETCH_ITEMS = 24
NEAR_SHARE = 0.6  # of a file's sketch already seen: it is a near duplicate
PACKAGE_BYTES = 4_000_000  # of one package at most: breadth teaches more than one package's depth
EVAL_LINES = 10  # lines in a row shared with the evaluation data
_STDLIB_SKIPPED = {"site-packages", "dist-packages", "__pycache__", "idlelib", "lib-dynload", "config-3.11-x86_64-linux-gnu"}


class NotPermissive(Exception):
    """A package that must be named as refused, or left out of the pinned list."""


@dataclass(frozen=True)
class Package:
    source: str
    name: str
    version: str
    licence: str
    root: Path


def packages(raw: Path, sources: dict) -> Iterator[Package]:
    """Every fetched package with its licence; raises `NotPermissive` where one may not be used."""
    readers = {"crates": licences.crate_licence, "pypi": licences.wheel_licence, "npm": licences.npm_licence}
    refused = sources["refused"]
    for source in ("crates", "pypi", "npm", "debian"):
        for root in sorted((raw / source).iterdir()):
            # A Debian name may itself end in a version (`golang-1.19-1.19.8`), a crate's version in `-rc.1`.
            name, version = re.match(r"(.+)-(\d.*)$" if source == "debian" else r"(.+?)-(\d+\.\d.*)$", root.name).groups()
            if name in refused.get(source, ()):
                continue
            licence = sources["debian"][name]["licence"] if source == "debian" else readers[source](root)
            if not licences.permissive(licence):
                raise NotPermissive(f"{source}: {root.name}: {licence!r}")
            yield Package(source, name, version, licence, root)
    yield Package("stdlib", "cpython", platform.python_version(), sources["stdlib"]["licence"], Path(sysconfig.get_paths()["stdlib"]))


def in_mixed_order(root: Path) -> list[Path]:
    """Every path below a package, by the hash of its name, so that a full package has given files from everywhere."""
    paths = (p for p in root.rglob("*") if p.suffix in filters.LANGUAGE_OF_EXTENSION)
    return sorted(paths, key=lambda p: hashlib.md5(p.relative_to(root).as_posix().encode()).digest())


def held_out_name(package: Package, path: str) -> str:
    """The name the held-out rule looks at: the crate, the top-level Python package, one file of the standard library."""
    if package.source not in ("pypi", "stdlib"):
        return package.name
    parts = path.split("/")
    if package.source == "stdlib" and parts[0] == "test" and len(parts) > 1:
        return "/".join(parts[:2])
    return parts[0]


def sketch(text: str) -> list[int]:
    """The smallest hashes of the file's five-line shingles."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    shingles = {"\n".join(lines[i:i + SHINGLE_LINES]) for i in range(max(1, len(lines) - SHINGLE_LINES + 1))}
    return sorted(int.from_bytes(hashlib.blake2b(s.encode(), digest_size=8).digest(), "little") for s in shingles)[:SKETCH_ITEMS]


def runs_of_lines(text: str) -> Iterator[int]:
    """Hashes of every run of `EVAL_LINES` non-blank lines, blanks inside lines ignored."""
    lines = ["".join(line.split()) for line in text.split("\n")]
    lines = [line for line in lines if line]
    for i in range(len(lines) - EVAL_LINES + 1):
        yield hash("\n".join(lines[i:i + EVAL_LINES]))


def evaluation_runs(folder: Path | None) -> tuple[set[int], set[str]]:
    """What the corpus must not contain: runs of lines, and the signatures of the problems, which may be too short for a run."""
    runs: set[int] = set()
    problems: set[str] = set()
    for path in sorted(folder.glob("*.jsonl*")) if folder else ():
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt") as rows:
            for row in map(json.loads, rows):
                text = "\n".join(str(row.get(k, "")) for k in ("prompt", "canonical_solution", "suffix", "eval_prompt", "ground_truth"))
                runs.update(runs_of_lines(text))
                if name := row.get("entry_point"):
                    problems.update(line for line in text.split("\n") if f"def {name}(" in line and len(line) > 40)
    return runs, problems


def overlaps(text: str, runs: set[int], signatures: set[str]) -> bool:
    """True where a file holds a run of lines or a signature of the evaluation data."""
    return any(run in runs for run in runs_of_lines(text)) or any(signature in text for signature in signatures)


def held_out_sketches(folder: Path | None) -> set[int]:
    """Shingles of the packages that figures are measured on, whether or not the pinned list holds them too."""
    found: set[int] = set()
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file() and filters.language_of(path.name):
            text, _ = filters.clean_text(path.read_bytes())
            found.update(sketch(text) if text else ())
    return found


def build(work: Path, evaluation: Path | None, held_out: Path | None) -> dict:
    """Runs the whole pipeline; returns the manifest."""
    sources = fetch.read_sources()
    raw = fetch.fetch_all(work, sources)
    eval_runs, eval_signatures = evaluation_runs(evaluation)
    held_marks = held_out_sketches(held_out)
    exact: set[bytes] = set()
    seen: set[int] = set()
    dropped: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    manifest = []
    with open(work / "corpus.jsonl", "w") as train, open(work / "heldout.jsonl", "w") as held:
        for package in packages(raw, sources):
            digest, files, size = hashlib.sha256(), 0, 0
            for path in in_mixed_order(package.root):
                name = path.relative_to(package.root).as_posix()
                if size > (STDLIB_BYTES if package.source == "stdlib" else PACKAGE_BYTES):
                    dropped["package is full"] += 1
                    break
                language = filters.language_of(name)
                if language is None or not path.is_file() or path.is_symlink():
                    continue
                if package.source == "stdlib" and name.split("/")[0] in _STDLIB_SKIPPED:
                    continue
                if filters.path_refused(name):
                    dropped["path"] += 1
                    continue
                text, reason = filters.clean_text(path.read_bytes())
                if text is None:
                    dropped[reason] += 1
                    continue
                if licences.file_refused(text):
                    dropped["licence of the file"] += 1
                    continue
                fingerprint = hashlib.blake2b("".join(text.split()).encode(), digest_size=16).digest()
                if fingerprint in exact:
                    dropped["exact duplicate"] += 1
                    continue
                exact.add(fingerprint)
                marks = sketch(text)
                if sum(mark in seen for mark in marks) >= NEAR_SHARE * len(marks):
                    dropped["near duplicate"] += 1
                    continue
                split = holdback.split_of(held_out_name(package, name))
                row = {"package": package.name, "source": package.source, "split": split, "path": name, "language": language, "text": text}
                if split != "train":
                    # A held-out file still marks its shingles as seen: no copy of it may be trained on.
                    seen.update(marks)
                    held.write(json.dumps(row) + "\n")
                    continue
                if sum(mark in held_marks for mark in marks) >= NEAR_SHARE * len(marks):
                    dropped["copy of a held-out file"] += 1
                    continue
                if overlaps(text, eval_runs, eval_signatures):
                    dropped["evaluation overlap"] += 1
                    continue
                seen.update(marks)
                train.write(json.dumps(row) + "\n")
                data = text.encode()
                digest.update(name.encode() + b"\0" + data)
                files, size = files + 1, size + len(data)
                languages[language] += len(data)
            if files:
                manifest.append({"source": package.source, "package": package.name, "version": package.version, "licence": package.licence,
                                 "files": files, "bytes": size, "sha256": digest.hexdigest()})
    result = {"bytes": sum(languages.values()), "languages": dict(languages.most_common()), "dropped_files": dict(dropped.most_common()), "packages": manifest}
    # One package a line: the manifest is read by people and by `git diff`.
    rows = ",\n".join(json.dumps(row) for row in manifest)
    head = json.dumps({k: v for k, v in result.items() if k != "packages"}, indent=1)[:-2]
    (work / "manifest.json").write_text(f'{head},\n "packages": [\n{rows}\n]}}\n')
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--eval", type=Path, help="folder of evaluation files the corpus must not contain")
    parser.add_argument("--held", type=Path, help="folder of held-out packages (holdout.py) the corpus must not contain copies of")
    arguments = parser.parse_args()
    summary = build(arguments.work, arguments.eval, arguments.held)
    print(json.dumps({k: v for k, v in summary.items() if k != "packages"}, indent=1), len(summary["packages"]), "packages")
