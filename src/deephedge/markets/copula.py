"""Residuals from a copula: the dependence and each series' own law apart, both smoother than rows of history."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy import stats

from deephedge.core.errors import DataError, require
from deephedge.core.types import as_float, concrete
from deephedge.markets.residuals import AbstractResiduals, cumulant

EDGE, PER_UNIT = 5.0, 32  # a margin's quantiles are known at these normals: from -EDGE to EDGE, nodes in a unit
FAR = 9.0  # and the tables that turn a Student variable into a normal go this far
POINTS = np.linspace(-EDGE, EDGE, int(2 * EDGE * PER_UNIT) + 1)


class CopulaResiduals(AbstractResiduals):
    r"""Days whose ranks follow a Student (or Gaussian) copula and whose series have the ``margins`` they are given:

    .. math:: z_j = F_j^{-1}\big(T_\nu(t_j)\big), \qquad t = L\,x\,\sqrt{\nu/w}, \qquad LL^\top = R,

    with :math:`x` standard normal, :math:`w` chi-squared with ``freedom`` :math:`\nu` degrees (left out: the Gaussian
    copula, :math:`w=\nu`), and ``correlation`` :math:`R`. ``margins`` has a column for each series: its quantiles at
    the normals of `margin_chances`, from a chance of 3e-7 to one less that. Between them they are linear in the
    normal, beyond they are flat: the exponential of an unbounded Pareto tail has no mean, so a price that could move
    by it would have no martingale. Values are centred, and the cumulant is that of the margin as it stands, by Gauss
    quadrature between nodes. One normal a series, and one more for :math:`w`; a larger one is a larger value.

    Kendall's tau of two series is :math:`\tfrac2\pi\arcsin R_{ij}`, whatever the margins; `tail_dependence` is what is
    left of it in the tails. `fit_copula` fits it. Raises ``ParameterError`` and ``DataError``.

    Source: Demarta and McNeil (2005); McNeil, Frey and Embrechts (2005).

    >>> import deephedge as dh, jax, numpy as np
    >>> normals = np.linspace(-5, 5, 321)
    >>> law = dh.markets.CopulaResiduals(np.stack([normals, normals], 1), [[1, 0.5], [0.5, 1]], freedom=4.0)
    >>> law(jax.random.normal(jax.random.key(0), (10, 3))).shape, round(float(law.tail_dependence()[0, 1]), 4)
    ((10, 2), 0.2532)
    """

    margins: Float[Array, "unit feature"] = eqx.field(converter=as_float)
    correlation: Float[Array, "feature feature"] = eqx.field(converter=as_float)
    freedom: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        shape, count = self.margins.shape, self.margins.shape[1]
        require(shape[0] == len(POINTS), f"margins must have {len(POINTS)} rows of quantiles, had {shape}", DataError)
        rising = concrete(self.margins, lambda x: np.isfinite(x) & (np.diff(x, axis=0, prepend=-np.inf) >= 0))
        require(rising, "margins must be finite quantiles that do not fall", DataError)
        require(self.correlation.shape == (count, count), f"correlation must be {count} x {count}, one row a margin")
        require(concrete(self.correlation, _is_correlation), "correlation must be symmetric, positive definite, 1 on"
                " its diagonal")  # fmt: skip
        above = self.freedom is None or self.freedom > 2
        require(above, f"freedom must exceed 2 degrees, or be left out for a Gaussian copula, was {self.freedom}")

    @property
    def series(self) -> int:
        return self.margins.shape[1]

    @property
    def width(self) -> int:
        return self.series + (self.freedom is not None)

    def __call__(self, shocks: Float[Array, "step factor"]) -> Float[Array, "step feature"]:
        scores = shocks[:, : self.series] @ jnp.linalg.cholesky(self.correlation).T
        if self.freedom is not None:
            nodes, values, spread = (jnp.asarray(x, scores.dtype) for x in _tables(self.freedom))
            student = scores * jnp.exp(jnp.interp(shocks[:, -1:], nodes, spread))
            scores = jnp.interp(jnp.arcsinh(student), values, nodes)
        points = jnp.asarray(POINTS, scores.dtype)
        values = jax.vmap(lambda x, margin: jnp.interp(x, points, margin), in_axes=1, out_axes=1)(scores, self.margins)
        return values - self._quadrature()[1]

    def cumulant(self, columns: Int[np.ndarray, " asset"], sigma: Float[Array, "step asset"]) -> Array:
        values, mean, chances = self._quadrature()
        one = jax.vmap(cumulant, in_axes=(1, 1, None), out_axes=1)
        return one((values - mean)[:, columns], sigma, chances)

    def _quadrature(self) -> tuple[Array, Array, Array]:
        """Values of all margins at the Gauss points, their means, and the points' chances."""
        at, chances = (jnp.asarray(x, self.margins.dtype) for x in _gauss())
        points = jnp.asarray(POINTS, at.dtype)
        values = jax.vmap(lambda margin: jnp.interp(at, points, margin), in_axes=1, out_axes=1)(self.margins)
        return values, chances @ values, chances

    def tail_dependence(self) -> Float[np.ndarray, "feature feature"]:
        r"""The chance that one series is beyond its far quantile given that another is; 0 with a Gaussian copula.

        .. math:: \lambda_{ij} = 2\,T_{\nu+1}\left(-\sqrt{(\nu+1)(1-R_{ij})/(1+R_{ij})}\right).
        """
        r = np.clip(np.asarray(self.correlation, float), -1.0, 1.0)
        if self.freedom is None:
            return np.eye(len(r))
        ratio = np.sqrt((self.freedom + 1.0) * (1.0 - r) / np.maximum(1.0 + r, 1e-12))
        return 2.0 * stats.t(self.freedom + 1.0).cdf(-ratio)


