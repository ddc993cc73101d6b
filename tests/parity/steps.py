"""difflab's trainer against PyTorch, step for step: the same first weights, the same images, noise, timesteps and labels.

A test of difflab's library (`steps_that_pytorch_repeats`) trains 100 steps of each config of CONFIGS, and writes the
first weights, what went into every step, and the weights after 1, 10 and 100. Here diffusers' UNet2DModel, torch's
AdamW and a moving average written as text books have it repeat them.

Two orders of summation in f32 give two results, and training drives them apart. How far is measured: PyTorch repeats
the steps in f32, with channels first and with channels last, and in f64. difflab may be as far from f64 as PyTorch's
f32 is, times `SLACK`. A distance of weights is ‖a − b‖ over all numbers, divided by how far f64 has come from the first weights.
"""

import json
import os
import subprocess
import tomllib

import numpy as np
import torch
from safetensors.torch import load_file

from binary import ROOT
from diffusers import UNet2DModel

SLACK = 4
COMPARED = [1, 10, 100]

# What the shipped config leaves out: ε, weights of the loss, attention, colours, decay, clipping at each step.
OTHER = """
[data]
dataset = "emoji-32"
image_size = 16
channels = 3
held_out = 100
horizontal_flip = true
[diffusion]
schedule = "linear"
prediction_type = "epsilon"
[model]
block_out_channels = [16, 32]
layers_per_block = 2
attention_levels = [1]
mid_attention = true
class_conditional = false
[train]
steps = 100
batch_size = 24
learning_rate = 2e-3
warmup_steps = 10
min_learning_rate = 1e-4
beta1 = 0.95
beta2 = 0.99
adam_eps = 1e-6
weight_decay = 0.05
max_grad_norm = 0.3
loss_weighting = "min_snr"
ema_decay = 0.9
"""


def with_adamw(text):
    """mnist.toml with AdamW, its rate and first weights before Muon's: PyTorch's side has no Muon. In f32, on any processor."""
    for given, taken in [
        ('optimizer = "muon"\n', ""),
        ("learning_rate = 4e-3", "learning_rate = 3e-3"),
        ("zero_init = true\n", ""),
        ('timestep_sampling = "stratified"\n', ""),
        ('precision = "auto"\n', ""),
    ]:
        assert given in text, f"mnist.toml has no {given!r} any more"
        text = text.replace(given, taken)
    return text


CONFIGS = {"mnist": with_adamw((ROOT / "configs" / "mnist.toml").read_text()), "epsilon": OTHER}


def steps(difflab, binary):
    """Everything; `binary` is the built test binary of the library, or None for cargo to find or build it."""
    folder = difflab.folder / "steps"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in CONFIGS if difflab.wanted(name)]
    for name in wanted:
        (folder / f"{name}.toml").write_text(CONFIGS[name])
    ours = [binary] if binary else ["cargo", "test", "--release", "--locked", "--lib", "--"]
    done = subprocess.run([*ours, "--ignored", "steps_that_pytorch_repeats"], cwd=ROOT, capture_output=True, text=True,
                          env=dict(os.environ, DIFFLAB_PARITY=str(folder)))
    if done.returncode:
        difflab.say("steps", "difflab's side", "it failed:\n" + done.stdout[-2000:] + done.stderr[-2000:])
        return
    for name in wanted:
        compare(difflab, name, folder / name)
        first_weights(difflab, name, folder / name)
        chances(difflab, name, folder / name)


