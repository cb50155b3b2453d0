import json
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import save
from vector_quantize_pytorch import ResidualVQ

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.quantisation.quantiser import ResidualQuantiser, _drop_repeats, _smallest
from dfe_lib.quantisation.reader import CoefficientReader
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig


def random_model(**settings) -> RvqVae:
    """A model none of whose parts is zero, in float64."""
    settings = {"coefficients": ACTIONS, "codebook_size": 32, "n_stages": 4, "latent_dim": 56} | settings
    model = RvqVae(RvqVaeConfig(**settings), seed=3).double().eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        model.mean.uniform_(0, 0.2, generator=generator)
        model.scale.uniform_(0.1, 0.4, generator=generator)
    return model


def frames(n: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(n, len(ACTIONS), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(
    params=[("joint", True, 1), ("additive", True, 1), ("joint", False, 1), ("additive", True, 4), ("joint", False, 4)],
    ids=lambda kind: "-".join(map(str, kind)),
)
def model(request) -> RvqVae:
    decoder, shared, levels = request.param
    return random_model(decoder=decoder, shared_codebook=shared, levels=levels)


def test_codes_decode_to_the_quantised_vector(model):
    psi = frames(40)
    output = model(psi)
    vectors = model.quantiser.lookup(output.codes)
    torch.testing.assert_close(vectors.sum(1), output.quantised, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.decode(output.codes), output.psi, rtol=0, atol=1e-10)
    assert torch.equal(model.encode(psi), output.codes)


def test_residual_after_each_level_is_the_input_minus_the_codes_so_far(model):
    """With a beam of 1 each code is the one nearest to what the codes before it have left, as the library has it."""
    latent = model.latent(frames(30)).detach()
    quantiser = ResidualQuantiser(latent.shape[1], 32, 4, shared=False, beam=1).double()
    quantiser.codebook.data = model.quantiser.codebooks.detach().clone()
    codes = quantiser.search(latent)
    residual = latent
    for stage, book in enumerate(quantiser.codebooks):
        torch.testing.assert_close(torch.cdist(residual, book).argmin(1), codes[:, stage])
        residual = latent - quantiser.lookup(codes[:, : stage + 1]).sum(1)
    torch.testing.assert_close(residual, latent - quantiser.lookup(codes).sum(1))


def test_beam_of_one_agrees_with_vector_quantize_pytorch():
    z = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    reference = ResidualVQ(dim=8, num_quantizers=3, codebook_size=16, shared_codebook=True).eval()
    ours = ResidualQuantiser(8, 16, 3, beam=1)
    ours.codebook.data = reference.codebooks[:1].detach().clone()
    _, expected, _ = reference(z)
    assert torch.equal(ours.search(z).sort(1).values, expected.sort(1).values)


def test_wide_beam_finds_the_best_sum_and_a_beam_of_one_does_not():
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(100, 6, generator=generator, dtype=torch.float64)
    quantiser = ResidualQuantiser(6, 6, 3, beam=21).double()  # 21 sets of two out of six codes
    quantiser.codebook.data.normal_(generator=generator)
    book = quantiser.codebook[0]
    sums = (book[:, None, None] + book[:, None] + book).reshape(-1, 6)
    best = torch.cdist(z, sums).min(1).values

    def error() -> torch.Tensor:
        return (z - quantiser.lookup(quantiser.search(z)).sum(1)).norm(dim=1)

    torch.testing.assert_close(error(), best)
    quantiser.beam = 1
    assert (error() > best + 1e-6).any()


def test_search_keeps_each_set_of_codes_once():
    marks = torch.tensor([1, 10, 100, 1000, 10000])
    total = torch.zeros(1, 3, 5)
    _drop_repeats(total, torch.tensor([[[1, 2], [2, 3], [1, 1]]]), marks)
    dropped = [(parent, code) for _, parent, code in total.isinf().nonzero().tolist()]
    assert dropped == [(1, 1), (2, 2)]  # {2, 3} + 1 is {1, 2} + 3, and {1, 1} + 2 is {1, 2} + 1


@pytest.mark.parametrize("shape", [(1280, 5), (256, 1), (30, 5), (1000, 7)])
def test_smallest_of_blocks_are_the_smallest(shape):
    cost = torch.randn(50, shape[0], generator=torch.Generator().manual_seed(4))
    value, place = _smallest(cost, shape[1])
    torch.testing.assert_close(value, cost.topk(shape[1], largest=False).values, rtol=0, atol=0)
    assert torch.equal(cost.gather(1, place), value)


def test_shared_codebook_is_one_tensor_and_its_codes_come_coarse_to_fine():
    model = random_model()
    books = model.quantiser.codebooks
    assert {book.data_ptr() for book in books} == {model.quantiser.codebook.data_ptr()}
    assert [name for name in model.state_dict() if "codebook" in name] == ["quantiser.codebook"]
    latent = model.latent(frames(50)).detach()
    vectors = model.quantiser.lookup(model.quantiser.search(latent))
    first = (latent - vectors[:, 0]).norm(dim=1)
    assert all((first <= (latent - other).norm(dim=1) + 1e-9).all() for other in vectors.unbind(1))


def test_separate_codebooks_are_used_by_stage():
    model = random_model(shared_codebook=False)
    codes = model.encode(frames(20))
    book = model.quantiser.codebook
    expected = sum(book[stage][codes[:, stage]] for stage in range(4))
    torch.testing.assert_close(model.quantiser.lookup(codes).sum(1), expected)


@pytest.mark.parametrize("levels", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tokens_of_a_frame_do_not_hang_on_its_batch(dtype, levels):
    model = random_model(codebook_size=256, levels=levels).to(dtype)
    psi = frames(2100).to(dtype)
    codes = model.encode(psi)
    order = torch.randperm(len(psi), generator=torch.Generator().manual_seed(0))
    assert torch.equal(codes[order], model.encode(psi[order]))
    assert torch.equal(codes[:37], model.encode(psi[:37]))
    for i in (0, 1023, 1024, 2099):
        assert torch.equal(codes[i : i + 1], model.encode(psi[i : i + 1]))
        assert torch.equal(model.decode(codes)[i : i + 1], model.decode(codes[i : i + 1]))
    assert model.encode(psi[:0]).shape == (0, 4)


@pytest.mark.parametrize("shared", [True, False])
def test_a_token_is_a_display_at_a_strength(shared):
    model = random_model(decoder="additive", shared_codebook=shared, levels=4)
    tokens = model.encode(frames(50)).numpy()
    displays, levels = model.displays(tokens), model.levels_of(tokens)
    strength, full = model.strengths(), model.display_templates()
    assert strength.shape == (8 if shared else 32, 4) and full.shape == (len(strength), len(ACTIONS))
    np.testing.assert_allclose(model.templates()[model.words(tokens)],
                               strength[displays, levels][..., None] * full[displays], atol=1e-12)  # fmt: skip
    summed = model.still() + (strength[displays, levels][..., None] * full[displays]).sum(1)
    np.testing.assert_allclose(model.decode(torch.as_tensor(tokens)), summed, atol=1e-10)
    assert (strength[:, -1] == 1).all() and (np.diff(strength, axis=1) > 0).all()


def test_one_level_is_a_codebook_without_strengths():
    model = random_model(decoder="additive")
    tokens = model.encode(frames(20)).numpy()
    np.testing.assert_array_equal(model.displays(tokens), tokens)
    assert not model.levels_of(tokens).any() and (model.strengths() == 1).all()
    np.testing.assert_array_equal(model.display_templates(), model.templates())
    assert not any("strength" in name for name in model.state_dict())


@pytest.mark.parametrize("shared", [True, False])
def test_a_face_at_rest_is_token_zero_and_nothing_else_is(shared):
    model = random_model(decoder="additive", shared_codebook=shared, levels=4)
    model.reader = None
    still = torch.as_tensor(model.still())[None]
    assert model.encode(still).tolist() == [[0, 0, 0, 0]]
    np.testing.assert_array_equal(model.decode(torch.zeros(1, 4, dtype=torch.long))[0], model.still())
    nothing = np.flatnonzero(np.abs(model.templates()).max(1) == 0)
    assert nothing.tolist() == ([0] if shared else [0, 32, 64, 96])


def test_a_frame_shows_a_display_once():
    model = random_model(decoder="additive", levels=4)
    tokens = model.encode(frames(300)).numpy()
    displays = np.sort(np.where(tokens == 0, -1 - np.arange(4), model.displays(tokens)), axis=1)
    assert (np.diff(displays, axis=1) > 0).all()
    model.quantiser._same_display = lambda: torch.zeros(32, 32, dtype=torch.bool)
    assert (np.diff(np.sort(model.displays(model.encode(frames(300)).numpy()), axis=1), axis=1) == 0).any()


def test_reader_is_attention_over_the_embedded_coefficients():
    """The folded attention equals the plain one, in which every coefficient's vector is built."""
    reader = CoefficientReader(len(ACTIONS), width=32, depth=1, heads=4, queries=2).double()
    reader.blocks = torch.nn.ModuleList()
    x = frames(6)
    sequence = x[..., None] * reader.value + reader.identity
    key, value = (part.unflatten(2, (4, 8)).transpose(1, 2) for part in reader.keys_values(sequence).chunk(2, dim=2))
    query = reader.query.unflatten(1, (4, 8)).transpose(0, 1).expand(6, -1, -1, -1)
    read = torch.nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    expected = reader.norm(reader.query + read).flatten(1)
    torch.testing.assert_close(reader(x[None], reader.tables())[0], expected, rtol=0, atol=1e-12)


def test_encoder_sees_which_coefficient_has_the_value():
    model = random_model()
    psi = frames(4)
    tables = model.reader.tables()
    first, moved = (model.reader(rows[None], tables) for rows in (psi, psi.roll(1, dims=1)))
    assert (first - moved).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["quantiser.codebook", "quantiser.strength", "reader.query", "reader.value"])
def test_what_is_kept_of_the_weights_follows_them(name):
    model = random_model(levels=4).eval()
    psi = frames(300)
    before = model.encode(psi)
    weight = model.state_dict()[name]
    state = model.state_dict() | {name: weight.roll(1, 0) if weight.shape[0] > 1 else weight.roll(1, 1)}
    fresh = random_model(levels=4)
    for changed in (model, fresh):
        changed.load_state_dict(state)
    assert not torch.equal(before, model.encode(psi))
    assert torch.equal(model.encode(psi), fresh.encode(psi))


@pytest.mark.parametrize("shared", [True, False])
def test_additive_decoder_adds_up_the_templates_of_its_words(shared):
    model = random_model(decoder="additive", shared_codebook=shared)
    model.quantiser.codebook.data[0, 3] = 0
    assert np.abs(model.templates()[3]).max() < 1e-12
    codes = model.encode(frames(25))
    np.testing.assert_array_equal(model.still(), model.decode(codes[:1, :0])[0])
    summed = model.still() + model.templates()[model.words(codes.numpy())].sum(1)
    np.testing.assert_allclose(model.decode(codes), summed, rtol=0, atol=1e-10)


def test_joint_template_is_one_token_on_the_still_face():
    model = random_model(shared_codebook=False)
    still = model.decode(torch.zeros(1, 0, dtype=torch.long))
    one = model.decode(torch.tensor([[5]]))
    assert model.templates().shape == (4 * 32, len(ACTIONS))
    torch.testing.assert_close(torch.from_numpy(model.templates()[5]), (one - still)[0])


def test_gradient_reaches_encoder_codebook_and_decoder():
    model = random_model().train()
    psi = frames(64)
    (model(psi).psi - psi).square().sum().backward()
    for name in ("reader.value", "analysis", "quantiser.codebook", "synthesis", "mlp.0.weight"):
        assert model.get_parameter(name).grad.abs().max() > 0, name


def test_initial_weights_hang_on_the_seed_alone_and_leave_the_callers_random_state():
    config = RvqVaeConfig(ACTIONS, codebook_size=8)
    torch.manual_seed(1)
    first, state = RvqVae(config, seed=5), torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again, other = RvqVae(config, seed=5), RvqVae(config, seed=6)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.quantiser.codebook, other.quantiser.codebook)


def test_saved_model_is_the_same_to_the_bit(tmp_path, model):
    model = model.float()
    model.save_pretrained(tmp_path / "model")
    loaded = RvqVae.from_pretrained(tmp_path / "model")
    psi = frames(30).float()
    assert loaded.config == model.config
    assert torch.equal(loaded.encode(psi), model.encode(psi))
    assert torch.equal(loaded.decode(loaded.encode(psi)), model.decode(model.encode(psi)))
    loaded.save_pretrained(tmp_path / "again")
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]


