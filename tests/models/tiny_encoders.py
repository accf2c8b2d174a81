"""Overrides that make each network on an encoder of timm small, all parts of it left."""

_VIT = ("+model.encoder_options.embed_dim=48", "+model.encoder_options.num_heads=3")
_DPT = (*_VIT, "model.decoder_intermediate_channels=[8,16,16,24]", "model.decoder_fusion_channels=16")
TINY = {
    **dict.fromkeys(("dpt_clip", "dpt_dinov3", "dpt_eva02_clip"), _DPT),
    "dpt_mae": (*_DPT, "model.encoder_name=tu-test_vit"),  # the same class of timm, of 6 blocks
    "dinov2_linear": (*_VIT, "+model.encoder_options.depth=3"),
    "upernet_swin": (
        "+model.depths=[2,1,1,1]", "+model.embed_dim=12", "+model.num_heads=[1,2,3,6]", "model.decoder_channels=16",
    ),
    "upernet_convnext": (
        "+model.depths=[1,1,2,1]", "+model.dims=[8,16,24,32]", "model.decoder_channels=16",
    ),
    "efficientvit": ("model.encoder_name=tu-efficientvit_b0", "model.head_width=32", "model.head_depth=1"),
    "mobilenetv4": ("model.encoder_name=tu-mobilenetv4_conv_small",),
    "hrnet": ("model.encoder_name=tu-hrnet_w18_small",),
}  # fmt: skip
