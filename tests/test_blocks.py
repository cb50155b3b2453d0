import torch

from dfe_lib.blocks import BLOCK, BlockLinear, ReadLinear, block_product, by_column, whole_blocks


def test_a_row_is_the_same_in_one_block_and_in_many(monkeypatch) -> None:
    sizes: list[int] = []
    product = torch.baddbmm
    monkeypatch.setattr(torch, "baddbmm", lambda *of: sizes.append(of[1].shape[1]) or product(*of))
    torch.manual_seed(0)
    rows, matrix, offset = torch.randn(5 * BLOCK, 120), torch.randn(120, 52), torch.randn(52)
    many, one = block_product(rows, matrix, offset), block_product(rows[:BLOCK], matrix, offset)
    assert torch.equal(many[:BLOCK], one) and sizes == [BLOCK, BLOCK]
    torch.testing.assert_close(many, rows @ matrix + offset)


def test_a_layer_learns_as_a_plain_one_and_reads_alike() -> None:
    torch.manual_seed(0)
    layer, rows = BlockLinear(7, 3), torch.randn(2 * BLOCK, 7)
    plain = torch.nn.functional.linear(rows, layer.weight, layer.bias)
    assert torch.equal(layer(rows), plain)
    torch.testing.assert_close(layer.eval()(rows), plain)
    torch.testing.assert_close(layer(rows[:3]), plain[:3])


def test_weights_lie_by_column_while_they_are_read_and_by_row_while_they_learn() -> None:
    torch.manual_seed(0)
    layer, rows = ReadLinear(7, 3), torch.randn(2 * BLOCK, 7)
    weight, found = layer.weight.clone(), layer(rows)
    weights = layer.weight
    assert layer.eval().weight.T.is_contiguous() and torch.equal(layer.weight, weight)
    torch.testing.assert_close(layer(rows), found)
    assert layer.train().weight.is_contiguous() and torch.equal(layer(rows), found)
    assert layer.weight is weights  # the one an optimiser knows


def test_products_are_the_same_by_column() -> None:
    torch.manual_seed(0)
    rows, matrix = torch.randn(2 * BLOCK, 120), torch.randn(52, 120)
    torch.testing.assert_close(block_product(rows, by_column(matrix).T), block_product(rows, matrix.T))


def test_the_last_block_is_filled_up() -> None:
    rows = whole_blocks(BLOCK + 1, torch.device("cpu"))
    assert len(rows) == 2 * BLOCK and rows[: BLOCK + 1].tolist() == list(range(BLOCK + 1)) and rows.max() == BLOCK
    assert len(whole_blocks(BLOCK, torch.device("cpu"))) == BLOCK