def compare(difflab, name, folder):
    config = tomllib.loads((folder / "config.toml").read_text())
    given = load_file(folder / "steps.safetensors")
    reports = given["reports"].numpy()
    runs = {}
    for label, dtype, layout in [
        ("f32", torch.float32, torch.contiguous_format),
        ("f32, channels last", torch.float32, torch.channels_last),
        ("f64", torch.float64, torch.contiguous_format),
    ]:
        runs[label] = repeat(config, folder / "start", given, dtype, layout)
    exact = runs["f64"]
    # Learning rates and decays are numbers of a formula.
    for column, what in [(2, "learning rates"), (3, "decays of the average")]:
        off = np.abs(reports[:, column] / exact["reports"][:, column] - 1).max()
        difflab.say(name, what, float(off), 1e-12)
    own = [run["reports"] for label, run in runs.items() if label != "f64"]
    for column, what in [(0, "losses"), (1, "gradients' norms")]:
        relative = lambda a: np.abs(a[:, column] / exact["reports"][:, column] - 1)  # noqa: E731
        for upto in COMPARED:
            torchs = max(relative(run)[:upto].max() for run in own)
            found = relative(reports)[:upto].max()
            print(f"     {name:24} {what} to step {upto:3}: f64 to difflab {found:.1e}, to PyTorch's f32 {torchs:.1e}")
            difflab.say(name, f"{what} to step {upto}", float(found), max(SLACK * torchs, 1e-5))
    start = flat(load_file(folder / "start" / "unet" / "diffusion_pytorch_model.safetensors"))
    for kind in ["raw", "ema"]:
        for step in COMPARED:
            to = exact[kind][step]
            come = (to - start).norm()
            distance = lambda weights: float((weights - to).norm() / come)  # noqa: E731
            torchs = [distance(run[kind][step]) for label, run in runs.items() if label != "f64"]
            found = distance(flat(load_file(folder / f"{kind}-{step}.safetensors")))
            shown = ", ".join(f"{d:.1e}" for d in torchs)
            print(f"     {name:24} {kind} weights after {step:3}: f64 to difflab {found:.1e}, to PyTorch's f32 {shown}")
            difflab.say(name, f"{kind} weights after {step}", found, SLACK * max(torchs))


def repeat(config, start, given, dtype, layout):
    """The same steps by PyTorch; losses, norms, rates and decays of each, and the weights after some."""
    train, diffusion = config["train"], config["diffusion"]
    model = UNet2DModel.from_config(json.loads((start / "unet" / "config.json").read_text()))
    model.load_state_dict(load_file(start / "unet" / "diffusion_pytorch_model.safetensors"))
    model = model.to(dtype).to(memory_format=layout).train()
    named = dict(sorted(model.named_parameters()))
    parameters, averages = list(named.values()), [p.detach().clone() for p in named.values()]
    optimizer = torch.optim.AdamW(
        parameters, lr=1.0, betas=(train["beta1"], train["beta2"]), eps=train["adam_eps"],
        weight_decay=train["weight_decay"], foreach=False,
    )
    alphas_cumprod = torch.cumprod(1 - betas(diffusion), 0)
    nchw = lambda x: x.permute(0, 3, 1, 2).contiguous()  # noqa: E731
    reports, raw, ema = [], {}, {}
    for step in range(1, len(given["pixels"]) + 1):
        x_0, noise = nchw(given["pixels"][step - 1]).to(dtype), nchw(given["noise"][step - 1]).to(dtype)
        t = given["timesteps"][step - 1].long()
        labels = given["classes"][step - 1] if "classes" in given else None
        of_batch = alphas_cumprod[t].view(-1, 1, 1, 1)
        alpha, sigma = of_batch.sqrt().to(dtype), (1 - of_batch).sqrt().to(dtype)
        x_t = (alpha * x_0 + sigma * noise).contiguous(memory_format=layout)
        (output,) = model(x_t, t, class_labels=labels, return_dict=False)
        target = {"epsilon": noise, "v_prediction": alpha * noise - sigma * x_0}[diffusion["prediction_type"]]
        errors = (output - target).square().mean((1, 2, 3))
        loss = (errors * weights_of_loss(train, diffusion, alphas_cumprod[t]).to(dtype)).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, train["max_grad_norm"])
        rate, decay = learning_rate(train, step), min(train["ema_decay"], (1 + step) / (10 + step))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        with torch.no_grad():
            for average, parameter in zip(averages, parameters):
                average.mul_(decay).add_(parameter, alpha=1 - decay)
        reports.append([loss.item(), norm.item(), rate, decay])
        if step in COMPARED:
            raw[step] = flat_all(parameters)
            ema[step] = flat_all(averages)
    return {"reports": np.array(reports), "raw": raw, "ema": ema}


def betas(diffusion):
    count = diffusion["timesteps"]
    if diffusion["schedule"] == "linear":
        return torch.linspace(diffusion["beta_start"], diffusion["beta_end"], count, dtype=torch.float64)
    g = lambda u: torch.cos((u + 0.008) / 1.008 * torch.pi / 2) ** 2  # noqa: E731
    i = torch.arange(count, dtype=torch.float64)
    return (1 - g((i + 1) / count) / g(i / count)).clamp(max=0.999)


