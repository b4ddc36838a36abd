import pytest

pytest_plugins = ["standin_phone.fixtures"]


@pytest.fixture(autouse=True)
def _terminal_of_one_width(monkeypatch):
    """Lines wrap in the same places wherever tests run."""
    monkeypatch.setenv("COLUMNS", "100")
