"""Runs exported by difflab, opened and sampled by diffusers.

For every kind of run that can be exported: trains a tiny one, exports it, loads it in diffusers (no missing and no
unexpected tensor), compares the network's outputs (1e-4) and whole trajectories from the same noise for each
deterministic sampler (1e-3 in pixel units), against the scheduler that diffusers makes `from_config` of the export.
Then, for every sampler and the settings that pipelines have no place for: the scheduler of the export's own README
against the run, and that the export, imported, samples as the run did.
"""

import json
import os
import re
import subprocess
import sys

import torch
from safetensors.torch import save_file

import diffusers
from binary import ROOT
from diffusers import DDPMPipeline, UNet2DModel
from trajectories import theirs

STEPS = 50

VP = ["ddim", "euler", "heun", "dpmpp_2m", "dpmpp_3m", "unipc"]
TINY = [
    "model.block_out_channels=[8, 16]", "model.norm_num_groups=4", "model.attention_head_dim=8", "train.batch_size=16",
    "train.warmup_steps=5", "train.learning_rate=0.002", "train.eval_every=0", "preview.enabled=false",
    "preview.save_every=0", "data.dataset=mnist-10k", "sample.guidance_scale=0", "train.checkpoint_every=0",
    # diffusers samples in f32.
    "model.zero_init=false", "train.optimizer=adamw", "train.precision=f32", "sample.precision=f32",
]
PLAIN = ["model.class_conditional=false"]
RUNS = {
    "linear-epsilon": PLAIN + ["diffusion.schedule=linear", "diffusion.prediction_type=epsilon"],
    "linear-epsilon-clipped": PLAIN
    + ["diffusion.schedule=linear", "diffusion.prediction_type=epsilon", "sample.clip_sample=true", "sample.spacing=leading"],
    "scaled-linear-sample": PLAIN
    + ["diffusion.schedule=scaled_linear", "diffusion.prediction_type=sample", "model.resnet_time_scale_shift=default"],
    "cosine-v": PLAIN + ["diffusion.schedule=cosine", "diffusion.prediction_type=v_prediction"],
    "cosine-v-linspace": PLAIN
    + ["diffusion.schedule=cosine", "diffusion.prediction_type=v_prediction", "sample.spacing=linspace"],
    "sigmoid-epsilon": PLAIN + ["diffusion.schedule=sigmoid", "diffusion.prediction_type=epsilon"],
    "sigmoid-jabri-v": PLAIN + ["diffusion.schedule=sigmoid_jabri", "diffusion.prediction_type=v_prediction"],
    "given-epsilon": PLAIN
    + ["diffusion.schedule=given", "diffusion.prediction_type=epsilon", "diffusion.timesteps=200", "diffusion.betas="
       + json.dumps([1e-3 + 0.06 * (i / 199) ** 2 for i in range(200)])],
    "zero-snr-v": PLAIN
    + ["diffusion.schedule=linear", "diffusion.prediction_type=v_prediction", "diffusion.rescale_betas_zero_snr=true"],
    "vp-sde-epsilon": PLAIN + ["diffusion.path=vp_sde", "diffusion.prediction_type=epsilon"],
    "score": PLAIN + ["diffusion.schedule=linear", "diffusion.prediction_type=score"],
    "learned-variance": PLAIN
    + ["diffusion.schedule=linear", "diffusion.prediction_type=epsilon", "diffusion.variance_type=learned_range"],
    "conditional-v": ["model.class_conditional=true", "diffusion.schedule=cosine", "diffusion.prediction_type=v_prediction"],
    "flow": PLAIN + ["diffusion.path=flow", "diffusion.prediction_type=flow"],
    "flow-shifted": PLAIN + ["diffusion.path=flow", "diffusion.prediction_type=flow", "diffusion.shift=3.0"],
}
# Settings that must be refused, and a word of the reason.
REFUSED = {
    "ve": (PLAIN + ["diffusion.path=ve", "diffusion.prediction_type=epsilon"], "path ve"),
    "edm": (PLAIN + ["diffusion.path=edm", "diffusion.prediction_type=edm"], "path edm"),
    "sub-vp": (PLAIN + ["diffusion.path=sub_vp_sde", "diffusion.prediction_type=epsilon"], "sub_vp_sde"),
    "vp-flow": (PLAIN + ["diffusion.schedule=linear", "diffusion.prediction_type=flow"], "predicts flow"),
}
# Ways of sampling one and the same network, each set in its run: what README.md samples is what the run does. A word
# where the export must say that it is not, in its notes on screen and in README.md.
WAYS = {
    "ddim": (["sample.sampler=ddim", "sample.spacing=leading"], None),
    "ddim-trailing": (["sample.sampler=ddim", "sample.spacing=trailing"], None),
    "ddim-linspace": (["sample.sampler=ddim", "sample.spacing=linspace"], "timesteps down with each step"),
    "ddim-alpha-0": (["sample.sampler=ddim", "sample.spacing=leading", "sample.set_alpha_to_one=false"], None),
    "ddim-eta": (["sample.sampler=ddim", "sample.eta=0.5"], "eta = 0.5"),
    "ddim-karras": (["sample.sampler=ddim", "sample.spacing=karras"], "karras"),
    "ddim-clipped": (["sample.sampler=ddim", "sample.spacing=trailing", "sample.clip_sample=true",
                      "sample.clip_sample_range=0.5"], None),
    "ddim-thresholded": (["sample.sampler=ddim", "sample.spacing=trailing", "sample.thresholding=true",
                          "sample.dynamic_thresholding_ratio=0.8", "sample.sample_max_value=2"], None),
    "own-timesteps": (["sample.sampler=ddim", "sample.timesteps=[90, 50, 10]"], "timesteps of its own"),
    "euler": (["sample.sampler=euler", "sample.spacing=linspace"], "EulerDiscreteScheduler"),
    "euler-karras": (["sample.sampler=euler", "sample.spacing=karras"], "EulerDiscreteScheduler"),
    "euler-rho": (["sample.sampler=euler", "sample.spacing=karras", "sample.rho=3"], "ρ = 3"),
    "heun": (["sample.sampler=heun", "sample.spacing=trailing", "sample.clip_sample=true"], "HeunDiscreteScheduler"),
    "lms": (["sample.sampler=lms", "sample.spacing=linspace"], "LMSDiscreteScheduler"),
    "dpm_2": (["sample.sampler=dpm_2", "sample.spacing=linspace"], "KDPM2DiscreteScheduler"),
    "dpmpp_2m": (["sample.sampler=dpmpp_2m", "sample.spacing=linspace"], None),
    "dpmpp_2m-karras": (["sample.sampler=dpmpp_2m", "sample.spacing=karras"], None),
    "dpmpp_2m-sigma-min": (["sample.sampler=dpmpp_2m", "sample.spacing=beta", "sample.final_sigmas_type=sigma_min",
                            "sample.solver_type=heun"], None),
    "dpmpp_3m": (["sample.sampler=dpmpp_3m", "sample.spacing=trailing"], None),
    "dpmpp_2s": (["sample.sampler=dpmpp_2s", "sample.spacing=linspace"], None),
    "unipc": (["sample.sampler=unipc", "sample.spacing=linspace", "sample.solver_order=3"], "UniPCMultistepScheduler"),
    "deis": (["sample.sampler=deis", "sample.spacing=linspace", "sample.final_sigmas_type=sigma_min"], "DEISMultistep"),
    "pndm": (["sample.sampler=pndm", "sample.spacing=leading", "sample.pndm_velocity=true"], "PNDMScheduler"),
    "pf_ode": (["sample.sampler=pf_ode"], "no counterpart"),
}
FLOW_WAYS = {
    "flow_euler": (["sample.sampler=flow_euler", "sample.spacing=linspace"], None),
    "flow_heun": (["sample.sampler=flow_heun", "sample.spacing=linspace"], None),
    "flow_midpoint": (["sample.sampler=flow_midpoint", "sample.spacing=linspace"], "no counterpart"),
    "flow_karras": (["sample.sampler=flow_euler", "sample.spacing=karras", "sample.shift_terminal=0.1"], None),
    "flow_clipped": (["sample.sampler=flow_euler", "sample.spacing=linspace", "sample.clip_sample=true"], "clamps"),
}


