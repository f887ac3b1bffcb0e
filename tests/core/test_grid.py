from datetime import date

import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import TimeGrid
from deephedge.core.errors import GridError


@pytest.mark.parametrize("maturity, steps", [(30 / 365, 30), (1.0, 252), (0.1, 3), (30.0, 1), (1 / 3, 1000), (5.0, 7)])
def test_n_steps_have_n_plus_one_points_and_end_on_the_maturity(maturity, steps):
    grid = TimeGrid.uniform(maturity=maturity, steps=steps)
    assert (grid.steps, grid.points, grid.times.shape) == (steps, steps + 1, (steps + 1,))
    assert float(grid.times[0]) == 0.0
    assert float(grid.times[-1]) == np.float32(maturity)
    np.testing.assert_allclose(grid.dt, maturity / steps, rtol=2e-3 if steps > 500 else 1e-4)


def test_dates_become_years_under_the_day_count():
    days = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2025, 2, 27)]
    np.testing.assert_allclose(TimeGrid.from_dates(days).times, [0, 1 / 365, 2 / 365, 1.0], rtol=1e-6)
    np.testing.assert_allclose(TimeGrid.from_dates(days, "act/360").times, np.array([0, 1, 2, 365]) / 360, rtol=1e-6)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: TimeGrid([0.0]), "two times"),
        (lambda: TimeGrid([[0.0, 1.0]]), "two times"),
        (lambda: TimeGrid([0.0, 1.0, 1.0]), "increasing"),
        (lambda: TimeGrid([0.0, 2.0, 1.0]), "increasing"),
        (lambda: TimeGrid([0.0, float("nan")]), "finite"),
        (lambda: TimeGrid.uniform(1.0, 0), "steps"),
        (lambda: TimeGrid.uniform(-1.0, 2), "maturity"),
        (lambda: TimeGrid.uniform(float("inf"), 2), "maturity"),
        (lambda: TimeGrid.from_dates([date(2024, 1, 1)]), "two dates"),
        (lambda: TimeGrid.from_dates([date(2024, 1, 2), date(2024, 1, 1)]), "increasing"),
        (lambda: TimeGrid.from_dates([date(2024, 1, 1), date(2024, 1, 2)], "30/360"), "day_count"),
    ],
)
def test_times_that_are_no_grid_are_refused_in_words(make, says):
    with pytest.raises(GridError, match=says):
        make()


def test_a_grid_is_an_array_and_can_be_traced():
    import jax

    steps = jax.jit(lambda t: TimeGrid(t).dt.sum())(jnp.array([0.0, 0.5, 2.0]))
    assert float(steps) == 2.0
