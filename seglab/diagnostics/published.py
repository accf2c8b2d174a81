"""What others measured on Cityscapes with the networks of conf/model: beside the costs, so that one can be chosen.

Trained by their own recipes and mostly wider than the option here: the text says which, on which split, and where it
stands. Of networks that are not listed no such number was found with its source.
"""

# "mmseg": configs/*/README.md of open-mmlab/mmsegmentation, single scale; "PaddleSeg": configs/*/README.md of it.
# "Cityscapes paper": arXiv 1604.01685, tables 4 and 11. "paper": the network's own, named in its YAML; "authors": the
# README of its authors' code. Whether the encoder began with ImageNet is said where it did.
PUBLISHED = {
    "fcn8s": "65.3 test (VGG16; Cityscapes paper)",
    "fcn16s": "64.3 test (VGG16; Cityscapes paper)",
    "fcn32s": "61.3 test (VGG16; Cityscapes paper)",
    "deeplab_largefov": "63.1 test (VGG16, CRF; Cityscapes paper)",
    "segnet_basic": "57.0 test (Cityscapes paper)",
    "segnet": "60.1 val (PaddleSeg)",
    "unet64": "69.1 val (160k steps; mmseg)",
    "pspnet": "78.6 val (ResNet-50; mmseg)",
    "deeplabv3plus": "80.1 val (ResNet-50; mmseg)",
    "torchvision_fcn": "73.6 val (ResNet-50; mmseg)",
    "resnet38": "78.4 test (model A2; arXiv 1611.10080)",
    "segformer": "76.5 val (MiT-B0; mmseg)",
    "segformer_b1": "78.6 val (mmseg)",
    "segformer_b2": "81.1 val (mmseg)",
    "segformer_b3": "81.9 val (mmseg)",
    "segformer_b4": "81.9 val (mmseg)",
    "segformer_b5": "82.3 val (mmseg)",
    "hf_mask2former": "81.7 val (ImageNet, 90k steps; mmseg)",
    "hf_mask2former_r50": "80.4 val (ImageNet, 90k steps; mmseg)",
    "hf_eomt": "84.2 val (DINOv2; authors)",
    "vltseg": "84.8 val (1024x1024; github.com/VLTSeg/VLTSeg, not the authors)",
    "ocr": "80.7 val (ImageNet, 80k steps; mmseg)",
    "enet": "58.3 test (paper)",
    "erfnet": "68.0 test (paper), 71.1 val (160k steps; mmseg)",
    "fast_scnn": "68.0 test, 68.6 val (paper)",
    "bisenetv2": "72.6 test, 73.4 val (512x1024; paper)",
    "stdc1": "75.3 test, 74.5 val (768x1536, ImageNet; paper)",
    "stdc2": "76.8 test, 77.0 val (768x1536, ImageNet; paper)",
    "ddrnet_23_slim": "77.4 test, 77.8 val (ImageNet; authors)",
    "hrnet": "77.2 val (40k steps, ImageNet; mmseg)",
    "pidnet_s": "78.6 test, 78.8 val (ImageNet; authors)",
    "pidnet_m": "79.8 test, 79.9 val (ImageNet; authors)",
}
