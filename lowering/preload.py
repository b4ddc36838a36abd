"""What every child of `lowering.build` needs, imported once, in the server that they are forks of.

Importing this module does it: that is how `multiprocessing` prepares such a server.
"""

from importlib import import_module

from lowering.build import be_quiet

NEEDED = (
    "executorch.backends.xnnpack.partition.xnnpack_partitioner",
    "lowering.export",
    "lowering.inspect",
    "lowering.runtime",
    "lowering.static",
    "lowering.verify",
    "model.pair",
    "model.prepare",
    "quantization.apply",
)

be_quiet()  # they print warnings by the dozen
for name in NEEDED:
    import_module(name)
