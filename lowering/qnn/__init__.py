"""Qualcomm's HTP, the NPU of Snapdragons: compiler and simulator, found, fitted and driven."""