def test_wrong_folders_are_explained(tmp_path):
    with pytest.raises(UserError, match="no trained model"):
        RvqVae.from_pretrained(tmp_path / "missing")
    random_model().float().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for change, message in [
        ({"format": 99}, "format"),
        ({"codebook_size": 64}, "do not fit"),
        ({"colour": "red"}, "other settings"),
    ]:
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(UserError, match=message):
            RvqVae.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(UserError, match="cannot be read"):
        RvqVae.from_pretrained(tmp_path)


def test_weights_that_are_not_those_that_were_saved_are_refused(tmp_path):
    model = random_model().float()
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    sound = path.read_bytes()
    path.write_bytes(sound[:-3] + bytes([sound[-3] ^ 1]) + sound[-2:])
    with pytest.raises(UserError, match="sha256"):
        RvqVae.from_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["weights_sha256"]  # as models have it that are older than the sum
    (tmp_path / "config.json").write_text(json.dumps(config))
    RvqVae.from_pretrained(tmp_path)
    model.synthesis.data[0, 0] = torch.nan
    path.write_bytes(save(dict(model.state_dict())))
    with pytest.raises(UserError, match="no finite numbers"):
        RvqVae.from_pretrained(tmp_path)


def test_strengths_that_are_none_are_refused(tmp_path):
    model = random_model(levels=4).float()
    model.save_pretrained(tmp_path)
    assert RvqVae.from_pretrained(tmp_path).config == model.config
    model.quantiser.strength[0, 3, 1] = -1
    model.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="strengths"):
        RvqVae.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"levels": 2**40},
        {"n_stages": 10_000},
        {"n_stages": 2**40},
        {"latent_dim": 2**40},
        {"decoder_width": 4096, "latent_dim": 4096, "codebook_size": 32768, "width": 4096, "depth": 64},
        {"codebook_size": 32768, "shared_codebook": False},
        {"beam": 10**9},
        {"n_stages": 64, "beam": 64},
        {"coefficients": [f"c{i}" for i in range(5000)]},
    ],
)
def test_sizes_in_a_file_cost_neither_time_nor_memory(tmp_path, change):
    random_model().float().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    process = psutil.Process()
    before, began = process.memory_info().rss, time.process_time()
    with pytest.raises(UserError):
        RvqVae.from_pretrained(tmp_path)
    assert time.process_time() - began < 5 and process.memory_info().rss - before < 300e6


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"codebook_size": 1}, "codebook_size"),
        ({"n_stages": 0}, "n_stages"),
        ({"latent_dim": True}, "latent_dim"),
        ({"width": 31}, "multiple"),
        ({"decoder": "sum"}, "additive"),
        ({"coefficients": ("jawOpen", "jawOpen")}, "twice"),
        ({"coefficients": ()}, "at least one"),
        ({"levels": 3}, "multiple of levels"),
        ({"levels": 0}, "levels"),
        ({"metric": "inches"}, "balanced"),
        ({"region_weights": (("jaw", -1.0),)}, "positive number"),
        ({"region_weights": ("jaw",)}, "positive number"),
    ],
)
def test_config_names_the_setting_that_is_wrong(setting, word):
    with pytest.raises(UserError, match=word):
        RvqVaeConfig(**({"coefficients": ACTIONS} | setting))


