"""What all tests share: how their programs are compiled, and which files are long proofs."""

import os

# The compiler's older emitters, and one part a program, need a third less time; before the first program is compiled.
QUICKER = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICKER}".strip()

import jax  # noqa: E402
import pytest  # noqa: E402

WITH_ALL_PASSES = (
    "test_cli.py", "studies/", "policies/test_network.py", "markets/test_calibrate_options.py",
    "data/text/test_vectors.py",
)  # fmt: skip
# Long proofs of single markets and fits: marked slow, run by `make proofs` and left out of `make test`, which holds the
# laws that every member passes.
PROOFS = (
    "data/surfaces/test_fits.py", "data/surfaces/test_real_chains.py", "evaluation/test_attribution.py",
    "evaluation/test_importance.py",
    "evaluation/test_sensitivities.py", "features/test_feature_greeks.py", "frictions/test_limits.py",
    "instruments/test_exercise.py", "laws/test_relations.py",
    "instruments/test_asian.py", "instruments/test_autocallable.py", "instruments/test_barrier.py",
    "instruments/test_bermudan.py", "instruments/test_bond_future.py", "instruments/test_callable.py",
    "instruments/test_cliquet.py", "instruments/test_convertible.py", "instruments/test_credit_index.py",
    "instruments/test_fx.py", "instruments/test_lookback.py", "instruments/test_quanto.py",
    "instruments/test_rates_contracts.py", "instruments/test_rolling.py", "instruments/test_swing.py",
    "instruments/test_variance.py", "markets/test_bachelier_market.py", "markets/test_bates.py",
    "markets/test_black_karasinski.py", "markets/test_calibrate.py", "markets/test_calibrate_briefly.py",
    "markets/test_calibrate_commodity.py", "markets/test_calibrate_history.py", "markets/test_calibrate_lattice.py",
    "markets/test_calibrate_options.py", "markets/test_calibrate_rates.py", "markets/test_calibrate_rough.py",
    "markets/test_cir_market.py", "markets/test_clock.py", "markets/test_commodity.py", "markets/test_copula.py",
    "markets/test_credit.py", "markets/test_curve_factors.py", "markets/test_dcc.py", "markets/test_dividends.py",
    "markets/test_fx.py", "markets/test_fx_heston.py", "markets/test_g2.py", "markets/test_garch.py",
    "markets/test_generative.py", "markets/test_heston.py", "markets/test_heston_nandi.py", "markets/test_joint.py",
    "markets/test_jump_to_default.py", "markets/test_jumps.py", "markets/test_lifted.py", "markets/test_local.py",
    "markets/test_lognormal_hazard.py", "markets/test_mixture.py", "markets/test_nelson_siegel.py",
    "markets/test_panel.py", "markets/test_power.py",
    "markets/test_rates.py", "markets/test_rating.py", "markets/test_regime_bootstrap.py",
    "markets/test_regimes.py", "markets/test_rough.py",
    "markets/test_sabr.py", "markets/test_slv.py", "markets/test_surface.py", "markets/test_swap_rate.py",
    "markets/test_uncertain.py", "markets/test_validate.py", "objectives/test_pricing.py",
    "objectives/test_spectral.py", "oracles/test_hodges_neuberger.py", "oracles/test_minimum_variance.py",
    "pricing/test_american.py",
    "pricing/test_autocallable_formula.py", "pricing/test_basket_formulas.py",
    "pricing/test_black_karasinski_formula.py", "pricing/test_cir.py", "pricing/test_cliquet_formula.py",
    "pricing/test_fx_smile.py", "pricing/test_g2_formula.py", "pricing/test_hazard.py", "pricing/test_hullwhite.py",
    "pricing/test_jump_formulas.py", "pricing/test_path_formulas.py", "pricing/test_regimes_formula.py",
    "pricing/test_sabr_formula.py", "pricing/test_schwartz.py", "pricing/test_ssvi.py",
    "pricing/test_variance_formula.py", "training/test_generator.py",
    "training/test_tilt.py",
)  # fmt: skip


def _place(node) -> str:
    return str(node.path).replace(os.sep, "/")


def pytest_collection_modifyitems(items):
    for item in items:
        if _place(item).endswith(PROOFS):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="module")
def _compiled_briefly(request):
    """Half the time to compile for slower programs; modules that run theirs for long, or time them, keep all passes.

    Programs are dropped after their module: thousands of them fill the memory maps that a process may have, and then
    it dies. A folder of kept programs that a study asked for is forgotten too.
    """
    brief = not any(part in _place(request.node) for part in WITH_ALL_PASSES)
    folder = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_disable_most_optimizations", brief)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.clear_caches()
