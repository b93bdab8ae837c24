"""Learning and foretelling what customers will buy and spend: Setia's models beside lifetimes', in turns.

    python bench/lifetime_value.py [--customers 1000000] [--repeats 3] [--json]

Both get the same drawn histories (the BG/NBD's own story, by days), learn BG/NBD and Gamma-Gamma, and foretell a year
for each customer. CPU and peak memory are those of a process that does nothing else; reading the histories and
importing are in both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PARAMETERS = (0.243, 30.9, 0.793, 2.426)  # CDNOW's, by days
OURS = """
import sys
import numpy as np
from setia.prediction.purchase_models import BG_NBD, expected_purchases, fit, group
from setia.prediction.spend_model import expected_spend, fit_spend
repeats, recency, age, spend = np.load(sys.argv[1])
histories = group(repeats, recency, age)
fitted, money = fit(BG_NBD, histories), fit_spend(repeats, spend)
assert fitted.converged and money.converged
value = expected_purchases(fitted, histories, 365.0)[histories.group] * expected_spend(money, repeats, spend)
print(float(value.sum()))
"""
THEIRS = """
import sys
import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter
repeats, recency, age, spend = np.load(sys.argv[1])
bought = repeats > 0
model, money = BetaGeoFitter(), GammaGammaFitter()
model.fit(repeats, recency, age)
money.fit(repeats[bought], spend[bought])
purchases = model.conditional_expected_number_of_purchases_up_to_time(365.0, repeats, recency, age)
value = np.asarray(purchases) * np.asarray(money.conditional_expected_average_profit(repeats, spend))
print(float(value.sum()))
"""


def draw(customers: int, file: Path) -> None:
    r, alpha, a, b = PARAMETERS
    dice = np.random.default_rng(7)
    age = dice.integers(182, 729, customers).astype(float)
    rate, stops_after = (
        dice.gamma(r, 1 / alpha, customers),
        dice.geometric(np.clip(dice.beta(a, b, customers), 1e-12, 1)),
    )
    wanted = dice.poisson(rate * age)
    repeats = np.minimum(wanted, stops_after).astype(float)
    last = age * dice.beta(np.maximum(repeats, 1), np.maximum(wanted - repeats, 0) + 1)
    recency = np.where(repeats > 0, np.clip(np.ceil(last), 1, age), 0.0)
    count = np.maximum(repeats, 1)
    spend = np.where(
        repeats > 0, dice.gamma(6.25 * count, 15.44 / dice.gamma(3.74, 1, customers)) / count, 0.0
    )
    np.save(file, np.array([repeats, recency, age, spend]))


def run(program: str, file: Path) -> dict[str, float]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    value = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"The program ended with {os.waitstatus_to_exitcode(status)}")
    return {"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1000, "value": float(value)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "histories.npy"
        draw(options.customers, file)
        runs = [
            {name: run(program, file) for name, program in (("ours", OURS), ("theirs", THEIRS))}
            for _ in range(options.repeats)
        ]
    ours, theirs = (
        {
            figure: statistics.median(each[name][figure] for each in runs)
            for figure in ("cpu", "peak", "value")
        }
        for name in ("ours", "theirs")
    )
    targets = [
        {"target": "CPU seconds", "measured": ours["cpu"], "limit": 15.0},
        {"target": "peak, MB", "measured": ours["peak"], "limit": 1000.0},
        {"target": "CPU / lifetimes'", "measured": ours["cpu"] / theirs["cpu"], "limit": 0.5},
        {
            "target": "distance of the sums of value",
            "measured": abs(ours["value"] / theirs["value"] - 1),
            "limit": 0.01,
        },
    ]
    for target in targets:
        target["kept"] = target["measured"] <= target["limit"]
    if options.json:
        print(json.dumps({"runs": runs, "targets": targets}, indent=2))
    else:
        for target in targets:
            verdict = "pass" if target["kept"] else "FAIL"
            print(f"{verdict:6}{target['target']:34}{target['measured']:10.3f}  limit {target['limit']:g}")


if __name__ == "__main__":
    main()
