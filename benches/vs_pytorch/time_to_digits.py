#!/usr/bin/env python3
"""PyTorch's row of docs/speedrun.md: seconds to samples that read as asked, with the configuration that difflab ships.

    cargo build --release
    cd benches/vs_pytorch
    venv/bin/python time_to_digits.py --seeds 5 --seconds 120
    venv/bin/python time_to_digits.py --seeds 5 --seconds 120 --bf16 --compile --channels-last
    venv/bin/python time_to_digits.py --seconds 180 --every 15 --curve        # one seed, step by step

Trains diffusers' UNet2DModel (made from `difflab bench CONFIG --print-unet-config`) on the same pictures with the same
batch, learning rates, target, schedule, label dropping and moving average of the weights. About once a second of training
the averaged weights are put aside. When a training is over, each becomes a diffusers folder, which `difflab import` turns
into a run for `difflab eval`, so that one judge reads both sides' samples in the same way (200 samples, w = 1, DDIM 50,
noise by the seed of the training). The time to a target is that of the first weights that reach it and whose successors do
so too. `--set` takes difflab's own keys, as far as this script knows them; it refuses the others.

The clock counts the training steps alone: it stands still while Python starts, data are loaded, code is compiled, and
weights are put aside. difflab's own row counts all of that: difflab speedrun
"""

import argparse
import copy
import datetime
import gzip
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="mnist", help="a shipped config of digits or clothes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120.0, help="of training a seed, judging not counted")
    parser.add_argument("--every", type=float, default=1.0, help="seconds of training between two judged weights")
    parser.add_argument("--seeds", type=int, default=1, help="trainings, with the seeds 0 to N - 1")
    parser.add_argument("--seed", type=int, help="one training, with this seed")
    parser.add_argument("--num", type=int, default=200, help="samples of each")
    parser.add_argument("--target", type=float, action="append", help="a share read as asked; may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the config")
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--channels-last", action="store_true", help="memory in the order NHWC")
    parser.add_argument("--curve", action="store_true", help="judge all of them, and print what was read as asked")
    parser.add_argument("--difflab", type=Path, default=ROOT / "target/release/difflab")
    return parser.parse_args()


ARGUMENTS = arguments()
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGUMENTS.threads)

import torch  # noqa: E402  (the number of threads comes first)
from diffusers import DDPMPipeline, DDPMScheduler, FlowMatchEulerDiscreteScheduler, UNet2DModel  # noqa: E402

CLOTHES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
# Files, class names where import can't know them, and targets.
DATA = {
    "mnist": ("mnist/train", None, [0.9, 0.98]),
    "fashion-mnist-10k": ("fashion-mnist-10k/t10k", CLOTHES, [0.8]),
}
# What difflab's configs say where they say nothing, for the keys that this script knows.
DEFAULTS = {
    "data.dataset": "mnist",
    "data.held_out": 0,
    "data.horizontal_flip": False,
    "diffusion.path": "vp",
    "diffusion.shift": 1.0,
    "diffusion.timesteps": 1000,
    "diffusion.schedule": "cosine",
    "diffusion.prediction_type": "v_prediction",
    "train.steps": 20_000,
    "train.batch_size": 64,
    "train.learning_rate": 1e-3,
    "train.lr_schedule": "cosine",
    "train.warmup_steps": 100,
    "train.min_learning_rate": 1e-5,
    "train.beta1": 0.9,
    "train.beta2": 0.999,
    "train.adam_eps": 1e-8,
    "train.weight_decay": 0.0,
    "train.max_grad_norm": 1.0,
    "train.loss_weighting": "simple",
    "train.min_snr_gamma": 5.0,
    "train.timestep_sampling": "auto",
    "train.p_uncond": 0.1,
    "train.ema_decay": 0.999,
    "train.ema_power": 0.0,
    "train.optimizer": "adamw",
    "train.muon_momentum": 0.95,
    "model.zero_init": False,
}
# Keys that change nothing here: what is written, shown and sampled, and what --bf16 chooses.
IDLE = ("name", "version", "seed", "preview.", "sample.", "train.eval_every", "train.checkpoint_every", "train.precision",
        "train.keep_checkpoints", "train.history", "train.log_every", "train.timestep_loss_every", "train.timestep_bins")  # fmt: skip
