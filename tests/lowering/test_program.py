"""What a .pte holds is read from its bytes, and what is no .pte is said in one line."""

import pytest

from lowering.program import read_program
from model.errors import StageFailedError


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 64])
def test_what_is_no_pte_is_one_line(tmp_path, content):
    path = tmp_path / "model.pte"
    path.write_bytes(content)
    with pytest.raises(StageFailedError, match=r"is not a \.pte"):
        read_program(path)


def test_a_pte_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(StageFailedError, match="cannot be read"):
        read_program(tmp_path / "model.pte")


@pytest.mark.slow
def test_delegates_operators_and_bytes_of_a_method_are_found(tmp_path):
    import torch

    from lowering.single import lower_method

    class Embedded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(10, 32)
            self.linear = torch.nn.Linear(32, 64)

        def forward(self, ids):
            return self.linear(self.embedding(ids))

    found = {}
    for backend in ("xnnpack", "portable"):
        inputs = (torch.zeros(1, 4, dtype=torch.long),)
        lowered = lower_method("forward", Embedded(), inputs, scheme="fp32", backend=backend)
        path = tmp_path / f"{backend}.pte"
        path.write_bytes(lowered.pte)
        program = read_program(path)
        assert program.pte_bytes == len(lowered.pte)
        assert list(program.methods) == ["forward"]
        found[backend] = program.methods["forward"]
    assert found["xnnpack"].delegates == {"XnnpackBackend": 1}
    assert found["xnnpack"].other_operators == {"aten::embedding.out": 1}
    assert found["xnnpack"].constant_bytes == 10 * 32 * 4
    assert found["xnnpack"].delegate_bytes > 0
    assert found["xnnpack"].weight_bytes >= 32 * 64 * 4
    assert found["portable"].delegates == {}
    assert found["portable"].constant_bytes == (10 * 32 + 32 * 64 + 64) * 4
    assert found["portable"].delegate_bytes == found["portable"].weight_bytes == 0

    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StageFailedError, match=r"is not a \.pte"):
        read_program(path)
