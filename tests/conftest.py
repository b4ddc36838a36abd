import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = ["standin_phone.fixtures"]


@pytest.fixture(autouse=True)
def _terminal_of_one_width(monkeypatch):
    """Lines wrap in the same places wherever tests run."""
    monkeypatch.setenv("COLUMNS", "100")