# Further ones that only one value of is known.
FIXED = {
    "diffusion.timesteps": [1000],
    "diffusion.schedule": ["cosine"],
    "diffusion.path": ["vp", "flow"],
    "diffusion.prediction_type": ["v_prediction", "flow"],
    "train.lr_schedule": ["constant", "cosine"],
    "train.loss_weighting": ["simple", "min_snr"],
    "train.timestep_sampling": ["auto", "uniform", "stratified"],
    "train.optimizer": ["adamw", "muon"],
}


def settings():
    with open(ROOT / "configs" / f"{ARGUMENTS.config}.toml", "rb") as file:
        tables = tomllib.load(file)
    given = {}
    for name, value in tables.items():
        given.update({f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value})
    for one in ARGUMENTS.set:
        key, _, value = one.partition("=")
        try:
            given[key.strip()] = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            given[key.strip()] = value.strip()
    for key, value in given.items():
        # The network's own are difflab's to understand.
        if key not in DEFAULTS and not key.startswith(IDLE) and not key.startswith("model."):
            sys.exit(f"{key}: this script doesn't know the key; it knows {', '.join(DEFAULTS)} and those of model")
        if key in FIXED and value not in FIXED[key]:
            sys.exit(f"{key} = {value}: this script knows {', '.join(map(str, FIXED[key]))}")
    chosen = {**DEFAULTS, **{key: value for key, value in given.items() if key in DEFAULTS}}
    if (chosen["diffusion.path"] == "flow") != (chosen["diffusion.prediction_type"] == "flow"):
        sys.exit("diffusion.prediction_type: this script knows v_prediction on path vp, and flow on path flow")
    if chosen["data.dataset"] not in DATA:
        sys.exit(f"data.dataset = {chosen['data.dataset']}: this script knows {', '.join(DATA)}")
    return chosen


def read_idx(name, header):
    with gzip.open(ROOT / "datasets" / name) as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)[header:]


def difflab(*arguments):
    done = subprocess.run([str(ARGUMENTS.difflab), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"difflab {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


class Judge:
    """How many samples of some weights read as the class asked for, looked at no further than must be."""

    def __init__(self, unet, scheduler, saved, seed, classes, folder):
        self.unet, self.scheduler, self.saved, self.seed = unet, scheduler, saved, seed
        self.classes, self.folder = classes, folder
        self.counts = {}

    def run(self, at):
        run = self.folder / f"run-{at}"
        if not run.exists():
            with torch.no_grad():
                for parameter, value in zip(self.unet.parameters(), self.saved[at][2]):
                    parameter.copy_(value)
            DDPMPipeline(unet=self.unet, scheduler=self.scheduler).save_pretrained(self.folder / "pipeline")
            difflab("import", self.folder / "pipeline", run)
            if self.classes:
                (run / "classes.txt").write_text("\n".join(self.classes) + "\n")
        return run

    def right(self, at, num):
        if (at, num) not in self.counts:
            how = ["--num", num, "--guidance-scale", 1, "--sampler", "ddim", "--steps", 50, "--seed", self.seed]
            how += ["--threads", ARGUMENTS.threads]
            said = difflab("eval", self.run(at), "--metrics", "accuracy", "--format", "json", *how)
            self.counts[at, num] = json.loads(said)["right"]
        return self.counts[at, num]

    def reaches(self, at, target):
        num = ARGUMENTS.num
        needed = math.ceil(target * num - 1e-9)
        # The first samples are the same, however many follow.
        few = num // 5
        if (at, num) not in self.counts and few - self.right(at, few) > num - needed:
            return False
        return self.right(at, num) >= needed

    def first(self, target):
        """Seconds of the first weights that reach a target, and whose successors do; None where there are none."""
        count = len(self.saved)
        for second in range(1, count, 2):
            if self.reaches(second, target):
                if self.reaches(second - 1, target):
                    return self.saved[second - 1][0]
                if second + 1 < count and self.reaches(second + 1, target):
                    return self.saved[second][0]
        return None


def scheduler_of(chosen):
    """What the folder says of the path, so that difflab samples on the same one."""
    if chosen["diffusion.path"] == "flow":
        return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=chosen["diffusion.shift"])
    return DDPMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )


class Vp:
    """Steps of the cosine schedule (Nichol & Dhariwal 2021, eq. 17), and v (Salimans & Ho 2022)."""

    def __init__(self):
        g = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2  # noqa: E731
        beta = [min(1 - g((i + 1) / 1000) / g(i / 1000), 0.999) for i in range(1000)]
        self.alphas_cumprod = torch.cumprod(1 - torch.tensor(beta, dtype=torch.float64), 0).float()

    def at(self, share):
        """Of each share of the path in [0, 1): the network's time, alpha and sigma."""
        t = (share * 1000).long().clamp(max=999)
        return t, self.alphas_cumprod[t].sqrt(), (1 - self.alphas_cumprod[t]).sqrt()

    def target(self, x_0, epsilon, alpha, sigma):
        return alpha * epsilon - sigma * x_0


class Flow:
    """The straight path x_t = (1 - u) x_0 + u epsilon (Lipman et al. 2023), its times moved by shift (Esser et al. 2024)."""

    def __init__(self, shift):
        self.shift = shift

    def at(self, share):
        u = 1 - share
        u = self.shift * u / (1 + (self.shift - 1) * u)
        return 1000 * u, 1 - u, u

    def target(self, x_0, epsilon, alpha, sigma):
        return epsilon - x_0


def path_of(chosen):
    return Flow(chosen["diffusion.shift"]) if chosen["diffusion.path"] == "flow" else Vp()


def learning_rate(chosen, step):
    peak, warm_up, floor = (chosen[f"train.{key}"] for key in ("learning_rate", "warmup_steps", "min_learning_rate"))
    if step < warm_up:
        return peak * step / warm_up
    if chosen["train.lr_schedule"] == "constant":
        return peak
    progress = min((step - warm_up) / max(chosen["train.steps"] - warm_up, 1), 1.0)
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * progress))


def zero_ends(model):
    """The last layer of each branch and of the network: model.zero_init."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            layer = name.rsplit(".", 1)[0]
            if layer == "conv_out" or layer.endswith((".conv2", ".to_out.0")):
                parameter.zero_()


class Muon(torch.optim.Optimizer):
    """Jordan et al. 2024, with steps of 0.2 in the root mean square (Liu et al. 2025, arXiv:2502.16982, eq. 4), as difflab has
    it: a convolution's matrix is what it reads, kernel and channels, by what it writes."""

    def __init__(self, parameters, lr, momentum, weight_decay):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state["m"] = torch.zeros_like(parameter)
                state["m"].mul_(group["momentum"]).add_(parameter.grad)
                ahead = parameter.grad + group["momentum"] * state["m"]
                # Transposed, which changes nothing: (U S Vᵀ)ᵀ has the same orthogonal factor, transposed.
                matrix = ahead.reshape(len(ahead), -1)
                scale = 0.2 * max(matrix.shape) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(self.orthogonal(matrix).reshape(parameter.shape), alpha=-group["lr"] * scale)

    @staticmethod
    def orthogonal(x):
        wide = x.shape[0] <= x.shape[1]
        x = (x if wide else x.T) / (x.norm() + 1e-7)
        for _ in range(5):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        return x if wide else x.T


