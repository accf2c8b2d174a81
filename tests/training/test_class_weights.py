"""Class weights against the counted values of Cityscapes, what stands for them, and those that a run keeps."""

import json

import numpy as np
import pytest

from seglab import runs
from seglab.data.statistics import ClassStatistics
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.training import class_weights
from seglab.training.build import build

LABELS = label_space("cityscapes_19")
# All 2975 fine training masks: pixels, images that contain the class, and the published or separately computed weights.
COLUMNS = ("pixels", "images", "median", "enet_labelled", "enet_all", "erfnet", "inverse_sum_1", "inverse")
COUNTED = """
2036416525 2934 0.0557 3.045 3.362 2.816 0.00061 0.143
336090793 2811 0.3234 12.862 14.032 6.987 0.00368 0.865
1260636120 2934 0.0900 4.510 4.987 3.789 0.00098 0.231
36199498 970 1.0360 38.157 39.254 9.943 0.03412 8.030
48454166 1296 1.0341 35.253 36.513 9.771 0.02549 5.999
67789506 2949 1.6820 31.483 32.896 9.511 0.01822 4.288
11477088 1658 5.5854 45.792 46.287 10.311 0.10762 25.329
30448193 2808 3.5656 39.694 40.690 10.026 0.04057 9.547
879783988 2891 0.1270 6.064 6.698 4.631 0.00140 0.330
63949536 1654 1.0000 32.165 33.555 9.562 0.01931 4.546
221979646 2686 0.4678 17.109 18.488 7.865 0.00556 1.310
67326424 2343 1.3455 31.563 32.974 9.517 0.01835 4.318
7463162 1023 5.2997 47.334 47.677 10.374 0.16550 38.951
386328286 2832 0.2834 11.611 12.700 6.663 0.00320 0.752
14772328 359 0.9396 44.600 45.205 10.261 0.08361 19.679
12990290 274 0.8155 45.237 45.784 10.288 0.09508 22.378
12863955 142 0.4268 45.283 45.825 10.290 0.09602 22.598
5449152 513 3.6399 48.148 48.406 10.405 0.22667 53.348
22861233 1646 2.7838 41.925 42.756 10.138 0.05403 12.716
"""
TABLE = dict(zip(COLUMNS, np.array([line.split() for line in COUNTED.split("\n")[1:-1]], float).T, strict=True))
SIZE = 2048 * 1024


def statistics(pixels, images_with, *, pixels_of_images_with=None, images=2975, void=None, names=LABELS.names):
    total = images * SIZE
    return ClassStatistics(
        labels="test",
        names=tuple(names),
        images=images,
        pixels=tuple(int(value) for value in pixels),
        images_with=tuple(int(value) for value in images_with),
        pixels_of_images_with=tuple(pixels_of_images_with or (int(value) * SIZE for value in images_with)),
        void=total - int(sum(pixels)) if void is None else void,
        content="",
    )


@pytest.fixture
def cityscapes():
    return statistics(TABLE["pixels"], TABLE["images"])


def never_counted():
    raise AssertionError("a list needs no statistics")


def test_the_counted_statistics_are_those_of_the_data_set(cityscapes):
    assert cityscapes.void_share == pytest.approx(0.1147, abs=5e-5)
    assert cityscapes.classes_per_image == pytest.approx(11.67, abs=0.005)
    assert cityscapes.shares[0] == pytest.approx(0.368697, abs=1e-6)


@pytest.mark.parametrize(
    ("scheme", "column", "tolerance"),
    [
        (class_weights.inverse, "inverse", 5e-4),
        (class_weights.median_frequency, "median", 5e-5),
        (class_weights.enet, "enet_all", 5e-4),
        (class_weights.erfnet, "erfnet", 5e-4),
    ],
)
def test_cityscapes(cityscapes, scheme, column, tolerance):
    np.testing.assert_allclose(scheme(cityscapes), TABLE[column], atol=tolerance * 1.01, rtol=0)


def test_inverse_with_sum_1(cityscapes):
    weights = class_weights.inverse(cityscapes)
    np.testing.assert_allclose(weights / weights.sum(), TABLE["inverse_sum_1"], atol=5.1e-6)


