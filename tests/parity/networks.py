"""Networks that diffusers saved, imported by difflab: answered for, or refused by the key."""

import json
import shutil

import torch
from safetensors.torch import save_file

import diffusers
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from exports import VP, trajectories
from trajectories import theirs

def families(difflab):
    """Folders that diffusers saved."""
    base = dict(
        sample_size=16, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    )
    families = {
        "saved-default": (base, {}),
        "saved-scale-shift": (base | dict(resnet_time_scale_shift="scale_shift", num_class_embeds=5), dict(
            beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample=False)),
        "saved-ddpm-cifar10": (base | dict(
            in_channels=3, out_channels=3, flip_sin_to_cos=False, freq_shift=1, downsample_padding=0, norm_eps=1e-6,
            attention_head_dim=None), dict(timestep_spacing="linspace", variance_type="fixed_large")),
        "saved-one-of-all": (base | dict(
            center_input_sample=True, mid_block_scale_factor=1.5, add_attention=False, attn_norm_num_groups=2,
            sample_size=8), dict(beta_schedule="scaled_linear", beta_start=8e-4, beta_end=0.012, timestep_spacing="linspace")),
    }
    for name, (model, scheduling) in families.items():
        if not difflab.wanted(name):
            continue
        torch.manual_seed(0)
        unet = UNet2DModel(**model).eval()
        folder, run = difflab.folder / "saved" / name, difflab.folder / "imported" / name
        scheduler = DDPMScheduler(**scheduling)
        shards = {} if name != "saved-default" else {"max_shard_size": "100KB"}
        DDPMPipeline(unet, scheduler).save_pretrained(folder)
        if shards:
            for file in (folder / "unet").glob("*.safetensors"):
                file.unlink()
            unet.save_pretrained(folder / "unet", **shards)
        files = len(list((folder / "unet").glob("*.safetensors")))
        difflab.must("import", folder, run)
        difflab.say(name, f"imported ({files} files)", 0.0, 0.0)
        config = DDPMScheduler.from_pretrained(folder / "scheduler").config
        labels = torch.arange(4) if unet.config.num_class_embeds else None
        for w in [None] if labels is None else [0.0, 2.0]:
            trajectories(difflab, name, run, unet, config, VP, labels, w)
    if difflab.wanted("saved-flow"):
        torch.manual_seed(0)
        unet = UNet2DModel(**base).eval()
        folder, run = difflab.folder / "saved" / "flow", difflab.folder / "imported" / "flow"
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)
        DDPMPipeline(unet, scheduler).save_pretrained(folder)
        difflab.must("import", folder, run)
        trajectories(difflab, "saved-flow", run, unet, scheduler.config, ["flow_euler"])
    if difflab.wanted("saved-bin"):
        folder = difflab.folder / "saved" / "bin"
        UNet2DModel(**base).save_pretrained(folder / "unet", safe_serialization=False)
        code, stderr = difflab.run("import", folder, difflab.folder / "imported" / "bin")
        difflab.say("saved-bin", "refused with the reason", 0.0 if code and "safe_serialization" in stderr else stderr, 0.0)