def weights_of_loss(train, diffusion, alphas_cumprod):
    if train["loss_weighting"] == "simple":
        return torch.ones_like(alphas_cumprod)
    assert train["loss_weighting"] == "min_snr" and diffusion["prediction_type"] == "epsilon"
    snr = alphas_cumprod / (1 - alphas_cumprod)
    return snr.clamp(max=train["min_snr_gamma"]) / snr


def learning_rate(train, step):
    peak, warm_up, floor = train["learning_rate"], train["warmup_steps"], train["min_learning_rate"]
    if step < warm_up:
        return peak * step / warm_up
    if train["lr_schedule"] == "constant":
        return peak
    return floor + 0.5 * (peak - floor) * (1 + np.cos(np.pi * (step - warm_up) / (train["steps"] - warm_up)))


def flat(tensors):
    return flat_all(tensor for _, tensor in sorted(tensors.items()))


def flat_all(tensors):
    # `reshape` goes by the axes, whatever lies in memory.
    return torch.cat([tensor.detach().double().reshape(-1) for tensor in tensors])


def first_weights(difflab, name, folder):
    """Fresh weights of five seeds against as many of diffusers', tensor by tensor."""
    seeds = sorted(folder.glob("fresh-*"))
    ours = [load_file(seed / "unet" / "diffusion_pytorch_model.safetensors") for seed in seeds]
    config = json.loads((seeds[0] / "unet" / "config.json").read_text())
    theirs = []
    for seed in range(len(seeds)):
        torch.manual_seed(seed)
        theirs.append(UNet2DModel.from_config(config).state_dict())
    names = sorted(ours[0])
    if names != sorted(theirs[0]):
        difflab.say(name, "first weights", "other tensors than diffusers'")
        return
    constant, spread, gap, most = "", 0.0, 0.0, 0.0
    for tensor in names:
        a, b = (torch.cat([weights[tensor].double().flatten() for weights in side]).numpy() for side in (ours, theirs))
        if b.std() == 0.0:
            constant += "" if (a == b[0]).all() else f" {tensor}"
            continue
        # In units of what chance does to as many numbers.
        n = len(a)
        spread = max(spread, abs(a.std() / b.std() - 1) * n**0.5)
        most = max(most, abs(a.mean() - b.mean()) / b.std() * (n / 2) ** 0.5)
        gap = max(gap, largest_gap(a, b) * (n / 2) ** 0.5)
    difflab.say(name, "first weights that are constant", f"others:{constant}" if constant else 0.0, 0.0)
    difflab.say(name, "means of the first weights, in σ", most, 5)
    difflab.say(name, "their spreads, in 1/√n", spread, 5)
    difflab.say(name, "their distributions (KS·√(n/2))", gap, 3)


def largest_gap(a, b):
    """Kolmogorov and Smirnov's: the largest difference of the two cumulative distributions."""
    both = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (a, b)]
    return np.abs(below[0] - below[1]).max()


def chances(difflab, name, folder):
    """Timesteps, dropped labels and images of many steps are as often as they should."""
    config = tomllib.loads((folder / "config.toml").read_text())
    given = {key: tensor.numpy() for key, tensor in load_file(folder / "draws.safetensors").items()}
    count, total = len(given["timesteps"]), config["diffusion"]["timesteps"]
    seen = np.bincount(given["timesteps"].astype(int), minlength=total)
    expected = count / total
    chi = (((seen - expected) ** 2 / expected).sum() - (total - 1)) / (2 * (total - 1)) ** 0.5
    difflab.say(name, "timesteps are uniform (χ², in σ)", float(abs(chi)), 5)
    images, epoch = given["images"], int(given["images"].max()) + 1
    whole = images[: count // epoch * epoch].reshape(-1, epoch)
    once = all(len(np.unique(passed)) == epoch for passed in whole) and len(np.unique(images[len(whole) * epoch :])) == count - len(whole) * epoch
    again = len(whole) < 2 or (whole[0] == whole[1]).mean() < 0.01
    difflab.say(name, "an epoch has each image once", 0.0 if once and again else "no", 0.0)
    if not config["model"]["class_conditional"]:
        return
    null, rate = int(given["labels"].max()) + 1, config["train"]["p_uncond"]
    dropped = given["classes"] == null
    kept = given["classes"][~dropped] == given["labels"][~dropped]
    difflab.say(name, "labels that are not dropped are right", 0.0 if kept.all() else "no", 0.0)
    off = abs(dropped.mean() - rate) / (rate * (1 - rate) / count) ** 0.5
    difflab.say(name, "labels dropped (in σ)", float(off), 5)
