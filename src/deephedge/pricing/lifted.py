r"""The lifted Heston model of Abi Jaber (2019): its kernel, and European options by one Fourier integral.

.. math:: V_t = V_0 + \sum_i c_i U^i_t, \qquad dU^i = \big(-x_iU^i + \lambda(\theta-V)\big)dt + \nu\sqrt V\,dW, \quad
    U^i_0 = 0, \qquad dS = S\sqrt V\,dB, \quad d\langle W,B\rangle=\rho\,dt.

``variance`` (:math:`V_0`) and ``theta`` are squared volatilities per year, ``kappa`` (:math:`\lambda`), ``sigma``
(:math:`\nu`) and ``speeds`` per year, ``weights`` (:math:`c_i`) such that the kernel :math:`\sum_ic_ie^{-x_it}` stands
for :math:`t^{H-1/2}/\Gamma(H+1/2)`; ``tau`` in years. The mean of :math:`V` is flat where :math:`V_0=\theta`.
"""

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import gammaln
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from deephedge.pricing import fourier
from deephedge.pricing.heston import lag
from deephedge.pricing.normal import alike

FACTORS, RATIO = 20, 2.5  # Abi Jaber's choice
STEPS = 160  # of the Riccati equations
NODES = fourier.NODES


def kernel(
    hurst: ArrayLike, factors: int = FACTORS, ratio: ArrayLike = RATIO
) -> tuple[Float[Array, " factor"], Float[Array, " factor"]]:
    r"""(weights, speeds) of the sum of exponentials that stands for the kernel of rough volatility.

    With :math:`\alpha=H+1/2` the kernel is :math:`\int_0^\infty e^{-xt}\mu(dx)`,
    :math:`\mu(dx)=x^{-\alpha}dx/(\Gamma(\alpha)\Gamma(1-\alpha))`. Each factor takes the mass and the mean of one piece
    of :math:`[r^{-n/2},r^{n/2}]`, cut at whole powers of the ``ratio`` :math:`r>1`:

    .. math:: c_i = \frac{(r^{1-\alpha}-1)\,r^{(1-\alpha)(i-1-n/2)}}{\Gamma(\alpha)\Gamma(2-\alpha)}, \qquad
        x_i = \frac{1-\alpha}{2-\alpha}\,\frac{r^{2-\alpha}-1}{r^{1-\alpha}-1}\,r^{i-1-n/2}.

    Source: Abi Jaber (2019), who takes 20 factors and 2.5.

    >>> weights, speeds = kernel(0.1)
    >>> [round(float(weights @ jnp.exp(-speeds * t) * t**0.4), 3) for t in (0.01, 0.1, 1.0)]  # 1 / Gamma(0.6) = 0.672
    [0.656, 0.651, 0.639]
    """
    hurst, ratio = alike(hurst, ratio)
    rest, whole = 0.5 - hurst, 1.5 - hurst
    log_ratio = jnp.log(ratio)
    order = log_ratio * (jnp.arange(factors, dtype=log_ratio.dtype) - 0.5 * factors)
    rise = jnp.expm1(rest * log_ratio)
    weights = rise * jnp.exp(rest * order - gammaln(hurst + 0.5) - gammaln(1.5 - hurst))
    return weights, rest / whole * jnp.expm1(whole * log_ratio) / rise * jnp.exp(order)


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    variance: ArrayLike,
    tau: ArrayLike,
    kappa: ArrayLike,
    theta: ArrayLike,
    sigma: ArrayLike,
    rho: ArrayLike,
    weights: Float[Array, " factor"],
    speeds: Float[Array, " factor"],
    call: ArrayLike = True,
    nodes: int = NODES,
    steps: int = STEPS,
) -> Float[Array, "..."]:
    r"""Price of a European call or put at time 0, in cash at expiry, not discounted.

    Error: 1e-7 of the larger of forward and strike, from a week to two years at Abi Jaber's parameters.

    The integral of `deephedge.pricing.fourier`; with :math:`s=iu+1/2`, :math:`s(1-s)=u^2+1/4` and
    :math:`\psi_i=(u^2+1/4)\chi_i`,

    .. math:: \chi_i' = -x_i\chi_i + F(w), \quad w = \sum_jc_j\chi_j, \quad
        F(w) = -\tfrac12 + (\rho\nu s-\lambda)w + \tfrac{\nu^2}2(u^2+\tfrac14)w^2, \qquad
        \frac{\log\phi(u)}{u^2+1/4} = \int_0^\tau V_0F(w)+\lambda\theta w\,dt.

    The Riccati equations are solved on ``steps`` steps that are short where the kernel is singular: factors decay
    exactly, :math:`F` is a line over each step (order 2), and the value at the end is the root of a quadratic, so that
    no speed and no frequency is too stiff.

    Source: Abi Jaber (2019); the factor is cancelled by hand.

    >>> round(float(price(100.0, 100.0, 0.02, 0.5, 0.3, 0.02, 0.3, -0.7, *kernel(0.1))), 3)
    3.27
    """
    forward, strike, variance, tau, kappa, theta, sigma, rho = alike(
        forward, strike, variance, tau, kappa, theta, sigma, rho
    )
    tau = jnp.maximum(tau, 0.0)
    wide = [x[..., None] for x in (variance, tau, kappa, theta, sigma, rho)]
    nothing = jnp.zeros_like(tau)[..., None]
    mean = exponent(
        lax.complex(nothing, nothing + 0.5), 0.0 * lax.complex(nothing, nothing), wide, weights, speeds, steps
    )
    of = fourier.terms(forward, strike, -2.0 * jnp.real(mean)[..., 0], tau)
    wide[1] = of.time[..., None]
    # Which way the integrand turns, and how fast it decays, is read off the function where most of it is gone.
    far = 8.0 / jnp.sqrt(of.total)
    seen = far[..., None] + 0.0j
    gone = (far**2 + 0.25) * exponent(seen, seen**2 + 0.25, wide, weights, speeds, steps)[..., 0]
    tilt = fourier.angle(of, -jnp.real(gone), jnp.imag(gone) + far * of.moneyness)
    return fourier.price(of, lambda ray, square: exponent(ray, square, wide, weights, speeds, steps), tilt, call, nodes)


