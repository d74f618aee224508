"""Trains the 16,384-token byte-level BPE tokenizer of `engine/models/FORMAT.md`.

    python -m quicksilver_training.tokenizer --work work --out ../models/embedded/tokenizer.json
    python -m quicksilver_training.tokenizer --work work --count ../models/embedded/tokenizer.json

The second counts the corpus' tokens by language, and notes them in `<work>/manifest.json`.

The special tokens are entries of the vocabulary and not "added tokens": no merge leads to them and no text is
ever searched for them, so a user's text cannot produce one, whatever options the loader sets.
"""

import argparse
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 16_384
LANGUAGES = ["rust", "python", "javascript", "typescript", "go", "c", "cpp", "java", "markdown", "shell", "toml", "other"]
SPECIALS = [
    "<|pad|>", "<|mask|>", "<|expand|>", "<|delete|>", "<|bos|>", "<|eos|>", "<|file|>", "<|path|>", "<|/path|>", "<|sep|>",
    *(f"<|lang:{language}|>" for language in LANGUAGES), *(f"<|spare:{n}|>" for n in range(16)),
]
ID = {name: i for i, name in enumerate(SPECIALS)}

# Piece by piece: a newline; the whole indent of a line; up to three digits; a word with one blank or mark before it;
# a run of marks; blanks that end before the last one; what is left. Plain enough for Oniguruma and fancy-regex alike.
PIECES = (
    r"\n|(?<=\n)[ \t]+| ?\p{N}{1,3}|(?: |[^\s\p{L}\p{N}_])?[\p{L}_][\p{L}\p{M}_]*| ?[^\s\p{L}\p{N}_]+|[^\S\n]+(?!\S)|[^\S\n]+"
)
# Bytes of each language in the text the merges are counted on.
MIX_MB = {"rust": 10, "python": 10, "typescript": 5, "javascript": 4, "go": 4, "c": 3, "cpp": 2.5, "java": 1.5, "markdown": 2, "toml": 0.5, "shell": 0.5}


def blank_tokenizer() -> Tokenizer:
    """The tokenizer before any merge is learnt."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(texts: Iterable[str], vocabulary: int = VOCABULARY) -> str:
    """Learns the merges; returns the text of `tokenizer.json`."""
    tokenizer = blank_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    content = json.loads(tokenizer.to_str())
    assert [content["model"]["vocab"][name] for name in SPECIALS] == list(range(len(SPECIALS)))
    content["added_tokens"] = []
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def mix(corpus: Path, megabytes: dict[str, float], seed: int = 1) -> Iterator[str]:
    """Files of the corpus in random order until each language has its share, then indents no corpus is sure to show."""
    rows = corpus.read_bytes().splitlines()
    random.Random(seed).shuffle(rows)
    left = {language: share * 1e6 for language, share in megabytes.items()}
    for row in map(json.loads, rows):
        if left.get(row["language"], 0) > 0 and not row["path"].endswith(".pyi"):
            left[row["language"]] -= len(row["text"])
            yield row["text"]
    for width in range(1, 41):
        yield ("\n" + " " * width + "x") * 300
    for width in range(1, 11):
        yield ("\n" + "\t" * width + "x") * 300


def count(corpus: Path, tokenizer: Path) -> dict[str, int]:
    """Tokens of the corpus by language, most first."""
    inner = Text(tokenizer).inner
    tokens: Counter[str] = Counter()
    with open(corpus) as lines:
        while batch := [json.loads(line) for line in itertools.islice(lines, 256)]:
            for row, encoding in zip(batch, inner.encode_batch_fast([row["text"] for row in batch], add_special_tokens=False)):
                tokens[row["language"]] += len(encoding)
    return dict(tokens.most_common())


def note(manifest: Path, tokens: dict[str, int]) -> None:
    """Writes the token counts into a manifest, before its list of packages, in place of earlier ones."""
    text = manifest.read_text()
    content = json.loads(text)
    content.pop("tokens", None)
    packages = text[text.index(' "packages": ['):]
    head = {key: value for key, value in content.items() if key != "packages"} | {"tokens": tokens}
    manifest.write_text(f'{json.dumps(head, indent=1)[:-2]},\n{packages}')


class Text:
    """The trained tokenizer as the samples use it: text in, ids out, and nothing special in between."""

    def __init__(self, path: Path):
        self.inner = Tokenizer.from_file(str(path))
        self.inner.encode_special_tokens = True
        self.newline = self.inner.token_to_id("Ċ")

    def ids(self, text: str, after_newline: bool = False) -> list[int]:
        """Ids of a piece of a document; `after_newline` where the piece begins a line, so that its indent is seen as one."""
        if after_newline:
            return self.inner.encode("\n" + text, add_special_tokens=False).ids[1:]
        return self.inner.encode(text, add_special_tokens=False).ids

    def text(self, ids: list[int]) -> str:
        """The text of ids; specials have none."""
        return self.inner.decode([i for i in ids if i >= len(SPECIALS)], skip_special_tokens=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("work"))
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--out", type=Path, help="where the trained tokenizer goes")
    task.add_argument("--count", type=Path, metavar="TOKENIZER", help="count the corpus' tokens by this one instead")
    arguments = parser.parse_args()
    if arguments.count:
        counted = count(arguments.work / "corpus.jsonl", arguments.count)
        note(arguments.work / "manifest.json", counted)
        print(json.dumps(counted, indent=1), sum(counted.values()), "tokens")
    else:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(train(mix(arguments.work / "corpus.jsonl", MIX_MB)))
