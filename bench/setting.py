"""The one setting of the benchmark: what pfhedge ships as its example, so that neither side chose it for itself."""

VOL, STRIKE, STEPS, DT, COST = 0.2, 1.0, 20, 1 / 250, 1e-4
MATURITY = STEPS * DT
UPDATES, PATHS, RATE = 200, 10_000, 1e-3  # how long the peer's example trains
SIZES = (1_000, 10_000, 65_536)
BANK = 500_000
TAIL = 0.1  # expected shortfall of the worst tenth: CVaR at level 0.9
