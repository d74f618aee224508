"""The fit finds what decides in made-up pools."""

from quicksilver_training import fit


def hypothesis(right: bool, places: int) -> dict:
    return {"right": right, "line": -1.0, "right_log": -1.0, "left": 0, "rightm": 0, "places": places, "symbols": 3,
            "next": False, "previous": False, "rewritten": False}


def test_what_decides_gets_the_weight():
    pools = [[hypothesis(True, 5), hypothesis(False, 1)], [hypothesis(False, 1), hypothesis(True, 5), hypothesis(False, 1)]] * 5
    pools += [[hypothesis(False, 1), hypothesis(False, 1)]] * 5
    ranker = fit.fit_ranker(pools)
    assert ranker[fit.RANKER.index("places")] > 1
    assert abs(ranker[fit.RANKER.index("line")]) < 0.1
    gate = fit.fit_gate(pools, ranker)
    def surety(share: float, places: int) -> float:
        return sum(float(w) * x for w, x in zip(gate, fit.gated(hypothesis(True, places), share)))

    assert surety(0.99, 5) > 0 > surety(0.5, 1)
