#!/usr/bin/env python3
"""PyTorch's way to readable digits, with the configuration that difflab ships as `mnist`.

    cargo build --release
    cd benches/vs_pytorch
    venv/bin/python time_to_digits.py --threads 2 --minutes 2.5

Trains diffusers' UNet2DModel (made from `difflab bench mnist --print-unet-config`) on the same digits with the
same batch, learning rate, warm-up, target, schedule, label dropping and moving average of the weights, in plain
eager PyTorch. Every so many seconds of training the averaged weights are saved as a diffusers folder, which
`difflab import` turns into a run for `difflab eval`, so that one judge reads both sides' samples in the same way
(200 samples, w = 1, DDIM 50). The clock stands still while weights are saved and judged.

difflab's own curve: cargo bench --bench time_to_digits
"""

import argparse
import copy
import gzip
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=2.5, help="of training, judging not counted")
    parser.add_argument("--every", type=float, default=15.0, help="seconds of training between two judgements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--difflab", type=Path, default=ROOT / "target/release/difflab")
    return parser.parse_args()


ARGUMENTS = arguments()
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGUMENTS.threads)

import torch  # noqa: E402  (the number of threads comes first)
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel  # noqa: E402


def read_idx(name, header):
    with gzip.open(ROOT / "datasets/mnist" / name) as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)[header:]


def difflab(*arguments):
    done = subprocess.run([str(ARGUMENTS.difflab), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"difflab {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def judged(unet, folder):
    """The share of 200 samples that read as the class asked for."""
    scheduler = DDPMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )
    pipeline, run = folder / "pipeline", folder / "run"
    DDPMPipeline(unet=unet, scheduler=scheduler).save_pretrained(pipeline)
    difflab("import", pipeline, run)
    sampling = ["--num", 200, "--guidance-scale", 1, "--sampler", "ddim", "--steps", 50]
    return json.loads(difflab("eval", run, "--metrics", "accuracy", "--format", "json", *sampling))["class_accuracy"]


def main():
    torch.manual_seed(ARGUMENTS.seed)
    torch.set_num_threads(ARGUMENTS.threads)
    with open(ROOT / "configs/mnist.toml", "rb") as file:
        train = tomllib.load(file)["train"]
    batch, rate, warm_up = train["batch_size"], train["learning_rate"], train["warmup_steps"]
    betas = (train.get("beta1", 0.9), train.get("beta2", 0.999))

    images = read_idx("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
    labels = read_idx("train-labels-idx1-ubyte.gz", 8).long()
    unet_config = json.loads(difflab("bench", "mnist", "--print-unet-config"))
    model = UNet2DModel.from_config({k: v for k, v in unet_config.items() if not k.startswith("_")}).train()
    average = copy.deepcopy(model).requires_grad_(False).eval()
    parameters, averages = list(model.parameters()), list(average.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=0.0, fused=True)
    # ᾱ of the cosine schedule (Nichol & Dhariwal 2021, eq. 17).
    g = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2  # noqa: E731
    beta = [min(1 - g((i + 1) / 1000) / g(i / 1000), 0.999) for i in range(1000)]
    alphas_cumprod = torch.cumprod(1 - torch.tensor(beta, dtype=torch.float64), 0).float()

    print("| minutes | images | read as asked |\n|---|---|---|", flush=True)
    clock, next_stop, step = 0.0, ARGUMENTS.every, 0
    order = torch.randperm(len(images))
    while clock < 60 * ARGUMENTS.minutes:
        started = time.perf_counter()
        step += 1
        start = (step - 1) * batch % (len(images) - batch)
        index = order[start : start + batch]
        x_0, y = images[index].float() / 127.5 - 1, labels[index]
        y = torch.where(torch.rand(batch) < train.get("p_uncond", 0.1), 10, y)
        t, epsilon = torch.randint(0, 1000, (batch,)), torch.randn_like(x_0)
        alpha, sigma = (f.view(-1, 1, 1, 1) for f in (alphas_cumprod[t].sqrt(), (1 - alphas_cumprod[t]).sqrt()))
        (output,) = model(alpha * x_0 + sigma * epsilon, t, class_labels=y, return_dict=False)
        loss = (output - (alpha * epsilon - sigma * x_0)).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / warm_up)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1 - min(0.999, (1 + step) / (10 + step)))
        clock += time.perf_counter() - started
        if clock >= next_stop:
            next_stop += ARGUMENTS.every
            with tempfile.TemporaryDirectory() as folder:
                share = judged(average, Path(folder))
            print(f"| {clock / 60:.2f} | {step * batch} | {100 * share:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
