"""New quotes of old ones, fitted on training years: a history becomes a richer history, and then paths for a policy."""

import numpy as np

from deephedge import data
from deephedge.data import transforms as t

TRAIN = ("2010-01-01", "2015-12-31")

history = data.load("arch").between("2008-01-01", "2018-12-31")
made = t.transformed(
    history,
    [
        t.CloseVol("SPX", window=21),
        t.GarchForecast("SPX", horizon=21),
        t.VariancePremium("SPX.vol", "SPX.garch21"),
        t.Regime("SPX.close_vol21"),
        t.PerRegime(t.ZScore("SPX.garch21"), "SPX.close_vol21.regime"),
        t.HodrickPrescott("SPX", log=True),
        t.FractionalDifference("SPX"),
        t.Momentum("SPX", lookbacks=(21, 252)),
        t.DaysToExpiry(),
        t.PathSignature("SPX", window=21),
    ],
    TRAIN,
)
for sentence in made.provenance.repairs[len(history.provenance.repairs) :]:
    print(sentence)

print("\nquote                          known from  train mean  later mean")
train, later = made.between(*TRAIN), made.between("2016-01-01")
for name in made.names[2:]:
    first = made.dates[np.isfinite(made.quote(name))][0]
    means = [np.nanmean(part.quote(name)) for part in (train, later)]
    print(f"{name:30s} {first}  {means[0]:10.4f}  {means[1]:10.4f}")

paths, starts = data.windows(made.between("2014-01-03", "2015-12-31"), 21)
print(f"\n{len(starts)} windows of {len(paths.quotes)} quotes, ready for features such as Quote('SPX.momentum21')")
