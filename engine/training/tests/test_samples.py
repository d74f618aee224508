"""What every window must keep, over many of them."""

import random

from quicksilver_training.layout import rows_of
from quicksilver_training.samples import BOS, DELETE, EOS, EXPAND, FILE, MASK, WIDEST_GAP, noised


def test_layout_is_suffix_then_prefix_then_blocks(sampler):
    for window in sampler.batch(0, 60):
        assert window.suffix[-1] == EOS
        assert window.prefix[0] == BOS and FILE in window.prefix
        assert len(window.prefix) + len(window.suffix) <= sampler.recipe.context
        for block in window.blocks:
            gap = window.suffix_start - block.prefix_rows
            assert len(block.span) <= gap <= max(WIDEST_GAP, len(block.span))
            assert len(block.span) == len(block.labels) == len(block.weights)
            for shown, label in zip(block.span, block.labels):
                assert (label >= 0) == (shown == MASK)


def test_positions_meet_in_the_middle(sampler):
    for window in sampler.batch(1, 20):
        rows, s = rows_of(window), len(window.suffix)
        assert rows["left"][:s] == list(range(window.suffix_start, window.suffix_start + s))
        at = s + len(window.prefix)
        for block in window.blocks:
            c = len(block.span)
            assert rows["left"][at] == block.prefix_rows
            assert rows["right"][at + c - 1] == window.suffix_start - 1
            at += c


def test_labels_spell_the_span():
    rng = random.Random(5)
    for _ in range(500):
        span = [rng.randrange(100, 200) for _ in range(rng.randint(0, 20))]
        ids, labels, weights = noised(span, rng, 24)
        spelt = [label if shown == MASK else shown for shown, label in zip(ids, labels)]
        if DELETE in spelt:
            first = spelt.index(DELETE)
            assert spelt[:first] == span and set(spelt[first:]) == {DELETE}
            assert weights[first] == 1.0 and all(w < 1 for w in weights[first + 1:])
        kept = [token for token in spelt if token not in (DELETE, EXPAND)]
        assert len(kept) + 2 * spelt.count(EXPAND) <= len(span)
        order = iter(span)
        assert all(token in order for token in kept)


def test_a_sample_depends_on_seed_step_and_index_alone(sampler):
    assert sampler.batch(7, 3) == sampler.batch(7, 3)
    assert sampler.batch(7, 3) != sampler.batch(8, 3)


def test_earlier_cursors_spell_the_same_line(sampler):
    shared = 0
    for window in sampler.batch(2, 80):
        longest = min(b.prefix_rows for b in window.blocks)
        shared += longest < len(window.prefix)
    assert shared > 10
