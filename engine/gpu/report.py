"""Pieces of a first contact (JSON lines) → `report.md` and `report.json`. Knows no torch: it runs where nothing else does."""

import json
import sys
from pathlib import Path

COLUMNS = ["engine", "shape", "way", "float", "prefix", "suffix", "span", "read_ms", "ms", "ms_low", "ms_high", "tokens_per_s"]


def rows(folder: Path) -> tuple[list[dict], list[str]]:
    """All rows, those of unfinished pieces too, and what failed or was skipped."""
    found, faults = [], []
    for piece in sorted([*folder.glob("*.jsonl"), *folder.glob("*.part")]):
        for line in piece.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # the last line of a piece that was stopped
        error = piece.with_suffix(".err")
        if piece.suffix == ".part":
            words = error.read_text().strip().splitlines()[-1:] if error.exists() else []
            faults.append(f"{piece.stem}: not finished. {' '.join(words)}".strip())
    faults += [f"{row['engine']}, {row['shape']}: skipped. {row['skipped']}" for row in found if "skipped" in row]
    return found, faults


def cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value if value is not None else "")


def markdown(folder: Path, found: list[dict], faults: list[str]) -> str:
    device = folder / "device.txt"
    text = ["# First contact with a GPU", "", "```", device.read_text().strip() if device.exists() else "", "```", ""]
    parity = [row for row in found if "parity" in row]
    if parity:
        text += ["## Logits against PyTorch's", "", "| model | type | furthest | allowed | same likeliest token | |", "|---|---|---|---|---|---|"]
        for row in parity:
            same = f"{row['same_argmax']} of {row['rows']}"
            verdict = "ok" if row["sound"] else "BAD"
            text.append(f"| {row['parity']} | {row['float']} | {row['furthest']:.1e} | {row['most']:.1e} | {same} | {verdict} |")
        text.append("")
    steps = sorted((row for row in found if "ms" in row), key=lambda row: (row["shape"], row["way"], row["span"], row["ms"]))
    if steps:
        text += ["## A denoise step", "", "ms: median, then 10 and 90 %. tokens/s: with so many tokens committed in each step: " + ", ".join(sorted({str(r["per_step"]) for r in steps})) + ".", ""]
        text += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
        text += ["| " + " | ".join(cell(row.get(column)) for column in COLUMNS) + " |" for row in steps]
        text.append("")
    if faults:
        text += ["## Not measured", "", *(f"- {fault}" for fault in faults), ""]
    return "\n".join(text)


def main() -> None:
    folder = Path(sys.argv[1])
    found, faults = rows(folder)
    (folder / "report.json").write_text(json.dumps({"rows": found, "faults": faults}, indent=1) + "\n")
    (folder / "report.md").write_text(markdown(folder, found, faults))


if __name__ == "__main__":
    main()