def optimizers(chosen, model):
    """AdamW for all parameters; with train.optimizer = "muon" Muon for the matrices inside the network."""
    inside = {"conv_in.weight", "conv_out.weight"}
    tables = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, torch.nn.Embedding)}
    is_matrix = lambda name, p: p.dim() >= 2 and name not in inside and name not in tables  # noqa: E731
    named = list(model.named_parameters())
    matrices = [p for name, p in named if chosen["train.optimizer"] == "muon" and is_matrix(name, p)]
    ids = {id(p) for p in matrices}
    adamw = torch.optim.AdamW(
        [p for _, p in named if id(p) not in ids],
        lr=chosen["train.learning_rate"],
        betas=(chosen["train.beta1"], chosen["train.beta2"]),
        eps=chosen["train.adam_eps"],
        weight_decay=chosen["train.weight_decay"],
        fused=True,
    )
    if not matrices:
        return [adamw]
    rate = chosen["train.learning_rate"]
    return [adamw, Muon(matrices, rate, chosen["train.muon_momentum"], chosen["train.weight_decay"])]


def ema_decay(chosen, step):
    power = chosen["train.ema_power"]
    rising = (1 - 1 / step) ** (power + 1) if power > 0 else (1 + step) / (10 + step)
    return min(chosen["train.ema_decay"], rising)


def shares(chosen, batch):
    """Where on the path each image of a batch is taken, in [0, 1)."""
    if chosen["train.timestep_sampling"] == "stratified":
        return (torch.randperm(batch) + torch.rand(batch)) / batch
    return torch.rand(batch)