def margin_chances() -> Float[np.ndarray, " unit"]:
    """The chances at which `CopulaResiduals` wants the quantiles of its margins.

    >>> chances = margin_chances()
    >>> len(chances), float(chances[160])
    (321, 0.5)
    """
    return stats.norm.cdf(POINTS)


@functools.cache
def _tables(freedom: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals, the inverse hyperbolic sine of Student quantiles there (almost a line), and log of the root of ν/w."""
    nodes = np.linspace(-FAR, FAR, int(2 * FAR * PER_UNIT) + 1)
    upper = stats.t(freedom).isf(stats.norm.sf(np.abs(nodes)))
    law = stats.chi2(freedom)
    # A larger normal is a smaller chi-squared, and so a larger spread.
    chi = np.where(nodes > 0, law.ppf(stats.norm.sf(np.abs(nodes))), law.isf(stats.norm.sf(np.abs(nodes))))
    return nodes, np.arcsinh(np.sign(nodes) * upper), 0.5 * np.log(freedom / chi)


@functools.cache
def _gauss() -> tuple[np.ndarray, np.ndarray]:
    """Normals and chances for a mean over a margin: two Gauss points between nodes, and the flat ends."""
    middle, half = 0.5 * (POINTS[1:] + POINTS[:-1]), 0.5 * np.diff(POINTS)
    inner = (middle[:, None] + half[:, None] * np.array([-1.0, 1.0]) / np.sqrt(3.0)).ravel()
    chances = np.repeat(half, 2) * stats.norm.pdf(inner)
    end = stats.norm.sf(EDGE)
    at, weights = np.r_[-EDGE, inner, EDGE], np.r_[end, chances, end]
    return at, weights / weights.sum()


def _is_correlation(matrix: np.ndarray) -> bool:
    unit = np.allclose(np.diagonal(matrix), 1.0, atol=1e-5)
    return bool(unit and np.allclose(matrix, matrix.T, atol=1e-6) and np.linalg.eigvalsh(matrix).min() > 0)
