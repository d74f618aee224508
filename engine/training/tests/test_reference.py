"""The committed traces are what the written-out samplers do."""

from pathlib import Path

import pytest

from reference import full_canvas, lengths, traces
from reference.toy import Dice

TRACES = Path(__file__).parent.parent.parent / "tests" / "traces"


@pytest.mark.parametrize("name", traces.FILES)
def test_the_traces_are_written_again(name):
    assert (TRACES / name).read_text() == traces.written(name)


def test_dreams_counts():
    def counts(masks, steps):
        left, out = masks, []
        for step in range(steps):
            out.append(full_canvas.dream_count(step, steps, left))
            left -= out[-1]
        return out

    assert counts(8, 8) == [0, 1, 1, 1, 1, 1, 1, 2]
    assert counts(32, 8) == [3, 4, 4, 4, 4, 4, 4, 5]
    assert counts(5, 64).count(0) == 60


def test_cals_bias():
    published = {1: 0.938, 4: 0.681, 8: 0.587, 16: 0.454, 32: 0.322, 64: 0.252}
    assert all(abs(lengths.bias(length) - value) < 0.002 for length, value in published.items())


def test_the_dice_are_splitmix64s():
    dice = Dice(0)
    # The first outputs of SplitMix64 from seed 0 begin E220A8397B1DCDAF, 6E789E6AA1B965F4.
    assert [dice.roll(), dice.roll()] == [0xE220A8 / (1 << 24), 0x6E789E / (1 << 24)]
