"""nn.Module to smaller nn.Module: torchao schemes by name, with their coverage."""
