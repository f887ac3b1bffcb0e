r"""The GARCH model of Heston and Nandi (2000): European options by a recursion and one Fourier integral.

.. math:: \log S_{t+1}/F_{t+1} - \log S_t/F_t = -\tfrac12h_{t+1} + \sqrt{h_{t+1}}\,z_{t+1}, \qquad
    h_{t+2} = \omega + \beta h_{t+1} + \alpha\,(z_{t+1}-\gamma\sqrt{h_{t+1}})^2.

All variances are per step, not per year, and :math:`\gamma` is that of the pricing measure: the historical one plus the
premium of the variance plus one half. ``variance`` is that of the next step, which is known today.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from deephedge.pricing import fourier
from deephedge.pricing.heston import log1p
from deephedge.pricing.normal import alike


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    variance: ArrayLike,
    steps: int,
    omega: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike,
    gamma: ArrayLike,
    call: ArrayLike = True,
    nodes: int = fourier.NODES,
) -> Float[Array, "..."]:
    r"""Price of a European call or put ``steps`` steps ahead, in cash at expiry, not discounted.

    The integral of `deephedge.pricing.fourier`. With :math:`s=iu+1/2`, so that :math:`s(1-s)=u^2+1/4=:q`, the exponent
    over :math:`q` is :math:`a+b\,h`, both 0 at expiry, and one step earlier

    .. math:: b' = -\tfrac12+\beta b+\frac{\alpha(s-\gamma)^2b}{1-2\alpha qb}, \qquad
        a' = a+\omega b-\frac{\log(1-2\alpha qb)}{2q}.

    Source: Heston and Nandi (2000), the recursion of their generating function; the factor is cancelled by hand.

    >>> round(float(price(100.0, 100.0, 1.6e-4, 60, 5e-6, 1e-6, 0.6, 400.0)), 3)
    1.806
    """
    forward, strike, variance, omega, alpha, beta, gamma = alike(forward, strike, variance, omega, alpha, beta, gamma)
    total = expected_total_variance(variance, steps, omega, alpha, beta, gamma)
    of = fourier.terms(forward, strike, total, jnp.full_like(total, steps))
    wide = [x[..., None] for x in (variance, omega, alpha, beta, gamma)]
    far = 6.0 / jnp.sqrt(of.total)
    seen = far[..., None] + 0.0j
    gone = (far**2 + 0.25) * exponent(seen, seen**2 + 0.25, steps, wide)[..., 0]
    tilt = fourier.angle(of, -jnp.real(gone), jnp.imag(gone) + far * of.moneyness)
    return fourier.price(of, lambda ray, square: exponent(ray, square, steps, wide), tilt, call, nodes)


def expected_total_variance(
    variance: ArrayLike, steps: int, omega: ArrayLike, alpha: ArrayLike, beta: ArrayLike, gamma: ArrayLike
) -> Float[Array, "..."]:
    r"""Expected sum of the variances of the next ``steps`` steps.

    Each follows the one before as :math:`\omega+\alpha+(\beta+\alpha\gamma^2)h`.

    >>> round(float(expected_total_variance(1e-4, 2, 1e-6, 1e-6, 0.8, 0.0)), 9)
    0.000182
    """
    variance, omega, alpha, beta, gamma = alike(variance, omega, alpha, beta, gamma)
    base, memory = omega + alpha, beta + alpha * gamma**2

    def advance(_, state: tuple[Array, Array]) -> tuple[Array, Array]:
        return base + memory * state[0], state[1] + state[0]

    return lax.fori_loop(0, steps, advance, (variance, jnp.zeros_like(variance)))[1]


def exponent(
    ray: Complex[Array, "..."], square: Complex[Array, "..."], steps: int | Array, model: list[Float[Array, "..."]]
) -> Complex[Array, "..."]:
    """``log phi(u) / (u^2 + 1/4)``; the ``model`` is (variance, omega, alpha, beta, gamma), shaped to broadcast.

    ``steps`` may be an array that broadcasts too: the recursion then runs to the largest of them.
    """
    variance, omega, alpha, beta, gamma = model
    lean = alpha * (1j * ray + 0.5 - gamma) ** 2

    def earlier(n: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        a, b = state
        part = -2.0 * alpha * square * b
        after = a + omega * b - 0.5 * log1p(part) / square, -0.5 + beta * b + lean * b / (1.0 + part)
        return after if most is steps else jax.tree.map(lambda new, old: jnp.where(n < steps, new, old), after, state)

    nothing = jnp.zeros_like(lean * square * variance)
    most = steps if isinstance(steps, int) else jnp.max(steps)
    a, b = lax.fori_loop(0, most, earlier, (nothing, nothing))
    return a + b * variance