def train(chosen, unet_config, images, labels, seed):
    """The network that averages go into, and [(seconds, images, averaged weights)]."""
    torch.manual_seed(seed)
    batch = chosen["train.batch_size"]
    model = UNet2DModel.from_config({k: v for k, v in unet_config.items() if not k.startswith("_")}).train()
    if chosen["model.zero_init"]:
        zero_ends(model)
    if ARGUMENTS.channels_last:
        model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False).eval()
    parameters, averages = list(model.parameters()), list(average.parameters())
    movers = optimizers(chosen, model)
    call = torch.compile(model, dynamic=False) if ARGUMENTS.compile else model
    path = path_of(chosen)
    null = unet_config["num_class_embeds"] - 1
    kept = torch.randperm(len(images))[chosen["data.held_out"] :]

    def loss_of(index):
        x_0, y = images[index].float() / 127.5 - 1, labels[index]
        if chosen["data.horizontal_flip"]:
            x_0 = torch.where(torch.rand(len(index), 1, 1, 1) < 0.5, x_0.flip(3), x_0)
        y = torch.where(torch.rand(len(index)) < chosen["train.p_uncond"], null, y)
        t, *factors = path.at(shares(chosen, len(index)))
        alpha, sigma = (factor.view(-1, 1, 1, 1) for factor in factors)
        epsilon = torch.randn_like(x_0)
        x_t = alpha * x_0 + sigma * epsilon
        if ARGUMENTS.channels_last:
            x_t = x_t.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=ARGUMENTS.bf16):
            (output,) = call(x_t, t, class_labels=y, return_dict=False)
        losses = (output.float() - path.target(x_0, epsilon, alpha, sigma)).square().mean((1, 2, 3))
        if chosen["train.loss_weighting"] == "min_snr":
            # min(SNR, γ) of the error of x_0, which is σ times that of the target on both paths.
            alpha, sigma = factors
            losses = losses * (alpha / sigma).square().clamp(max=chosen["train.min_snr_gamma"]) * sigma.square()
        return losses.mean()

    # What is compiled or chosen at the first call isn't counted.
    loss_of(kept[:batch]).backward()
    model.zero_grad(set_to_none=True)

    saved, clock, next_stop, step, order = [], 0.0, ARGUMENTS.every, 0, kept[:0]
    while clock < ARGUMENTS.seconds and step < chosen["train.steps"]:
        started = time.perf_counter()
        step += 1
        if len(order) < batch:
            order = kept[torch.randperm(len(kept))]
        index, order = order[:batch], order[batch:]
        loss = loss_of(index)
        model.zero_grad(set_to_none=True)
        loss.backward()
        if chosen["train.max_grad_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(parameters, chosen["train.max_grad_norm"], foreach=True)
        for optimizer in movers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(chosen, step)
            optimizer.step()
        with torch.no_grad():
            decay = ema_decay(chosen, step)
            torch._foreach_lerp_(averages, parameters, 1 - decay)
        clock += time.perf_counter() - started
        if clock >= next_stop or step == chosen["train.steps"]:
            next_stop = max(next_stop + ARGUMENTS.every, clock)
            saved.append((clock, step * batch, [value.detach().clone() for value in averages]))
    return average, saved


def spread(seconds):
    """"24.1 (22.0–27.3)"; what was not reached is longer than the limit."""
    shown = lambda s: f"{s:.1f}" if math.isfinite(s) else f"> {ARGUMENTS.seconds:g}"  # noqa: E731
    seconds = [math.inf if one is None else one for one in seconds]
    if len(seconds) == 1 or not math.isfinite(min(seconds)):
        return shown(min(seconds))
    return f"{shown(statistics.median(seconds))} ({shown(min(seconds))}–{shown(max(seconds))})"


def processor():
    try:
        with open("/proc/cpuinfo") as info:
            return next(line.split(": ")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def main():
    torch.set_num_threads(ARGUMENTS.threads)
    chosen = settings()
    name, classes, usual = DATA[chosen["data.dataset"]]
    targets = ARGUMENTS.target or usual
    images = read_idx(f"{name}-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
    labels = read_idx(f"{name}-labels-idx1-ubyte.gz", 8).long()
    sets = [word for one in ARGUMENTS.set if one.startswith("model.") for word in ("--set", one)]
    unet_config = json.loads(difflab("bench", ARGUMENTS.config, "--print-unet-config", *sets))

    reached, rates = [], []
    for seed in [ARGUMENTS.seed] if ARGUMENTS.seed is not None else range(ARGUMENTS.seeds):
        average, saved = train(chosen, unet_config, images, labels, seed)
        rates.append(saved[-1][1] / saved[-1][0])
        with tempfile.TemporaryDirectory() as folder:
            judge = Judge(average, scheduler_of(chosen), saved, seed, classes, Path(folder))
            if ARGUMENTS.curve:
                print(f"\nseed {seed}\n\n| minutes | images | read as asked |\n|---|---|---|", flush=True)
                for at, (clock, count, _) in enumerate(saved):
                    share = judge.right(at, ARGUMENTS.num) / ARGUMENTS.num
                    print(f"| {clock / 60:.2f} | {count} | {100 * share:.1f} % |", flush=True)
            reached.append([judge.first(target) for target in targets])
        words = (f"{100 * t:g} % " + ("not reached" if s is None else f"after {s:.1f} s") for t, s in zip(targets, reached[-1]))
        print(f"seed {seed}: {', '.join(words)}; {rates[-1]:.0f} images/s", file=sys.stderr, flush=True)

    ways = [way for way, on in (("bf16 autocast", ARGUMENTS.bf16), ("compile", ARGUMENTS.compile),
                                ("channels last", ARGUMENTS.channels_last)) if on] or ["eager f32"]  # fmt: skip
    header = ["date", "PyTorch", "machine", "recipe", *(f"seconds to {100 * t:g} %" for t in targets), "images/s"]
    cells = [
        datetime.date.today().isoformat(),
        ", ".join([torch.__version__, *ways]),
        f"{processor()}, {ARGUMENTS.threads} threads, {torch.backends.cpu.get_cpu_capability()}",
        ", ".join([ARGUMENTS.config, *ARGUMENTS.set]),
        *(spread([seed[i] for seed in reached]) for i in range(len(targets))),
        f"{statistics.median(rates):.0f}",
    ]
    print(f"\n| {' | '.join(header)} |\n|{'---|' * len(header)}\n| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
