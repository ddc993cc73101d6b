"""PyTorch's side of the comparison: one process, told what to run on standard input.

Each line of input is a JSON object, and is answered by one:

    {"make": {"unet": {…diffusers' config.json…}, "work": "train" | "sample", "batch_size": N,
              "way": {"compile": bool, "bf16": bool, "channels_last": bool}}}
    {"run": {"warm_up": N, "repeats": N}}      -> {"ms": […], "peak_resident_bytes": N}

`make` replaces what was made before. The process never works unless it is told to, so that several can
take turns.
"""

import gc
import json
import os
import resource
import sys
import time

import torch
from diffusers import UNet2DModel

TIMESTEPS = 1000
IMAGES = 1024
P_UNCOND = 0.1
EMA_DECAY = 0.999


class Pictures:
    """Random pictures and classes in the shape that a network takes."""

    def __init__(self, config, channels_last):
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        size = config["sample_size"]
        height, width = (size, size) if isinstance(size, int) else size
        self.pixels = torch.randint(0, 256, (IMAGES, config["in_channels"], height, width), dtype=torch.uint8)
        # The last row of the class table is the null class.
        rows = config.get("num_class_embeds")
        self.null = rows - 1 if rows else None
        self.labels = torch.randint(0, self.null, (IMAGES,)) if rows else None
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS, dtype=torch.float64)
        self.alphas_cumprod = torch.cumprod(1 - betas, 0).float()

    def batch(self, n):
        """x_t, timesteps, classes or None, and the noise that the network should say."""
        index = torch.randint(0, IMAGES, (n,))
        x_0 = self.pixels[index].float() / 127.5 - 1
        epsilon = torch.randn_like(x_0)
        t = torch.randint(0, TIMESTEPS, (n,))
        alpha_bar = self.alphas_cumprod[t].view(-1, 1, 1, 1)
        x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * epsilon
        labels = None
        if self.labels is not None:
            dropped = torch.rand(n) < P_UNCOND
            labels = torch.where(dropped, self.null, self.labels[index])
        return x_t.contiguous(memory_format=self.format), t, labels, epsilon


class Training:
    """The same work as a step of difflab: batch, forward, backward, clipping, AdamW, moving average, and
    the loss of every sample read out."""

    def __init__(self, model, compiled, config, n, way):
        self.model, self.call, self.n, self.bf16 = model.train(), compiled, n, way["bf16"]
        self.pictures = Pictures(config, way["channels_last"])
        self.parameters = list(model.parameters())
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, weight_decay=0.0, fused=True)

    def run(self):
        x_t, t, labels, epsilon = self.pictures.batch(self.n)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            (output,) = self.call(x_t, t, class_labels=labels, return_dict=False)
        losses = (output.float() - epsilon).square().mean((1, 2, 3))
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - EMA_DECAY)
        return losses.tolist(), norm.item()


class Sampling:
    """One call of the network as a sampler makes it, and the clean image that it points to."""

    def __init__(self, model, compiled, config, n, way):
        model.eval()
        self.call, self.bf16 = compiled, way["bf16"]
        pictures = Pictures(config, way["channels_last"])
        self.x_t, _, labels, _ = pictures.batch(n)
        self.labels = labels
        self.t = torch.full((n,), TIMESTEPS // 2)
        self.alpha_bar = pictures.alphas_cumprod[TIMESTEPS // 2]

    @torch.inference_mode()
    def run(self):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            (epsilon,) = self.call(self.x_t, self.t, class_labels=self.labels, return_dict=False)
        return (self.x_t - (1 - self.alpha_bar).sqrt() * epsilon.float()) / self.alpha_bar.sqrt()


def make(unet, work, batch_size, way):
    torch.manual_seed(0)
    config = {key: value for key, value in unet.items() if not key.startswith("_")}
    model = UNet2DModel.from_config(config)
    if way["channels_last"]:
        model = model.to(memory_format=torch.channels_last)
    # Each batch size its own code: what a user who trains with one size gets.
    compiled = torch.compile(model, dynamic=False) if way["compile"] else model
    made = {"train": Training, "sample": Sampling}[work](model, compiled, config, batch_size, way)
    return made, sum(p.numel() for p in model.parameters())


def timed(work, warm_up, repeats):
    for _ in range(warm_up):
        work.run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work.run()
        times.append(1e3 * (time.perf_counter() - started))
    return times


def peak_resident_bytes():
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def main():
    # Libraries print what they like; the answers go out alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    work = None
    for line in sys.stdin:
        request = json.loads(line)
        if "make" in request:
            work = None
            gc.collect()
            torch._dynamo.reset()
            work, parameters = make(**request["make"])
            answer = {"parameters": parameters, "torch": torch.__version__}
            answer["capability"] = torch.backends.cpu.get_cpu_capability()
        else:
            answer = {"ms": timed(work, **request["run"]), "peak_resident_bytes": peak_resident_bytes()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