def test_encode_names_the_wrong_width():
    with pytest.raises(UserError, match="52 coefficients"):
        random_model().encode(torch.rand(3, 51))


LEAST_SECONDS = """
import time, torch
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae

def least(psi):
    tries = []
    for _ in range(15):
        start = time.thread_time()
        model.encode(psi)
        tries.append(time.thread_time() - start)
    return min(tries)

torch.set_num_threads(1)
model, psi = RvqVae.from_pretrained(STUDY_MODEL), torch.rand(1024, 52)
print(least(psi[:1]), least(psi))
"""
"""Of a few tries, in one thread's processor time, so that other programs count little."""


def test_a_frame_alone_does_not_cost_what_a_thousand_do():
    # in a process of its own: here the checks of shapes would be most of a frame's time
    run = subprocess.run([sys.executable, "-c", LEAST_SECONDS], capture_output=True, text=True, check=True)
    alone, thousand = map(float, run.stdout.split())
    assert alone < thousand / 8


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("levels", [1, 4])
def test_faces_out_of_the_table_of_changes_are_bit_for_bit_those_of_the_decoder(shared, levels):
    model = random_model(decoder="additive", shared_codebook=shared, levels=levels).float()
    codes = torch.randint(32, (77, 4), generator=torch.Generator().manual_seed(0))
    direct = RvqVae(model.config)
    direct.load_state_dict(model.state_dict())
    assert torch.equal(model.decode(codes), direct.train().decode(codes))
    model.varies[0] = 0  # the table is made anew
    assert torch.equal(model.decode(codes)[:, 0], model.mean[:1].expand(77))