# Changes to one small network: each alone.
CHANGES = {
    "sample_size": [8, [8, 16], [16, 8], None],
    "in_channels": [3],
    "out_channels": [2, 3],
    "center_input_sample": [True],
    "time_embedding_type": ["fourier", "learned"],
    "time_embedding_dim": [32, 20],
    "freq_shift": [1, 0.5],
    "flip_sin_to_cos": [False],
    "down_block_types": [
        ["DownBlock2D", "DownBlock2D"], ["AttnDownBlock2D", "AttnDownBlock2D"], ["AttnDownBlock2D", "DownBlock2D"],
        ["SkipDownBlock2D", "DownBlock2D"],
    ],
    "up_block_types": [["UpBlock2D", "UpBlock2D"], ["UpBlock2D", "AttnUpBlock2D"]],
    "mid_block_type": [None],
    "block_out_channels": [[16, 16], [8, 24], [12, 8]],
    "layers_per_block": [2, 3],
    "mid_block_scale_factor": [2, 0.5],
    "downsample_padding": [0],
    "downsample_type": ["resnet"],
    "upsample_type": ["resnet"],
    "dropout": [0.3],
    "act_fn": ["swish", "mish", "gelu", "relu"],
    "attention_head_dim": [None, 2, 4, 16, 3],
    "norm_num_groups": [2, 8, 3],
    "attn_norm_num_groups": [2],
    "norm_eps": [1e-6, 1e-3],
    "resnet_time_scale_shift": ["scale_shift", "ada_group", "spatial"],
    "add_attention": [False],
    "class_embed_type": ["timestep", "identity"],
    "num_class_embeds": [2, 7, 1],
    "num_train_timesteps": [1000],
}
PAIRS = [
    dict(resnet_time_scale_shift="scale_shift", attn_norm_num_groups=4),
    dict(resnet_time_scale_shift="scale_shift", add_attention=False),
    dict(resnet_time_scale_shift="scale_shift", num_class_embeds=3, dropout=0.1),
    dict(downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6, attention_head_dim=None),
    dict(mid_block_type=None, num_class_embeds=4),
    dict(mid_block_type=None, down_block_types=["DownBlock2D"] * 2, up_block_types=["UpBlock2D"] * 2),
    dict(down_block_types=["DownBlock2D"] * 3, up_block_types=["UpBlock2D"] * 3, block_out_channels=[8, 8, 16]),
    dict(down_block_types=["AttnDownBlock2D"], up_block_types=["AttnUpBlock2D"], block_out_channels=[8]),
    dict(in_channels=3, out_channels=3, sample_size=[8, 24]),
    dict(mid_block_scale_factor=1.5, layers_per_block=2, time_embedding_dim=16),
    dict(layer_per_block=2),
]


def networks(difflab):
    """UNet2DModel configs, one key after another: the same samples in two steps, or refused by the key."""
    base = dict(
        sample_size=16, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=[8, 16],
        down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"],
        norm_num_groups=4,
    )
    same, refused = 0, 0
    for change in [{}] + [{key: value} for key, values in CHANGES.items() for value in values] + PAIRS:
        name = "network " + (" ".join(f"{k}={v}" for k, v in change.items()) or "base")
        if not difflab.wanted(name):
            continue
        folder, run = difflab.folder / "network", difflab.folder / "network-run"
        for old in (folder, run):
            shutil.rmtree(old, ignore_errors=True)
        unknown = {k: v for k, v in change.items() if k == "layer_per_block"}
        try:
            torch.manual_seed(0)
            unet = UNet2DModel(**base | {k: v for k, v in change.items() if k not in unknown}).eval()
            unet.save_pretrained(folder / "unet")
        except Exception as error:  # noqa: BLE001
            (folder / "unet").mkdir(parents=True, exist_ok=True)
            torch.manual_seed(0)
            UNet2DModel(**base).save_pretrained(folder / "unet")
            unet = f"{type(error).__name__}: {error}"
        path = folder / "unet" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        scheduler = diffusers.DDIMScheduler(prediction_type="v_prediction", num_train_timesteps=100, clip_sample=False)
        scheduler.save_pretrained(folder / "scheduler")
        code, stderr = difflab.run("import", folder, run)
        if code:
            refused += 1
            named = any(key in stderr for key in change)
            difflab.say(name[:60], "refused by its key", 0.0 if named else stderr, 0.0)
            continue
        if isinstance(unet, str):
            difflab.say(name[:60], "imported", f"diffusers itself has no such network: {unet}")
            continue
        if unknown and not all(key in stderr for key in unknown):
            difflab.say(name[:60], "imported", "an unknown key is not named")
            continue
        size = unet.config.sample_size
        size = (size, size) if isinstance(size, int) else tuple(size)
        labels = None if not unet.config.num_class_embeds else torch.full((2,), unet.config.num_class_embeds - 2)
        noise = torch.randn(2, unet.config.in_channels, *size, generator=torch.Generator().manual_seed(3))
        save_file({"noise": noise}, difflab.folder / "noise.safetensors")
        more = [] if labels is None else ["--class", labels[0].item()]
        ours = difflab.sample(run, difflab.folder / "noise.safetensors", 2, *more)
        if isinstance(ours, str):
            difflab.say(name[:60], "sampled", ours)
            continue
        expected = theirs(unet, scheduler, noise, labels, steps=2).clamp(-1, 1)
        same += 1
        difflab.say(name[:60], "the same samples", (ours - expected).abs().max().item(), 1e-3)
    print(f"{same} networks the same, {refused} refused by their key")
