"""What a calibration hands back: the market, and how far to believe it."""

import warnings as python_warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.markets.calibration.engine import Solution


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted market with its parameters, their standard errors, and residuals quote by quote; ``str`` prints it.

    ``quotes`` are columns of one length: what was quoted, what the ``model`` says, and ``residual`` (model less quote)
    in ``unit``. ``condition`` is that of the Jacobian in relative parameters. ``reached`` of ``starts`` starts ended in
    the best optimum. ``warnings`` name the parameters that the quotes do not determine and those on a bound.
    """

    name: str
    market: Any
    parameters: dict[str, float]
    errors: dict[str, float]
    quotes: dict[str, np.ndarray]
    unit: str
    condition: float
    warnings: tuple[str, ...]
    reached: int
    starts: int
    evaluations: int
    seconds: float

    @property
    def residuals(self) -> np.ndarray:
        return self.quotes["residual"]

    @property
    def rmse(self) -> float:
        """Root of the mean square residual, in ``unit``, every quote counted once."""
        return float(np.sqrt(np.mean(self.residuals**2)))

    @property
    def largest(self) -> float:
        """Largest absolute residual, in ``unit``."""
        return float(np.max(np.abs(self.residuals)))

    def __str__(self) -> str:
        head = (
            f"{self.name}: {len(self.residuals)} quotes, RMSE {self.rmse:.3g} {self.unit}, largest {self.largest:.3g}; "
            f"{self.reached} of {self.starts} starts reached it, {self.evaluations} evaluations, {self.seconds:.2f} s"
        )
        wide = max(map(len, self.parameters))
        lines = [
            f"  {key:<{wide}}  {value:>12.6g}  +- {self.errors[key]:.2g}" for key, value in self.parameters.items()
        ]
        if "expiry" in self.quotes and len(np.unique(self.quotes["expiry"])) > 1:
            lines.append(f"  {'expiry':>8}  {'quotes':>6}  {'RMSE':>8}  {'largest':>8}  ({self.unit})")
            for expiry in np.unique(self.quotes["expiry"]):
                part = self.residuals[self.quotes["expiry"] == expiry]
                lines.append(
                    f"  {expiry:>8.4f}  {len(part):>6}  {np.sqrt(np.mean(part**2)):>8.3f}  {np.abs(part).max():>8.3f}"
                )
        return "\n".join(
            [head, *lines, f"  condition number {self.condition:.3g}", *(f"  warning: {w}" for w in self.warnings)]
        )


def reported(name: str, market: Any, solution: Solution, quotes: dict[str, np.ndarray], unit: str) -> Calibration:
    """The report, with each of its warnings given to Python too."""
    for sentence in solution.warnings:
        python_warnings.warn(f"{name}: {sentence}", stacklevel=4)
    return Calibration(
        name, market, solution.values, solution.errors, quotes, unit, solution.condition, solution.warnings,
        solution.reached, solution.starts, solution.evaluations, solution.seconds,
    )  # fmt: skip