def test_enet_of_a_split_without_void():
    without_void = statistics(TABLE["pixels"], TABLE["images"], void=0)
    np.testing.assert_allclose(class_weights.enet(without_void), TABLE["enet_labelled"], atol=5.1e-4)


def test_sqrt_inverse_is_worked_by_hand():
    two = statistics([75, 25], [1, 1], names="ab")
    np.testing.assert_allclose(class_weights.sqrt_inverse(two), [(3 / 4) ** -0.5, 2.0])


def test_effective_number_of_images(cityscapes):
    weights = dict(zip(LABELS.names, class_weights.effective_number(cityscapes, beta=0.999), strict=True))
    expected = {"road": 0.57, "train": 4.06, "bus": 2.24, "truck": 1.78, "motorcycle": 1.34}
    assert {name: weights[name] for name in expected} == pytest.approx(expected, abs=0.0101)
    assert sum(weights.values()) == pytest.approx(19)


def test_effective_number_of_pixels_needs_a_beta_near_1(cityscapes):
    weights = class_weights.effective_number(cityscapes, beta=0.999999, of="pixels")
    assert weights.min() >= 0.9995
    assert weights.max() <= 1.0045
    assert class_weights.effective_number(cityscapes, beta=1 - 1e-9, of="pixels").max() > 2


@pytest.mark.parametrize("scheme", class_weights.SCHEMES.values(), ids=class_weights.SCHEMES)
def test_a_class_that_never_occurs_gets_0_and_changes_no_other_weight_of_a_loss(scheme):
    with_it = scheme(statistics([60, 0, 20], [4, 0, 2], images=4, names="abc", void=20))
    without = scheme(statistics([60, 20], [4, 2], images=4, names="ac", void=20))
    assert with_it[1] == 0
    assert np.isfinite(with_it).all()
    assert with_it[0] / with_it[2] == pytest.approx(without[0] / without[1])


def test_a_scheme_is_computed_from_the_counts(cityscapes):
    weights = class_weights.resolve("enet", LABELS, count=lambda: cityscapes)
    assert weights == class_weights.enet(cityscapes).tolist()


def test_effective_number_takes_beta_and_what_to_count(cityscapes):
    asked = "effective_number:0.999999999:pixels"
    expected = class_weights.effective_number(cityscapes, beta=0.999999999, of="pixels")
    assert class_weights.resolve(asked, LABELS, count=lambda: cityscapes) == expected.tolist()


@pytest.mark.parametrize("asked", ["effective_number:2", "effective_number:x", "effective_number:0.9:pixel"])
def test_effective_number_refuses_other_options(asked):
    with pytest.raises(SeglabError, match=r"expected effective_number:BETA or .* 0 < BETA < 1"):
        class_weights.resolve(asked, LABELS, count=never_counted)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(SeglabError, match="did you mean 'median_frequency'"):
        class_weights.resolve("median_freqency", LABELS, count=never_counted)
    with pytest.raises(SeglabError, match="did you mean 'cityscapes_erfnet'"):
        class_weights.resolve("cityscapes_erfnett", LABELS, count=never_counted)


