"""Everything that training needs, in one file of a given size, for a machine with one GPU and no network.

    python -m quicksilver_training.bundle --work work --out bundle.tar --mib 56
    python -m quicksilver_training.bundle --unpack bundle.tar --work work

The first takes as much of the corpus as fits, a share of the held-out packages, the tokenizer, and this package with
its configurations (below `trainer/`, so that plain `tar` can take them out first). The second lays the corpus out as
`corpus.py` left it. The same input gives the same bytes.
"""

import argparse
import hashlib
import io
import json
import lzma
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
HELD_OUT_MIB = 2.0
HELD_OUT_SHARES = {"rust": 1.0, "python": 1.0}
GROUP_BYTES = 256 * 1024  # neighbours that stay together: a package's files compress with, and give snippets to, each other
HELD_BACK = 80 * 1024  # bytes that the compressor may still hold (one chunk of xz is 64 KiB at most)
PIECE = 1 << 20
DATA = {"corpus.jsonl", "heldout.jsonl"}
LANGUAGE, PACKAGE = re.compile(rb'"language": "(\w+)"'), re.compile(rb'"package": "([^"]*)"')


def groups(rows: Path) -> dict[str, list[list[tuple[int, int]]]]:
    """By language: runs of neighbouring rows (start, end) of one package, in an order mixed by hash."""
    found: dict[str, dict[bytes, list[tuple[int, int]]]] = {}
    open_group: dict[tuple[str, bytes], bytes] = {}
    taken: Counter[bytes] = Counter()
    start = 0
    with open(rows, "rb") as file:
        for row in file:
            head, end = row[:600], start + len(row)
            language, package = LANGUAGE.search(head), PACKAGE.search(head)
            if language and package:
                key = language[1].decode(), package[1]
                if key not in open_group or taken[open_group[key]] > GROUP_BYTES:
                    open_group[key] = hashlib.blake2b(head, digest_size=16).digest()
                name = open_group[key]
                taken[name] += len(row)
                found.setdefault(key[0], {}).setdefault(name, []).append((start, end))
            start = end
    return {language: [group for _, group in sorted(by_hash.items())] for language, by_hash in found.items()}


def mixed(rows: Path, shares: dict[str, float]) -> Iterator[tuple[str, bytes]]:
    """Rows with their language, the language that is furthest behind its share of the bytes first, each until it has no more."""
    left = {language: iter(found) for language, found in groups(rows).items() if shares.get(language)}
    taken = dict.fromkeys(sorted(left), 0)
    with open(rows, "rb") as file:
        while taken:
            language = min(taken, key=lambda name: (taken[name] / shares[name], name))
            group = next(left[language], None)
            if group is None:
                del taken[language]
                continue
            for start, end in group:
                file.seek(start)
                taken[language] += end - start
                yield language, file.read(end - start)


def compress(rows: Iterator[tuple[str, bytes]], most: int, out: Path, preset: int) -> dict:
    """Writes rows as xz until `most` bytes are reached; returns what they were."""
    compressor, digest = lzma.LZMACompressor(preset=preset, check=lzma.CHECK_CRC32), hashlib.sha256()
    size, files, languages = 0, 0, Counter()
    with open(out, "wb") as file:
        for language, row in rows:
            if size + HELD_BACK + len(row) // 4 > most:
                break
            size += file.write(compressor.compress(row))
            digest.update(row)
            files += 1
            languages[language] += len(row)
        size += file.write(compressor.flush())
    if size > most:
        raise ValueError(f"{size} bytes where {most} were allowed")
    return {"files": files, "bytes": sum(languages.values()), "compressed": size, "languages": dict(languages.most_common()), "sha256": digest.hexdigest()}


def pack(work: Path, out: Path, mib: float, shares: dict[str, float], tokenizer: Path, start: Path | None = None, preset: int = 9) -> dict:
    """Writes the bundle; returns its manifest. `start`: an exported model to go on from."""
    plain = {"tokenizer.json": tokenizer, "trainer/gpu.sh": HERE / "gpu.sh"}
    plain |= {f"trainer/{p.relative_to(HERE).as_posix()}": p for p in [*HERE.glob("quicksilver_training/*.py"), *HERE.glob("configs/*.json")]}
    plain |= {f"start/{p.name}": p for p in sorted(start.iterdir()) if p.is_file()} if start else {}
    members = {name: path.read_bytes() for name, path in sorted(plain.items())}
    room = int(mib * 2**20) - sum(len(data) + 1024 for data in members.values()) - 16 * 1024
    held = min(int(HELD_OUT_MIB * 2**20), room // 8)
    parts = {name: out.with_name(f"{out.name}.{name}.xz") for name in sorted(DATA)}
    try:
        heldout = compress(mixed(work / "heldout.jsonl", HELD_OUT_SHARES), held, parts["heldout.jsonl"], preset)
        corpus = compress(mixed(work / "corpus.jsonl", shares), room - heldout["compressed"], parts["corpus.jsonl"], preset)
        manifest = {"corpus.jsonl": corpus, "heldout.jsonl": heldout}
        manifest |= {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()}
        with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as tar:

            def add(name: str, size: int, data) -> None:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = size, 0o755 if name.endswith(".sh") else 0o644
                tar.addfile(entry, data)

            listed = (json.dumps(manifest, indent=1) + "\n").encode()
            for name, data in {"manifest.json": listed, **members}.items():
                add(name, len(data), io.BytesIO(data))
            for name, path in parts.items():
                with open(path, "rb") as file:
                    add(f"{name}.xz", path.stat().st_size, file)
    finally:
        for path in parts.values():
            path.unlink(missing_ok=True)
    return manifest


def unpack(bundle: Path, work: Path) -> dict:
    """Lays the bundle out in `work`; raises `ValueError` where a file is not what the manifest says."""
    with tarfile.open(bundle) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        for name, facts in manifest.items():
            if name.startswith("/") or ".." in name.split("/"):
                raise ValueError(f"{name}: leads out of the folder")
            stored = tar.extractfile(f"{name}.xz" if name in DATA else name)
            path, digest = work / name, hashlib.sha256()
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{path.name}.tmp")
            with open(unfinished, "wb") as file, lzma.open(stored) if name in DATA else stored as source:
                while piece := source.read(PIECE):
                    digest.update(piece)
                    file.write(piece)
            if digest.hexdigest() != facts["sha256"]:
                raise ValueError(f"{name}: is not what was packed")
            unfinished.replace(path)
    return manifest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--out", type=Path, default=Path("bundle.tar"))
    parser.add_argument("--mib", type=float, default=56)
    parser.add_argument("--config", type=Path, default=HERE / "configs" / "s.json", help="whose shares of languages hold")
    parser.add_argument("--tokenizer", type=Path, default=HERE.parent / "models" / "embedded" / "tokenizer.json")
    parser.add_argument("--start", type=Path, help="folder of an exported model that training is to begin from")
    parser.add_argument("--unpack", type=Path, metavar="BUNDLE")
    arguments = parser.parse_args()
    if arguments.unpack:
        found = unpack(arguments.unpack, arguments.work)
    else:
        wanted = json.loads(arguments.config.read_text())["languages"]
        found = pack(arguments.work, arguments.out, arguments.mib, wanted, arguments.tokenizer, arguments.start)
    print(json.dumps({name: {k: v for k, v in facts.items() if k != "sha256"} for name, facts in found.items() if name in DATA}, indent=1))