def exponent(
    ray: Complex[Array, "..."],
    square: Complex[Array, "..."],
    model: list[Float[Array, "..."]],
    weights: Float[Array, " factor"],
    speeds: Float[Array, " factor"],
    steps: int = STEPS,
) -> Complex[Array, "..."]:
    """``log phi(u) / (u^2 + 1/4)``; the ``model`` is (variance, tau, kappa, theta, sigma, rho), shaped to broadcast."""
    variance, tau, kappa, theta, sigma, rho = model
    slope = rho * sigma * (1j * ray + 0.5) - kappa
    bend = 0.5 * sigma**2 * square
    whole = jnp.arange(steps + 1, dtype=tau.dtype) / steps
    mesh = whole**3

    def advance(state, ends):
        chi, w, rate, total = state
        h = (ends[1] - ends[0]) * tau
        far = speeds * h[..., None]
        late = lag(far) / speeds  # weight of the rate at the end of the step, and at its start
        early = h[..., None] * (1.0 - lag(far)) - late
        known = jnp.exp(-far) * chi + early * rate[..., None]
        whole, push = jnp.sum(weights * known, -1), jnp.sum(weights * late, -1)
        free, line = whole - 0.5 * push, 1.0 - push * slope
        after = 2.0 * free / (line + jnp.sqrt(line * line - 4.0 * push * bend * free))
        moved = -0.5 + slope * after + bend * after * after
        area = 0.5 * h * (variance * (rate + moved) + kappa * theta * (w + after))
        return (known + late * moved[..., None], after, moved, total + area), None

    still = jnp.zeros_like(slope * bend * tau)
    start = (jnp.zeros((*still.shape, speeds.size), still.dtype), still, still - 0.5, still)
    ends = jnp.stack([mesh[:-1], mesh[1:]], axis=-1)
    return lax.scan(advance, start, ends)[0][3]
