"""Fetches the held-out packages (test and tuning) that every reported figure is measured on.

    python -m quicksilver_training.holdout --work work --out <folder>

writes `<out>/{test,tuning}/{rust,python}/<package>/…`: source files only, paths as in the package. Crates and
wheels are pinned in `sources/holdout.toml`; the standard library is that of the running interpreter.
"""

import argparse
import shutil
import sysconfig
import tomllib
from pathlib import Path

from . import fetch, filters, holdback


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


def gather(work: Path, out: Path) -> dict[str, int]:
    """Fetches and lays out every held-out package; returns files per package."""
    pins = tomllib.loads((fetch.SOURCES / "holdout.toml").read_text())
    raw = work / "raw-holdout"
    raw.mkdir(parents=True, exist_ok=True)
    if not (raw / "crates").exists():
        # The closure is vendored with them; only the named crates are copied.
        fetch.fetch_crates(pins["crates"], fetch.SOURCES / "holdout.lock", work / "holdout", raw / "crates")
    fetch.fetch_wheels(pins["pypi"], work, raw / "pypi")
    counts = {}
    for name, version in pins["crates"].items():
        split = holdback.split_of(name)
        counts[f"{split}/rust/{name}"] = copy_sources(raw / "crates" / f"{name}-{version}", out / split / "rust" / name, "rust")
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
    arguments = parser.parse_args()
    for package, files in gather(arguments.work, arguments.out).items():
        print(f"{files:5d} {package}")
