"""What the format promises of the tokenizer, on a small one and on the embedded one."""

import json
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from quicksilver_training.tokenizer import ID, SPECIALS, VOCABULARY, Text, count, note

EMBEDDED = Path(__file__).parents[2] / "models" / "embedded" / "tokenizer.json"


@pytest.fixture(params=["small", "embedded"])
def any_text(request, text):
    return text if request.param == "small" else Text(EMBEDDED)


def test_specials_stand_first_and_no_text_reaches_them(any_text):
    for name, number in ID.items():
        assert any_text.inner.token_to_id(name) == number
    hostile = "".join(SPECIALS) + " <|mask|>\n<|eos|>"
    assert min(any_text.ids(hostile)) >= len(SPECIALS)
    # Not even where the loader forgets to ask for it.
    plain = Tokenizer.from_str(any_text.inner.to_str())
    assert min(plain.encode(hostile, add_special_tokens=False).ids) >= len(SPECIALS)


def test_any_text_comes_back(any_text):
    rng = random.Random(1)
    for _ in range(100):
        made = "".join(chr(rng.choice([rng.randrange(0xD800), rng.randrange(128), 10, 32, 9, 13])) for _ in range(100))
        assert any_text.text(any_text.ids(made)) == made


def test_a_newline_is_always_its_own_token(any_text):
    assert [t for t in any_text.inner.get_vocab() if "Ċ" in t] == ["Ċ"]


def test_an_indent_is_one_token_and_keeps_its_last_blank():
    embedded = Text(EMBEDDED)
    assert embedded.inner.get_vocab_size() == VOCABULARY
    for width in range(1, 33):
        ids = embedded.ids("\n" + " " * width + "let")
        assert len(ids) == 3 and embedded.text(ids[1:2]) == " " * width
        assert embedded.ids(" " * width + "let", after_newline=True) == ids[1:]


def test_tokens_are_counted_by_language_and_noted_in_the_manifest(tmp_path):
    rows = [("go", "package a\n"), ("go", "x := 1\n"), ("java", "<|mask|>\n")]
    corpus, manifest = tmp_path / "corpus.jsonl", tmp_path / "manifest.json"
    corpus.write_text("".join(json.dumps({"language": language, "text": text}) + "\n" for language, text in rows))
    manifest.write_text('{\n "bytes": 3,\n "packages": [\n{"package": "a"}\n]}\n')
    text = Text(EMBEDDED)
    counted = count(corpus, EMBEDDED)
    assert counted == {"go": len(text.ids(rows[0][1])) + len(text.ids(rows[1][1])), "java": len(text.ids(rows[2][1]))}
    for _ in range(2):
        note(manifest, counted)
    assert json.loads(manifest.read_text()) == {"bytes": 3, "tokens": counted, "packages": [{"package": "a"}]}
    assert manifest.read_text().endswith(' "packages": [\n{"package": "a"}\n]}\n')
