"""Fetches the pinned sources with each ecosystem's own client and unpacks them.

    <work>/downloads/{pypi,npm,debian}   archives as they came
    <work>/raw/{crates,pypi,npm,debian}/<package>-<version>/   unpacked

Nothing is built or run: crates are vendored, wheels and tarballs only unpacked, npm scripts never start.
What is already unpacked is left alone, so a second run is quick.
"""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "sources"
# Debian's lists of sources on this machine; only their `deb-src` half is asked for, in a private state folder.
DEBIAN_LISTS = Path("/etc/apt/sources.list.d/debian.sources")


def read_sources(path: Path = SOURCES / "sources.toml") -> dict:
    """The pinned list: one table per ecosystem."""
    return tomllib.loads(path.read_text())


def fetch_crates(crates: dict[str, str], lock: Path | None, work: Path, target: Path) -> None:
    """Vendors the crates and their whole dependency closure into `target/<name>-<version>`."""
    project = work / "downloads" / "crates"
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "src" / "lib.rs").write_text("")
    pins = "".join(f'{name} = "={version}"\n' for name, version in crates.items())
    (project / "Cargo.toml").write_text(
        f'[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n{pins}'
    )
    if lock:
        shutil.copy(lock, project / "Cargo.lock")
    command = ["cargo", "vendor", "--quiet", "--versioned-dirs", *(["--locked"] if lock else []), str(target.resolve())]
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)


def fetch_wheels(pins: dict[str, str], work: Path, target: Path) -> None:
    """Downloads pinned wheels (never building one) and unpacks each into `target/<name>-<version>`."""
    folder = work / "downloads" / "pypi"
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in pins.items():
        out = target / f"{name}-{version}"
        if out.exists():
            continue
        stem = f"{name}-{version}".lower().replace("-", "_")
        found = [w for w in folder.glob("*.whl") if w.name.lower().replace("-", "_").startswith(stem)]
        if not found:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            subprocess.run([*pip, "--dest", str(folder), f"{name}=={version}"], check=True)
            found = [w for w in folder.glob("*.whl") if w.name.lower().replace("-", "_").startswith(stem)]
        with zipfile.ZipFile(found[0]) as wheel:
            wheel.extractall(out)


def fetch_npm(pins: dict[str, str], work: Path, target: Path) -> None:
    """Packs pinned npm packages and unpacks each into `target/<name>-<version>` (`@a/b` becomes `a+b`)."""
    folder = work / "downloads" / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in pins.items():
        out = target / f"{name.removeprefix('@').replace('/', '+')}-{version}"
        if out.exists():
            continue
        tarball = folder / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
        if not tarball.exists():
            subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(tarball) as archive:
            archive.extractall(out, filter="data")


def fetch_debian(pins: dict[str, dict], work: Path, target: Path) -> None:
    """Downloads pinned Debian source packages and unpacks their upstream archive into `target/<name>-<version>`."""
    folder = work / "downloads" / "debian"
    parts, lists = folder / "parts", folder / "state" / "lists"
    parts.mkdir(parents=True, exist_ok=True)
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts.resolve()}",
               "-o", f"Dir::State::lists={lists.resolve()}"]
    listed = False
    for name, pin in pins.items():
        upstream = pin["version"].split(":")[-1].rsplit("-", 1)[0]
        out = target / f"{name}-{upstream}"
        if out.exists():
            continue
        if not (found := list(folder.glob(f"{name}_{upstream}.orig.tar.*[!c]"))):
            if not listed:
                (parts / "src.sources").write_text(DEBIAN_LISTS.read_text().replace("Types: deb\n", "Types: deb-src\n"))
                subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
                listed = True
            source = ["source", "--download-only", "--tar-only", "-qq", "--only-source", f"{name}={pin['version']}"]
            subprocess.run(["apt-get", *options, *source], cwd=folder, check=True)
            found = list(folder.glob(f"{name}_{upstream}.orig.tar.*[!c]"))
        with tarfile.open(found[0]) as archive:
            archive.extractall(out, filter="data")


def fetch_all(work: Path, sources: dict) -> Path:
    """Fetches everything of the pinned list; returns the folder of unpacked packages."""
    raw = work / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    if not (raw / "crates").exists():
        fetch_crates(sources["crates"], SOURCES / "crates.lock", work, raw / "crates")
    fetch_wheels(sources["pypi"], work, raw / "pypi")
    fetch_npm(sources["npm"], work, raw / "npm")
    fetch_debian(sources["debian"], work, raw / "debian")
    return raw
