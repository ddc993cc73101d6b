"""Does diffusers open what difflab exports, and do both compute the same?

    python tests/parity/run.py [--difflab target/release/difflab] [--keep DIR] [--only NAME ...]

Needs requirements.txt, the release binary and, for the networks' outputs, cargo. For every kind of run that can
be exported: trains a tiny one, exports it, loads it in diffusers (no missing and no unexpected tensor), compares
the network's outputs (1e-4) and whole trajectories of 50 steps from the same noise for each deterministic sampler
(1e-3 in pixel units), against the scheduler that diffusers makes `from_config` of the export. Then the other way
round: folders saved by diffusers, imported and sampled. Ends with 1 if anything differs.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import diffusers
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

diffusers.logging.set_verbosity_error()
diffusers.logging.disable_progress_bar()
ROOT = Path(__file__).resolve().parents[2]
STEPS = 50

# name: (settings of the run, samplers compared)
VP = ["ddim", "euler", "heun", "dpmpp_2m", "dpmpp_3m", "unipc"]
TINY = [
    "model.block_out_channels=[8, 16]", "model.norm_num_groups=4", "model.attention_head_dim=8", "train.batch_size=16",
    "train.warmup_steps=5", "train.learning_rate=0.002", "train.eval_every=0", "preview.enabled=false",
    "preview.save_every=0", "data.dataset=mnist-10k", "sample.guidance_scale=0", "train.checkpoint_every=0",
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


def exact_sigmas(scheduler):
    """Gives HeunDiscreteScheduler its sigmas in f64.

    Its first step leads from the largest sigma (20,000 on the cosine schedule) and multiplies what the two
    estimates of x_0 differ by with half the ratio of the sigmas, some hundreds: its own f32 sigmas are off by
    3e-5 there, and its samples by 3e-2. With exact ones it gives what difflab gives.
    """
    config = scheduler.config
    steps = config.num_train_timesteps
    if config.trained_betas is not None:
        betas = np.array(config.trained_betas, dtype=np.float64)
    elif config.beta_schedule == "squaredcos_cap_v2":
        g = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - g[1:] / g[:-1], 0.999)
    elif config.beta_schedule == "scaled_linear":
        betas = np.linspace(config.beta_start**0.5, config.beta_end**0.5, steps) ** 2
    else:
        betas = np.linspace(config.beta_start, config.beta_end, steps)
    alphas_cumprod = np.cumprod(1 - betas)
    sigmas = np.interp(scheduler.timesteps.numpy(), np.arange(steps), np.sqrt(1 / alphas_cumprod - 1))
    scheduler.sigmas = torch.from_numpy(np.append(sigmas, 0.0))


@torch.no_grad()
def theirs(unet, scheduler, noise, labels=None, s=1.0, steps=STEPS):
    scheduler.set_timesteps(steps)
    dtype = noise.dtype
    if isinstance(scheduler, diffusers.HeunDiscreteScheduler):
        exact_sigmas(scheduler)
        noise = noise.double()
    x = noise * getattr(scheduler, "init_noise_sigma", 1.0)
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        scaled = scaled.to(dtype)
        output = unet(scaled, t, class_labels=labels).sample
        if s != 1.0:
            null = torch.full_like(labels, unet.config.num_class_embeds - 1)
            uncond = unet(scaled, t, class_labels=null).sample
            output = uncond + s * (output - uncond)
        output = output[:, : x.shape[1]].to(x.dtype)
        x = scheduler.step(output, t, x).prev_sample
    return x.to(dtype)


class Parity:
    def __init__(self, binary, folder, only):
        self.binary, self.folder, self.only, self.rows, self.failures = binary, folder, only, [], 0

    def wanted(self, name):
        return not self.only or name in self.only

    def say(self, name, what, found, limit=None):
        bad = found if isinstance(found, str) else (None if found <= limit else f"{found:.2e} > {limit:.0e}")
        self.failures += bad is not None
        shown = found if isinstance(found, str) else f"{found:.2e} (limit {limit:.0e})"
        print(f"{'FAIL' if bad else 'ok  '} {name:24} {what:34} {shown}", flush=True)

    def difflab(self, *args):
        done = subprocess.run([self.binary, *map(str, args)], cwd=ROOT, capture_output=True, text=True)
        return done.returncode, done.stderr

    def must(self, *args):
        code, stderr = self.difflab(*args)
        if code:
            raise RuntimeError(f"difflab {' '.join(map(str, args))}: {stderr}")

    def train(self, name, settings, steps):
        run = self.folder / "runs" / name
        sets = [part for setting in TINY + settings for part in ("--set", setting)]
        code, stderr = self.difflab("mnist", "--no-tui", "--steps", steps, "--threads", 1, "--run", run, *sets)
        return run if code == 0 else stderr.strip()

    def sample(self, run, noise, sampler, steps, *more):
        out = self.folder / "out.safetensors"
        code, stderr = self.difflab(
            "sample", run, "--noise", noise, "--sampler", sampler, "--steps", steps, "--out", out, "--quiet", "--threads", 1, *more
        )
        if code:
            return stderr.strip()
        return load_file(out)["samples"]

    def trajectories(self, name, run, unet, config, samplers, labels=None, w=None):
        size, channels = unet.config.sample_size, unet.config.in_channels
        n = 2 if labels is None else len(labels)
        noise = torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(3))
        path = self.folder / "noise.safetensors"
        save_file({"noise": noise}, path)
        for sampler in samplers:
            more = [] if w is None else ["--guidance-scale", w]
            nudge = 1e-6 * torch.randn(noise.shape, generator=torch.Generator().manual_seed(4))
            ask = lambda noise, steps: theirs(  # noqa: E731
                unet, scheduler_for(sampler, config), noise, labels, 1.0 if w is None else 1.0 + w, steps
            ).clamp(-1, 1)
            # An untrained network can be chaotic in many steps: then diffusers doesn't agree with itself either.
            for steps in (STEPS, STEPS // 5):
                ours = self.sample(run, path, sampler, steps, *more)
                what = f"{sampler} {steps}" + ("" if w is None else f" w {w}")
                if isinstance(ours, str):
                    self.say(name, what, ours.splitlines()[0])
                    break
                expected = ask(noise, steps)
                inside = (expected.abs() < 1).float().mean().item()
                difference = (ours - expected).abs().max().item()
                if difference < 1e-3 or steps < STEPS or (ask(noise + nudge, steps) - expected).abs().max() < 1e-3:
                    self.say(name, f"{what} ({100 * inside:.0f} % unclipped)", difference, 1e-3)
                    break

    def exports(self, steps):
        for name, settings in RUNS.items():
            if not self.wanted(name):
                continue
            run = self.train(name, settings, steps)
            if isinstance(run, str):
                self.say(name, "train", run)
                continue
            folder = self.folder / "exports" / name
            self.must("export", run, folder)
            pipeline = DDPMPipeline.from_pretrained(folder)
            _, info = UNet2DModel.from_pretrained(folder / "unet", output_loading_info=True)
            wrong = {key: info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[key]}
            self.say(name, "tensors", json.dumps(wrong, default=list) if wrong else 0.0, 0.0)
            unet, config = pipeline.unet.eval(), pipeline.scheduler.config
            self.network_io(folder, unet)
            if name == "vp-sde-epsilon":
                # A continuous path is sampled between the timesteps; what was exported is sampled at them.
                self.must("import", folder, self.folder / "back" / name)
                self.trajectories(name, self.folder / "back" / name, unet, config, VP)
            elif name.startswith("flow"):
                self.trajectories(name, run, unet, config, ["flow_euler"])
            elif unet.config.num_class_embeds:
                labels = torch.arange(unet.config.num_class_embeds - 1)
                for w in (0.0, 1.5):
                    self.trajectories(name, run, unet, config, ["ddim", "dpmpp_2m"], labels, w)
            else:
                # diffusers' DDIM steps down by T // n whatever the spacing; difflab's own runs follow the spacing.
                # Its Heun knows no zero terminal SNR.
                odd = {"cosine-v-linspace": "ddim", "zero-snr-v": "heun"}.get(name)
                self.trajectories(name, run, unet, config, [sampler for sampler in VP if sampler != odd])
            self.snippet(name, folder)

    def network_io(self, folder, unet):
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

    def outputs(self):
        env = dict(os.environ, DIFFLAB_PARITY=str(self.folder / "exports"))
        done = subprocess.run(
            ["cargo", "test", "--release", "--locked", "--test", "diffusers_folders", "--", "--ignored", "--nocapture",
             "exported_networks_answer_as_diffusers_does"],
            cwd=ROOT, env=env, capture_output=True, text=True,
        )
        found = re.findall(r"^PARITY (\S+) (\S+)$", done.stdout, re.M)
        for name, difference in found:
            self.say(name, "network's outputs", float(difference), 1e-4)
        if done.returncode or not found:
            self.say("all", "network's outputs", "cargo test failed:\n" + done.stdout[-2000:] + done.stderr[-2000:])

    def snippet(self, name, folder):
        """The README's Python runs as it stands."""
        code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S).group(1)
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
        pictures = len(list(folder.glob("*.png")))
        problem = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        self.say(name, f"README's snippet ({pictures} pictures)", problem[0] if problem or not pictures else 0.0, 0.0)

    def refusals(self, steps):
        for name, (settings, word) in REFUSED.items():
            if not self.wanted(name):
                continue
            run = self.train(name, settings, steps)
            if isinstance(run, str):
                self.say(name, "train", run)
                continue
            code, stderr = self.difflab("export", run, self.folder / "exports" / name)
            refused = code == 2 and word in stderr and not (self.folder / "exports" / name).exists()
            self.say(name, "refused with the reason", 0.0 if refused else f"exit {code}: {stderr}", 0.0)

    def imports(self):
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
                attention_head_dim=None), dict(timestep_spacing="trailing", variance_type="fixed_large")),
            "saved-one-of-all": (base | dict(
                center_input_sample=True, mid_block_scale_factor=1.5, add_attention=False, attn_norm_num_groups=2,
                sample_size=8), dict(beta_schedule="scaled_linear", beta_start=8e-4, beta_end=0.012, timestep_spacing="linspace")),
        }
        for name, (model, scheduling) in families.items():
            if not self.wanted(name):
                continue
            torch.manual_seed(0)
            unet = UNet2DModel(**model).eval()
            folder, run = self.folder / "saved" / name, self.folder / "imported" / name
            scheduler = DDPMScheduler(**scheduling)
            shards = {} if name != "saved-default" else {"max_shard_size": "100KB"}
            DDPMPipeline(unet, scheduler).save_pretrained(folder)
            if shards:
                for file in (folder / "unet").glob("*.safetensors"):
                    file.unlink()
                unet.save_pretrained(folder / "unet", **shards)
            files = len(list((folder / "unet").glob("*.safetensors")))
            self.must("import", folder, run)
            self.say(name, f"imported ({files} files)", 0.0, 0.0)
            config = DDPMScheduler.from_pretrained(folder / "scheduler").config
            labels = torch.arange(4) if unet.config.num_class_embeds else None
            for w in [None] if labels is None else [0.0, 2.0]:
                self.trajectories(name, run, unet, config, VP, labels, w)
        if self.wanted("saved-flow"):
            torch.manual_seed(0)
            unet = UNet2DModel(**base).eval()
            folder, run = self.folder / "saved" / "flow", self.folder / "imported" / "flow"
            scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)
            DDPMPipeline(unet, scheduler).save_pretrained(folder)
            self.must("import", folder, run)
            self.trajectories("saved-flow", run, unet, scheduler.config, ["flow_euler"])
        if self.wanted("saved-bin"):
            folder = self.folder / "saved" / "bin"
            UNet2DModel(**base).save_pretrained(folder / "unet", safe_serialization=False)
            code, stderr = self.difflab("import", folder, self.folder / "imported" / "bin")
            self.say("saved-bin", "refused with the reason", 0.0 if code and "safe_serialization" in stderr else stderr, 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--difflab", default=ROOT / "target" / "release" / "difflab")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    parser.add_argument("--only", nargs="*", default=[], help="only the runs of these names")
    parser.add_argument("--train-steps", type=int, default=300)
    parser.add_argument("--no-cargo", action="store_true", help="leave out the comparison that needs cargo")
    args = parser.parse_args()
    torch.set_num_threads(1)  # the networks are tiny
    print(f"diffusers {diffusers.__version__}, torch {torch.__version__}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        parity = Parity(args.difflab, args.keep or Path(folder), args.only)
        parity.folder.mkdir(parents=True, exist_ok=True)
        parity.exports(args.train_steps)
        parity.refusals(2)
        parity.imports()
        if not args.no_cargo and (parity.folder / "exports").exists():
            parity.outputs()
    print(f"{parity.failures} failures" if parity.failures else "All the same.")
    return 1 if parity.failures else 0


if __name__ == "__main__":
    sys.exit(main())