def scheduler_for(sampler, config):
    """diffusers' namesake of a sampler, made from_config of the folder's own scheduler."""
    if "shift" in config:
        return diffusers.FlowMatchEulerDiscreteScheduler.from_config(config)
    made = {
        "ddim": (diffusers.DDIMScheduler, {}),
        "euler": (diffusers.EulerDiscreteScheduler, {}),
        "heun": (diffusers.HeunDiscreteScheduler, {}),
        "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
        "dpmpp_3m": (diffusers.DPMSolverMultistepScheduler, {"solver_order": 3}),
        "unipc": (diffusers.UniPCMultistepScheduler, {}),
    }
    cls, more = made[sampler]
    # A learned variance is the ancestral sampler's business; the others take the first half of the output.
    return cls.from_config(config, **more)


def train(difflab, name, settings, steps):
    """The run folder, or why there is none."""
    run = difflab.folder / "runs" / name
    sets = [part for setting in TINY + settings for part in ("--set", setting)]
    code, stderr = difflab.run("mnist", "--no-tui", "--steps", steps, "--threads", 1, "--run", run, *sets)
    return run if code == 0 else stderr.strip()


def trajectories(difflab, name, run, unet, config, samplers, labels=None, w=None):
    """Compares samplers of the run with diffusers' namesakes."""
    size, channels = unet.config.sample_size, unet.config.in_channels
    if config.get("variance_type") == "learned_range":
        # The folder's scheduler is DDPM's, the only one that reads a learned variance; the namesakes are asked as the run is.
        config = {**config, "variance_type": None, "timestep_spacing": config["_difflab"]["sample"]["spacing"]}
    n = 2 if labels is None else len(labels)
    noise = torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(3))
    path = difflab.folder / "noise.safetensors"
    save_file({"noise": noise}, path)
    for sampler in samplers:
        more = ["--sampler", sampler] + ([] if w is None else ["--guidance-scale", w])
        nudge = 1e-6 * torch.randn(noise.shape, generator=torch.Generator().manual_seed(4))
        ask = lambda noise, steps: theirs(  # noqa: E731
            unet, scheduler_for(sampler, config), noise, labels, 1.0 if w is None else 1.0 + w, steps
        ).clamp(-1, 1)
        # An untrained network can be chaotic in many steps: then diffusers doesn't agree with itself either.
        for steps in (STEPS, STEPS // 5):
            ours = difflab.sample(run, path, steps, *more)
            what = f"{sampler} {steps}" + ("" if w is None else f" w {w}")
            if isinstance(ours, str):
                difflab.say(name, what, ours.splitlines()[0])
                break
            expected = ask(noise, steps)
            difference = (ours - expected).abs().max().item()
            inside = ((expected.abs() < 1).float().mean()).item()
            if difference < 1e-3 or steps < STEPS or (ask(noise + nudge, steps) - expected).abs().max() < 1e-3:
                difflab.say(name, f"{what} ({100 * inside:.0f} % unclipped)", difference, 1e-3)
                break


def exports(difflab, steps):
    for name, settings in RUNS.items():
        if not difflab.wanted(name):
            continue
        run = train(difflab, name, settings, steps)
        if isinstance(run, str):
            difflab.say(name, "train", run)
            continue
        folder = difflab.folder / "exports" / name
        difflab.must("export", run, folder)
        pipeline = DDPMPipeline.from_pretrained(folder)
        _, info = UNet2DModel.from_pretrained(folder / "unet", output_loading_info=True)
        wrong = {key: info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[key]}
        difflab.say(name, "tensors", json.dumps(wrong, default=list) if wrong else 0.0, 0.0)
        unet, config = pipeline.unet.eval(), pipeline.scheduler.config
        network_io(folder, unet)
        if name == "vp-sde-epsilon":
            # A continuous path is sampled between the timesteps; what was exported is sampled at them.
            difflab.must("import", folder, difflab.folder / "back" / name)
            trajectories(difflab, name, difflab.folder / "back" / name, unet, config, VP)
        elif name.startswith("flow"):
            trajectories(difflab, name, run, unet, config, ["flow_euler"])
        elif unet.config.num_class_embeds:
            labels = torch.arange(unet.config.num_class_embeds - 1)
            for w in (0.0, 1.5):
                trajectories(difflab, name, run, unet, config, ["ddim", "dpmpp_2m"], labels, w)
        else:
            # diffusers' DDIM steps down by T // n whatever the spacing; difflab's own runs follow the spacing.
            # Its Heun knows no zero terminal SNR.
            odd = {"cosine-v-linspace": "ddim", "zero-snr-v": "heun"}.get(name)
            trajectories(difflab, name, run, unet, config, [sampler for sampler in VP if sampler != odd])
        snippet(difflab, name, folder)


def ways(difflab, steps):
    """One network, exported with one way of sampling after another."""
    base = ["diffusion.schedule=linear", "diffusion.prediction_type=v_prediction", "diffusion.timesteps=100",
            "train.timestep_bins=10"]
    flow = ["diffusion.path=flow", "diffusion.prediction_type=flow", "diffusion.timesteps=100", "train.timestep_bins=10"]
    for table, network, settings in ((WAYS, "ways", base), (FLOW_WAYS, "flow-ways", flow)):
        if not any(difflab.wanted(f"{network}-{name}") for name in table):
            continue
        for name, (more, word) in table.items():
            if difflab.wanted(f"{network}-{name}"):
                way(difflab, f"{network}-{name}", PLAIN + settings + ["sample.steps=10"] + more, word, steps)


def way(difflab, name, settings, word, steps):
    run = train(difflab, name, settings, steps)
    if isinstance(run, str):
        difflab.say(name, "train", run)
        return
    folder, back = difflab.folder / "ways" / name, difflab.folder / "back" / name
    code, stderr = difflab.run("export", run, folder)
    if code:
        difflab.say(name, "export", stderr)
        return
    readme = (folder / "README.md").read_text()
    said = word is None and "note:" not in stderr or word is not None and word in stderr and word in readme
    difflab.say(name, "what differs is said", 0.0 if said else f"expected {word!r}: {stderr}", 0.0)
    snippet(difflab, name, folder)
    scheduler, arguments = of_readme(folder, readme)
    unet = UNet2DModel.from_pretrained(folder / "unet").eval()
    noise = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    path = difflab.folder / "noise.safetensors"
    save_file({"noise": noise}, path)
    ours = difflab.sample(run, path, 10)
    exact = word is None or word.startswith(type(scheduler).__name__[:13])
    if exact and not arguments:
        expected = theirs(unet, scheduler, noise, steps=10).clamp(-1, 1)
        difflab.say(name, f"README's {type(scheduler).__name__}", (ours - expected).abs().max().item(), 1e-3)
    difflab.must("import", folder, back)
    again = difflab.sample(back, path, 10)
    if isinstance(again, str):
        difflab.say(name, "imported again", again)
    elif "eta" not in name:
        difflab.say(name, "imported again", (ours - again).abs().max().item(), 1e-5)
    settings = {run: sample_section(run) for run in (run, back)}
    changed = {k for k in settings[run] if settings[run][k] != settings[back].get(k)}
    difflab.say(name, "its settings come back", f"changed: {changed}" if changed else 0.0, 0.0)


def sample_section(run):
    import tomllib

    return tomllib.loads((run / "config.toml").read_text())["sample"]


def of_readme(folder, text):
    """The scheduler that README.md samples by, and whether its loop passes it more than the network's answer."""
    code = re.search(r"```python\n(.*?)```", text, re.S).group(1)
    before = os.getcwd()
    os.chdir(folder)
    try:
        scope = {}
        exec(code.split("images = pipeline(")[0].split("scheduler.set_timesteps")[0], scope)
    finally:
        os.chdir(before)
    return scope.get("scheduler", scope["pipeline"].scheduler), "eta=" in code


def network_io(folder, unet):
    """Inputs and diffusers' outputs, for the Rust side to compare with (`outputs`)."""
    size, channels = unet.config.sample_size, unet.config.in_channels
    generator = torch.Generator().manual_seed(1)
    tensors = {"x": torch.randn(4, channels, size, size, generator=generator), "t": torch.tensor([0.0, 7.5, 99.0, 640.25])}
    labels = None
    if unet.config.num_class_embeds:
        labels = torch.arange(4) * (unet.config.num_class_embeds - 1) // 3
        tensors["class_labels"] = labels
    with torch.no_grad():
        tensors["out"] = unet(tensors["x"], tensors["t"], class_labels=labels).sample
    save_file(tensors, folder / "parity.safetensors")


def outputs(difflab):
    env = dict(os.environ, DIFFLAB_PARITY=str(difflab.folder / "exports"))
    done = subprocess.run(
        ["cargo", "test", "--release", "--locked", "--test", "diffusers_folders", "--", "--ignored", "--nocapture",
         "exported_networks_answer_as_diffusers_does"],
        cwd=ROOT, env=env, capture_output=True, text=True,
    )
    found = re.findall(r"^PARITY (\S+) (\S+)$", done.stdout, re.M)
    for name, difference in found:
        difflab.say(name, "network's outputs", float(difference), 1e-4)
    if done.returncode or not found:
        difflab.say("all", "network's outputs", "cargo test failed:\n" + done.stdout[-2000:] + done.stderr[-2000:])


def snippet(difflab, name, folder):
    """The README's Python runs as it stands."""
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S).group(1)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    pictures = len(list(folder.glob("*.png")))
    problem = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    difflab.say(name, f"README's snippet ({pictures} pictures)", problem[0] if problem or not pictures else 0.0, 0.0)


def refusals(difflab, steps):
    for name, (settings, word) in REFUSED.items():
        if not difflab.wanted(name):
            continue
        run = train(difflab, name, settings, steps)
        if isinstance(run, str):
            difflab.say(name, "train", run)
            continue
        code, stderr = difflab.run("export", run, difflab.folder / "exports" / name)
        refused = code == 2 and word in stderr and not (difflab.folder / "exports" / name).exists()
        difflab.say(name, "refused with the reason", 0.0 if refused else f"exit {code}: {stderr}", 0.0)
