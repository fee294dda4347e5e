import numpy as np
import pytest

from seehear.acoustics.sphere import encode
from seehear.adapters import builtin_codec
from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.foley import synthesize
from seehear.metrics.reconstruction import intensity_error_rad, mel_distance, snr_db
from seehear.types import InputError


@pytest.fixture(scope="module")
def codec() -> BuiltinCodec:
    return BuiltinCodec()


@pytest.fixture(scope="module")
def bark() -> np.ndarray:
    """A sound with a seed that the weights were not learned from."""
    return synthesize("dog", 2.0, 24_000, np.random.default_rng(4321)).samples


def test_the_codec_is_what_it_says(codec):
    """Published numbers: 24 kHz, 50 frames of four codes of 255 per second, 1.6 kbit/s; the hash of the weights in the name."""
    assert (codec.sample_rate_hz, codec.hop_samples, codec.n_codebooks, codec.codebook_size) == (24_000, 480, 4, 255)
    rate = codec.sample_rate_hz / codec.hop_samples * codec.n_codebooks * np.log2(codec.codebook_size)
    assert rate == pytest.approx(1600, rel=1e-2)
    assert codec._entry["sha256"][:12] in codec.name


def test_sign_and_level_are_the_first_book_alone(codec, bark):
    """Closed form: -x has the mirrored codes, 21 dB less (30 steps of 0.7 dB) the same shapes and levels 30 lower."""
    codes, negative, fainter = (codec.encode(x)[0] for x in (bark, -bark, 10 ** (-21 / 20) * bark))
    swapped = np.where(codes[0] > 127, codes[0] - 127, codes[0] + 127) * (codes[0] > 0)
    assert (negative[0] == swapped).all() and (negative[1:] == codes[1:]).all()
    level = np.where(codes[0] > 127, codes[0] - 127, codes[0])
    heard = level > 31
    assert heard.sum() > 8
    assert ((fainter == codes - 30 * (np.arange(4) == 0)[:, None])[:, heard]).mean() > 0.99


def test_silence_is_silence(codec):
    """Closed form: zeros are code 0 in every book, and they are zeros again."""
    codes = codec.encode(np.zeros((4, 2000), np.float32))
    assert codes.shape == (4, 4, 5) and codes.dtype == np.int64 and not codes.any()
    sound = codec.decode(codes)
    assert sound.shape == (4, 2400) and sound.dtype == np.float32 and not sound.any()


def test_a_coded_plane_wave_comes_from_where_it_came(codec, bark):
    """Planted answer: the direction of the wave, to half a degree; rounding each level by 0.35 dB at most allows 3 degrees."""
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = rng.normal(size=3)
        field = encode(bark[0], direction / np.linalg.norm(direction))
        coded = codec.decode(codec.encode(field))[:, : field.shape[1]]
        assert np.rad2deg(intensity_error_rad(coded, field)) < 0.5


def test_the_weights_keep_more_than_no_weights(codec, bark):
    """Published number: more than 1 dB SNR (2.4 dB over recordings, docs/models.md); shapes in another order are none."""
    codes = codec.encode(bark)
    coded = codec.decode(codes)[0, : bark.shape[1]]
    shuffled = codes.copy()
    shuffled[:, 1:] = np.random.default_rng(0).permutation(codes[:, 1:], axis=2)
    other = codec.decode(shuffled)[0, : bark.shape[1]]
    assert snr_db(coded, bark[0]) > 1 > snr_db(other, bark[0])
    assert mel_distance(coded, bark[0], 24_000) < mel_distance(other, bark[0], 24_000)


def test_long_sounds_go_through_in_pieces(codec, bark, monkeypatch):
    """Independent way: pieces of 7 frames give the codes and the sound of the whole, but for ties."""
    codes, sound = codec.encode(bark), codec.decode(codec.encode(bark))
    monkeypatch.setattr(builtin_codec, "PIECE_FRAMES", 7)
    assert (codec.encode(bark) == codes).mean() > 0.999
    assert np.abs(codec.decode(codes) - sound).max() < 1e-5


def test_what_is_no_sound_and_no_code_is_refused(codec):
    """Planted faults: shape, emptiness, numbers that are not finite, unknown codes, unknown weights."""
    for samples in (np.zeros(10, np.float32), np.zeros((1, 0), np.float32), np.full((1, 480), np.nan, np.float32)):
        with pytest.raises(InputError):
            codec.encode(samples)
    for codes in (np.zeros((1, 5, 3), int), np.zeros((1, 4, 0), int), np.full((1, 4, 3), 255), np.full((1, 4, 3), -1)):
        with pytest.raises(InputError):
            codec.decode(codes)
    with pytest.raises(InputError, match="unknown weights 'mine'"):
        _ = BuiltinCodec("mine").hop_samples


def test_near_codes_mean_near_things(codec):
    """Closed form: mirrored codes differ in the sign alone; of levels, neighbours are nearest; shapes are the books' own."""
    vectors, m = codec.code_vectors(), codec.config.n_levels
    first = vectors[0]
    assert vectors.shape[:2] == (codec.n_codebooks, codec.codebook_size)
    np.testing.assert_array_equal(first[1 : m + 1, 1:], first[m + 1 :, 1:])
    np.testing.assert_array_equal(first[1 : m + 1, 0], -first[m + 1 :, 0])
    apart = np.linalg.norm(first[1 : m + 1, None] - first[None, 1 : m + 1], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (np.abs(apart.argmin(1) - np.arange(m)) == 1).all()
    books = codec._net.books.vectors.numpy()
    np.testing.assert_allclose(vectors[1:, 1:] / vectors[1, 1, 0], books / books[0, 0, 0], rtol=1e-4)
    assert not vectors[1:, 0].any()
