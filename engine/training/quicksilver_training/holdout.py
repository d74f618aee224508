"""Fetches the held-out packages (test and tuning) that every reported figure is measured on.

    python -m quicksilver_training.holdout --work work --out <folder>

writes `<out>/{test,tuning}/<language>/<package>/…`: source files only, paths as in the package. Everything is pinned in
`sources/holdout.toml`; the standard library is that of the running interpreter. `--languages` leaves the others alone.
"""

import argparse
import shutil
import sysconfig
import tomllib
from pathlib import Path

from . import fetch, filters, holdback, licences

LANGUAGES = ["rust", "python", "typescript", "javascript", "go", "java", "c", "cpp"]


def copy_sources(root: Path, out: Path, language: str) -> int:
    """Copies the files of one language below `root`; returns how many."""
    count = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or filters.language_of(name) != language or path.suffix == ".pyi" or "__pycache__" in name:
            continue
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / name)
        count += 1
    return count


def copy_written(root: Path, out: Path, language: str) -> int:
    """As `copy_sources`, without what a program wrote, what is vendored, declarations, and files under another licence."""
    count = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not path.is_file() or filters.language_of(name) != language:
            continue
        text, refused = filters.clean_text(path.read_bytes())
        if refused or filters.path_refused(name) or ".d." in path.name or licences.file_refused(text):
            continue
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / name)
        count += 1
    return count


def gather_written(pins: dict, raw: Path, work: Path, out: Path, languages: list[str]) -> dict[str, int]:
    """npm packages and Debian sources of the languages; a licence that is not permissive stops it."""
    wanted = {kind: {name: pin for name, pin in pins[kind].items() if set(pin["languages"]) & set(languages)} for kind in ("npm", "debian")}
    fetch.fetch_npm({name: pin["version"] for name, pin in wanted["npm"].items()}, work / "holdout", raw / "npm")
    fetch.fetch_debian(wanted["debian"], work / "holdout", raw / "debian")
    counts = {}
    for kind, packages in wanted.items():
        for name, pin in packages.items():
            plain = name.removeprefix("@").replace("/", "+")
            version = pin["version"] if kind == "npm" else pin["version"].split(":")[-1].rsplit("-", 1)[0]
            root = raw / kind / f"{plain}-{version}"
            licence = licences.npm_licence(root) if kind == "npm" else pin["licence"]
            if not licences.permissive(licence):
                raise SystemExit(f"{name}: the licence {licence} is not permissive")
            split = holdback.split_of(name)
            if split == "train":
                raise SystemExit(f"{name}: is not held out")
            for language in pin["languages"]:
                counts[f"{split}/{language}/{plain}"] = copy_written(root, out / split / language / plain, language)
    return counts


def gather(work: Path, out: Path, languages: list[str]) -> dict[str, int]:
    """Fetches and lays out every held-out package of the languages; returns files per package."""
    pins = tomllib.loads((fetch.SOURCES / "holdout.toml").read_text())
    raw = work / "raw-holdout"
    raw.mkdir(parents=True, exist_ok=True)
    counts = gather_written(pins, raw, work, out, languages)
    if "rust" in languages:
        counts |= gather_rust(pins, raw, work, out)
    if "python" in languages:
        counts |= gather_python(pins, raw, work, out)
    return counts


def gather_rust(pins: dict, raw: Path, work: Path, out: Path) -> dict[str, int]:
    """The crates."""
    if not (raw / "crates").exists():
        # The closure is vendored with them; only the named crates are copied.
        fetch.fetch_crates(pins["crates"], fetch.SOURCES / "holdout.lock", work / "holdout", raw / "crates")
    counts = {}
    for name, version in pins["crates"].items():
        split = holdback.split_of(name)
        counts[f"{split}/rust/{name}"] = copy_sources(raw / "crates" / f"{name}-{version}", out / split / "rust" / name, "rust")
    return counts


def gather_python(pins: dict, raw: Path, work: Path, out: Path) -> dict[str, int]:
    """Wheels and the standard library."""
    fetch.fetch_wheels(pins["pypi"], work, raw / "pypi")
    counts = {}
    for name, version in pins["pypi"].items():
        package = pins["top_level"].get(name, name.replace("-", "_"))
        split = holdback.split_of(package)
        counts[f"{split}/python/{package}"] = copy_sources(raw / "pypi" / f"{name}-{version}" / package, out / split / "python" / package, "python")
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    entries = [*stdlib.iterdir(), *(stdlib / "test").glob("*")]
    for path in sorted(entries):
        name = path.relative_to(stdlib).as_posix()
        split = holdback.split_of(name)
        if split == "train" or name in ("site-packages", "dist-packages", "test"):
            continue
        target = out / split / "python" / name.replace("/", "+")
        if path.is_dir():
            if copied := copy_sources(path, target, "python"):
                counts[f"{split}/python/{name}"] = copied
        elif path.suffix == ".py":
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.name)
            counts[f"{split}/python/{name}"] = 1
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    arguments = parser.parse_args()
    for package, files in gather(arguments.work, arguments.out, arguments.languages).items():
        print(f"{files:5d} {package}")
