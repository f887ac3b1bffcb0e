"""A small study that never happened, with every section of a report in it."""

import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.evaluation import Unit, by_regime, compare, verdict
from deephedge.objectives import Entropic
from deephedge.reports import Agreement, Forecast, ReportContents, Story, Surface, Training

LABELS = {"band": "No-transaction <band>", "delta": "Black & Scholes", "none": "No hedge"}
WINDOW = 5


def ledger(rng, paths, spread, trade):
    wealth = rng.normal(0.0, spread, paths)
    trades = np.full((paths, WINDOW, 1), trade)
    arrays = trades, trades, np.abs(trades[..., 0]) * 1e-4, np.zeros((paths, WINDOW)), wealth, wealth
    return dh.Ledger(*map(jnp.asarray, arrays))


@pytest.fixture(scope="session")
def contents():
    rng, paths = np.random.default_rng(0), 200
    spreads = {"band": 0.010, "mlp": 0.013, "delta": 0.012, "none": 0.05}
    ledgers = {name: ledger(rng, paths, spread, 0.1) for name, spread in spreads.items()}
    unit, settings = Unit("bp of spot", 1e4), {"resamples": 100}
    found = compare(ledgers, objective=Entropic(50.0), premium=0.002, window=WINDOW, **settings)
    simulated = compare({name: ledger(rng, 300, spread, 0.1) for name, spread in spreads.items()}, **settings)
    spot, days = np.linspace(90, 110, 9), np.arange(1, 6)
    delta = 1 / (1 + np.exp(-(spot[None] - 100) / days[:, None]))
    dates = np.arange(np.datetime64("2016-01-04"), paths)
    updates = np.arange(0, 100, 10)
    curve = 0.02 + 0.1 * np.exp(-updates / 20)
    return ReportContents(
        title="A call <hedged>",
        subtitle='Sold & "hedged"',
        verdict=verdict(found, ["band", "mlp"], unit=unit, labels=LABELS).text,
        unit=unit,
        objective="entropic, risk aversion 50",
        glance={"Liability": "−1 × <Call>", "Tested": "looked at once"},
        explained={name: {"delta": 0.001, "vega": 0.0, "wealth": 0.001, "std": 0.01} for name in spreads},
        regimes=by_regime(ledgers, np.repeat(["calm", "crisis"], [150, 50]), window=WINDOW, **settings),
        split="By a quote.",
        forecasts={"band": Forecast(0.01, 0.02, 40, 3, 2.0, 0.4, 0.02, 1e-9)},
        learned=("band", "mlp"),
        labels=LABELS,
        comparison=found,
        simulated=simulated,
        wealth={name: np.asarray(one.wealth) + 0.002 for name, one in ledgers.items()},
        dates=dates,
        surface=Surface(spot, days, {"delta": delta, "band": 0.9 * delta}, "Implied volatility 20 %."),
        story=Story(
            dates[:6], 100 + np.arange(6.0), {"band": np.full(5, 0.4), "delta": np.full(5, 0.5)}, 100.0, "One."
        ),
        training={"band": Training(updates, curve, 80), "mlp": Training(updates, curve + 0.001)},
        yardsticks={"delta": 0.0205},
        agreement=(Agreement("Volatility", 0.16, 0.17, 0.1, 0.3), Agreement("Kurtosis", 20.0, 6.0, 3.0, 9.0)),
        settings={
            "market": {"vol": 0.2, "name": "<script>alert(1)</script>"},
            "policies": [{"width": 32}],
            "seeds": [1, 2],
        },
        provenance={"source": "a file", "sha256": "0" * 64},
        versions={"deephedge": "0.1.0"},
    )
