"""Windows of prices as vectors of numbers whose means tell one law from another."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import DataError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.markets.generative.signature import bounded, signature

BOUND = 4.0  # of the squared norm of a signature, in medians over the windows
CONSTANT = 1e-3  # a feature that varies less, beside its size, says nothing: the clock's own, unless the bound bites


class SignatureFeatures(eqx.Module):
    r"""The signature of a window, centred and scaled by that of given windows: what a generator is judged by.

    The window becomes a path with the channels: time, log price, accumulated :math:`|r|`, accumulated :math:`r^2` of
    its log returns and, with ``vol``, the log of the quote ``"<name>.vol"``; each in the unit of the given windows.
    The accumulated sums make fat tails, clustering and the leverage effect visible in the first three levels (of
    the words of three letters, :math:`\int\int r^2\,dt\,r^2` is the clustering over the window, and
    :math:`\int X\,d(r^2)` the leverage effect). The signature is bounded, then centred on the given windows' mean and
    divided by their standard deviation; a feature that does not vary there is left out.

    The squared distance of two laws is the mean over features of the squared difference of means: a maximum mean
    discrepancy with the kernel :math:`k(x,y)=\frac1F\langle\Phi(x),\Phi(y)\rangle`, in squared standard deviations of
    the given windows. It sees what a truncated signature sees, and no more.

    Source: Chevyrev and Oberhauser (2018).

    >>> import deephedge as dh, jax
    >>> market, grid = dh.markets.BlackScholes("SPX", vol=0.2), dh.TimeGrid.uniform(maturity=10 / 252, steps=10)
    >>> windows = dh.sample(market, grid, 256, key=jax.random.key(0))
    >>> features = SignatureFeatures.of(windows, "SPX")
    >>> bool(abs(jax.vmap(features)(windows).mean(0)).max() < 1e-4)
    True
    """

    name: str = eqx.field(static=True)
    vol: bool = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    times: Float[Array, " points"]
    unit: Float[Array, " channel"]
    bound: Float[Array, ""]
    used: tuple[int, ...] = eqx.field(static=True)
    mean: Float[Array, " feature"]
    scale: Float[Array, " feature"]

    @classmethod
    def of(cls, windows: MarketPath, name: str = "SPX", *, vol: bool = False, depth: int = 3) -> "SignatureFeatures":
        """The features that these windows (a batch of paths on one grid) are the measure of."""
        times = windows.times
        require(
            times.ndim == 2 and times.shape[0] > 1, f"windows must be a batch of paths, was {times.shape}", DataError
        )
        price = np.asarray(windows.quote(name), float)
        require(bool(np.all(np.isfinite(price) & (price > 0))), f"{name!r} must be positive and finite", DataError)
        plain = cls(name, vol, depth, times[0], as_float(np.ones(4 + vol)), as_float(np.inf), (), *_nothing())
        rows = np.asarray(jax.vmap(plain.channels)(windows), float)
        ends = rows[:, -1] - rows[:, 0]
        unit = np.array([ends[0, 0], ends[:, 1].std(), ends[:, 2].mean(), ends[:, 3].mean()])
        if vol:
            unit = np.append(unit, rows[:, :, 4].std())
        require(bool(np.all(unit > 0)), f"{name!r} does not move in these windows", DataError)
        plain = eqx.tree_at(lambda f: f.unit, plain, as_float(unit))
        raw = np.asarray(_raw(plain, windows), float)
        bound = BOUND * np.median(1.0 + np.sum(raw**2, axis=1))
        plain = eqx.tree_at(lambda f: f.bound, plain, as_float(bound))
        seen = np.asarray(_raw(plain, windows), float)
        mean, scale = seen.mean(0), seen.std(0)
        used = np.flatnonzero(scale > CONSTANT * np.abs(mean))
        centre = as_float(mean[used]), as_float(scale[used])
        return cls(name, vol, depth, times[0], plain.unit, plain.bound, tuple(used.tolist()), *centre)

    @property
    def grid(self) -> TimeGrid:
        """The grid of the windows."""
        return TimeGrid(self.times)

    def centred_on(self, windows: MarketPath) -> "SignatureFeatures":
        """The same features in the same units, centred on other windows: those held out, say."""
        mean = np.asarray(jax.vmap(self)(windows), float).mean(0)
        return eqx.tree_at(lambda f: f.mean, self, self.mean + self.scale * as_float(mean))

    def channels(self, path: MarketPath) -> Float[Array, "points channel"]:
        """The window as a path in several dimensions, without units."""
        log_price = jnp.log(path.quote(self.name))
        moves = jnp.diff(log_price)
        sums = [accumulated(x) for x in (jnp.abs(moves), moves**2)]
        columns = [path.times - path.times[0], log_price - log_price[0], *sums]
        if self.vol:
            columns.append(jnp.log(path.quote(f"{self.name}.vol")))
        return jnp.stack(columns, axis=-1) / self.unit

    def raw(self, path: MarketPath) -> Float[Array, " feature"]:
        """The bounded signature, neither centred nor scaled."""
        channels = self.channels(path)
        return bounded(signature(channels, self.depth), channels.shape[1], self.depth, self.bound)

    def __call__(self, path: MarketPath) -> Float[Array, " feature"]:
        return (self.raw(path)[jnp.asarray(self.used)] - self.mean) / self.scale


_raw = eqx.filter_jit(lambda features, windows: jax.vmap(features.raw)(windows))


def _nothing() -> tuple[Array, Array]:
    return as_float(np.zeros(0)), as_float(np.zeros(0))