@pytest.mark.parametrize("path", sorted(class_weights.FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_published_list_is_whole(path):
    labels = label_space("camvid_11" if path.stem.startswith("camvid") else "cityscapes_19")
    assert f"labels: {labels.name}\n" in path.read_text()
    weights = class_weights.resolve(path.stem, labels, count=never_counted)
    assert min(weights) > 0


def test_the_published_lists_are_what_the_formulas_give(cityscapes):
    for name, scheme in (("enet", class_weights.enet), ("erfnet", class_weights.erfnet)):
        published = class_weights.resolve(f"cityscapes_{name}", LABELS, count=never_counted)
        np.testing.assert_allclose(published, scheme(cityscapes), atol=0.005)


def test_a_list_of_another_data_set_is_refused():
    with pytest.raises(SeglabError, match=r"expected the 11 classes of camvid_11; missing .*pavement"):
        class_weights.resolve("cityscapes_enet", label_space("camvid_11"), count=never_counted)


def test_a_file_of_the_user(tmp_path):
    weights = [1e-5, *range(1, 19)]
    (tmp_path / "mine.json").write_text(json.dumps(weights))
    assert class_weights.resolve(str(tmp_path / "mine.json"), LABELS, count=never_counted) == weights
    (tmp_path / "mine.yaml").write_text(class_weights.as_text(weights, LABELS, comment="mine"))
    assert class_weights.resolve(str(tmp_path / "mine.yaml"), LABELS, count=never_counted) == weights


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2, 3]", "expected 19 weights, one for each class of cityscapes_19; got 3"),
        ("weights: much", "expected a list of numbers"),
        ("[1, two]", "expected a list of numbers"),
        ("a: [", "expected a YAML or JSON file with weights"),
        ("7", "expected a YAML or JSON file with weights"),
        (f"[{', '.join(['1'] * 18)}, -1]", r"finite weights >= 0, not all of them 0; got bicycle: -1"),
        (f"[{', '.join(['1'] * 18)}, .inf]", "got bicycle: inf"),
        (f"[.nan, {', '.join(['1'] * 18)}]", "got road: nan"),
        (f"[{', '.join(['0'] * 19)}]", "got nothing but 0"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(SeglabError, match=message) as error:
        class_weights.resolve(str(path), LABELS, count=never_counted)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SeglabError, match="No such file or directory - a relative path begins at"):
        class_weights.resolve(str(tmp_path / "none.yaml"), LABELS, count=never_counted)


@pytest.fixture
def weighted(tiny_config, tmp_path):
    """`weighted("loss.class_weights=enet")`: the configuration with numbers, as a run in `tmp_path` gets it."""

    def numbers(*overrides: str):
        return class_weights.with_class_weights(runs.plain(tiny_config(*overrides)), tmp_path)

    return numbers


def test_a_scheme_is_counted_on_the_training_split_and_kept_with_the_run(weighted, tmp_path, monkeypatch):
    weights = weighted("loss.class_weights=enet")["loss"]["class_weights"]
    assert len(weights) == 19
    assert weights[0] == min(weight for weight in weights if weight > 0)  # road is the commonest
    kept = json.loads((tmp_path / "class_weights.json").read_text())["loss.class_weights"]
    assert kept["asked"] == "enet"
    assert list(kept["weights"].values()) == weights
    monkeypatch.setattr(class_weights, "class_statistics", lambda *_, **__: pytest.fail("counted again"))
    assert weighted("loss.class_weights=enet")["loss"]["class_weights"] == weights


def test_other_runs_use_the_same_counts(weighted, tmp_path, monkeypatch):
    weights = weighted("loss.class_weights=enet")["loss"]["class_weights"]
    (tmp_path / "class_weights.json").unlink()
    monkeypatch.setattr("seglab.data.statistics.map_samples", lambda *_, **__: pytest.fail("counted again"))
    assert weighted("loss.class_weights=enet")["loss"]["class_weights"] == weights


def test_the_terms_of_a_compound_have_weights_of_their_own(weighted):
    loss = weighted("loss=ce_dice", "loss.losses.ce.class_weights=cityscapes_erfnet")["loss"]
    assert loss["losses"]["ce"]["class_weights"][0] == 2.816
    assert loss["losses"]["dice"]["class_weights"] is None


def test_numbers_and_null_stay_as_they_are(weighted, tmp_path):
    assert weighted()["loss"]["class_weights"] is None
    assert weighted(f"loss.class_weights={[1] * 19}")["loss"]["class_weights"] == [1] * 19
    assert not (tmp_path / "class_weights.json").exists()


def test_an_unknown_name_is_refused(weighted):
    with pytest.raises(SeglabError, match="did you mean 'enet'"):
        weighted("loss.class_weights=enett")


def test_a_run_is_built_and_loaded_with_its_weights(tiny_config, tmp_path):
    config = runs.plain(tiny_config("loss.class_weights=cityscapes_erfnet"))
    run = build(config, tmp_path)
    assert run.module.loss.class_weights[0].item() == pytest.approx(2.816)
