"""Overrides that make each network of transformers small, all parts of it left."""

_SWIN = (
    "model.config.backbone_config.embed_dim=24", "model.config.backbone_config.depths=[2,1,1,1]",
    "model.config.backbone_config.window_size=4",
)  # fmt: skip
_MASK2FORMER = (
    "model.config.num_queries=20", "model.config.hidden_dim=32", "model.config.feature_size=32",
    "model.config.mask_feature_size=16", "model.config.encoder_layers=1", "model.config.encoder_feedforward_dim=32",
    "model.config.decoder_layers=3", "model.config.dim_feedforward=32",
)  # fmt: skip
TINY = {
    "hf_segformer": (
        "model.config.depths=[1,1,1,1]", "model.config.hidden_sizes=[8,16,40,64]",
        "model.config.decoder_hidden_size=16",
    ),
    "hf_upernet": (
        "model.config.backbone_config.depths=[1,1,1,1]", "model.config.backbone_config.hidden_sizes=[8,16,24,32]",
        "model.config.hidden_size=16", "model.config.auxiliary_channels=8",
    ),
    "hf_upernet_swin": (*_SWIN, "model.config.hidden_size=16", "model.config.auxiliary_channels=8"),
    "hf_beit": (
        "model.config.image_size=64", "model.config.hidden_size=32", "model.config.num_hidden_layers=4",
        "model.config.num_attention_heads=4", "model.config.intermediate_size=64", "model.config.out_indices=[0,1,2,3]",
        "model.config.auxiliary_channels=8",
    ),
    "hf_mask2former": (*_SWIN, *_MASK2FORMER),
    "hf_mask2former_r50": (
        "model.config.backbone_config.depths=[1,1,1,1]", "+model.config.backbone_config.embedding_size=8",
        "+model.config.backbone_config.hidden_sizes=[8,16,24,32]", *_MASK2FORMER,
    ),
    "hf_maskformer": (
        *_SWIN, "model.config.decoder_config.decoder_layers=2", "model.config.decoder_config.num_queries=20",
        "model.config.decoder_config.d_model=32", "model.config.decoder_config.decoder_ffn_dim=32",
        "model.config.fpn_feature_size=32", "model.config.mask_feature_size=16",
    ),
    "hf_eomt": (
        "model.config.image_size=64", "model.config.hidden_size=32", "model.config.num_hidden_layers=3",
        "model.config.num_attention_heads=4", "model.config.num_queries=20", "model.config.num_blocks=2",
    ),
    "vltseg": (
        "+model.encoder_options.embed_dim=32", "+model.encoder_options.depth=4", "+model.encoder_options.num_heads=2",
        "+model.encoder_options.img_size=56", "model.out_indices=[0,1,2,3]",
        *(f"model.config.{key}" for key in (
            "num_queries=20", "hidden_dim=32", "feature_size=32", "mask_feature_size=16", "encoder_layers=1",
            "encoder_feedforward_dim=32", "decoder_layers=2", "dim_feedforward=32",
        )),
    ),
}  # fmt: skip
