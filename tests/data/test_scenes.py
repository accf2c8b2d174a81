"""The drawing of street scenes: repeatable, rightly annotated, with the classes and the imbalance of real streets."""

import numpy as np
import pytest

from seglab.data.scenes import Scene, draw_scene, ids
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX, label_space

HEIGHT, WIDTH = 64, 128
COUNT = 100


def draw(number: int) -> Scene:
    return draw_scene(np.random.default_rng([1, 0, number]), height=HEIGHT, width=WIDTH)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw(number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def pixels(scenes) -> dict[str, np.ndarray]:
    """For each class its pixels in each scene (COUNT,)."""
    space = label_space("cityscapes_19")
    train_ids = [space.lookup[scene.label_ids] for scene in scenes]
    counts = np.array([np.bincount(mask.ravel(), minlength=IGNORE_INDEX + 1) for mask in train_ids])
    return {name: counts[:, train_id] for train_id, name in enumerate(space.names)} | {"void": counts[:, IGNORE_INDEX]}


def test_names_of_ids_are_those_of_the_official_table():
    official = {label.name.upper().replace(" ", "_"): label.id for label in CITYSCAPES_LABELS}
    official["POLE_GROUP"] = official["POLEGROUP"]
    ours = {name: value for name, value in vars(ids).items() if name.isupper()}
    assert ours.pop("UNKNOWN") not in official.values()
    assert ours
    assert ours.items() <= official.items()


def test_a_scene_is_a_function_of_its_generator(scenes):
    again, other = draw(3), draw(4)
    for name in ("image", "label_ids", "instance_ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scenes[3], name))
        assert (getattr(other, name) != getattr(scenes[3], name)).any()


def test_shapes_and_types(scenes):
    for scene in scenes:
        assert (scene.image.shape, scene.image.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
        assert (scene.label_ids.shape, scene.label_ids.dtype) == ((HEIGHT, WIDTH), np.uint8)
        assert (scene.instance_ids.shape, scene.instance_ids.dtype) == ((HEIGHT, WIDTH), np.uint16)


@pytest.mark.parametrize(("height", "width"), [(33, 65), (96, 64), (48, 160)])
def test_any_size_can_be_drawn(height, width):
    for number in range(4):
        scene = draw_scene(np.random.default_rng(number), height=height, width=width)
        assert scene.image.shape == (height, width, 3)
        assert scene.label_ids.shape == scene.instance_ids.shape == (height, width)


def test_label_ids_are_official(scenes):
    assert max(int(scene.label_ids.max()) for scene in scenes) <= 33


def test_instances_follow_the_rules_of_cityscapes(scenes):
    for scene in scenes:
        labels, instances = scene.label_ids.astype(int), scene.instance_ids.astype(int)
        counted = instances >= 1000
        assert (labels[counted] >= 24).all()  # only people and vehicles are counted
        np.testing.assert_array_equal(instances[counted] // 1000, labels[counted])
        np.testing.assert_array_equal(instances[~counted], labels[~counted])  # a group keeps the bare id


def test_groups_keep_a_bare_id(scenes):
    bare = sum(int(((scene.instance_ids >= 24) & (scene.instance_ids <= 33)).sum()) for scene in scenes)
    counted = sum(int((scene.instance_ids >= 24000).sum()) for scene in scenes)
    assert 0 < bare < 0.1 * counted


def test_own_car_and_margins_are_void(scenes):
    for scene in scenes:
        labels = scene.label_ids
        assert (labels[[0, -1]] == 3).all()  # out of roi
        assert (labels[1:-1, [0, -1]] == 2).all()  # rectification border
        assert (labels[-3, WIDTH // 2 - 8 : WIDTH // 2 + 8] == 1).all()  # ego vehicle


def test_every_class_appears(pixels):
    assert {name: int((count > 0).sum()) for name, count in pixels.items() if not (count > 0).sum() >= 3} == {}


def test_imbalance_is_that_of_real_streets(pixels):
    total = sum(count.sum() for count in pixels.values())
    share = {name: count.sum() / total for name, count in pixels.items()}
    assert share["road"] > 0.25
    assert min(share[name] for name in ("road", "building", "vegetation")) > 0.08
    assert max(share[name] for name in ("rider", "motorcycle", "bicycle", "traffic light")) < 0.006
    assert max(share[name] for name in ("pole", "person", "bus", "truck", "train", "wall", "fence")) < 0.04
    assert 0.06 < share["void"] < 0.18
    seen = {name: (count > 0).mean() for name, count in pixels.items()}
    assert min(seen[name] for name in ("road", "sidewalk", "building", "car", "pole", "vegetation")) > 0.85
    assert max(seen[name] for name in ("train", "bus", "motorcycle")) < 0.35


def test_light_changes_the_picture_from_scene_to_scene(scenes):
    means = np.array([scene.image.mean(axis=(0, 1)) for scene in scenes])  # (COUNT, 3)
    assert means.mean(axis=1).std() > 8.0
    assert (means[:, 0] - means[:, 2]).std() > 4.0  # white balance


def test_colour_alone_does_not_tell_the_class(scenes):
    """A nearest-mean classifier on RGB must fail for most pixels: there is something to learn."""
    image = np.concatenate([scene.image.reshape(-1, 3) for scene in scenes[:40]]).astype(np.float32)
    train_ids = np.concatenate([label_space("cityscapes_19").lookup[scene.label_ids].ravel() for scene in scenes[:40]])
    present = [k for k in range(19) if (train_ids == k).any()]
    means = np.stack([image[train_ids == k].mean(axis=0) for k in present])  # (K, 3)
    kept = train_ids != IGNORE_INDEX
    nearest = np.array(present)[((image[kept, None] - means) ** 2).sum(axis=2).argmin(axis=1)]
    assert (nearest == train_ids[kept]).mean() < 0.5
