"""The native runner: one C++17 program that does what `model.generate.synthesize` does.

No module here is Python; `devices.bundle` compiles `runner.cpp`, and `docs/runner.md` says how it
is called, what it writes and what its exit statuses mean.
"""
