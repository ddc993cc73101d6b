"""PyTorch's side of the GPU check: diffusers' UNet2DModel in plain PyTorch, and how long its steps take.

    python3 torch_side.py < request.json

The request: {"unet": {…what `difflab bench --print-unet-config` prints…}, "train": [batch sizes], "sample": [batch sizes],
"compile": bool, "tf32": bool, "device": "cuda", "seconds": at most for each}. The answer, on standard output, is a JSON object.
A training step is what difflab's is: batch, forward, mean squared error, backward, clipping to norm 1, AdamW (the fused
one), the moving average of the weights, and reading out the losses and the norm. Sampling is one call without gradients.
"""

import json
import math
import os
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

TIMESTEPS = 1000
IMAGES = 1024
P_UNCOND = 0.1
EMA_DECAY = 0.999


class ResnetBlock(nn.Module):
    def __init__(self, c_in, c_out, time_width, groups, eps, scale_shift):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, c_in, eps)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_width, 2 * c_out if scale_shift else c_out)
        self.norm2 = nn.GroupNorm(groups, c_out, eps)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else None
        self.scale_shift = scale_shift

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x)))
        time = self.time_emb_proj(F.silu(time))[:, :, None, None]
        if self.scale_shift:
            scale, shift = time.chunk(2, 1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + time)
        h = self.conv2(F.silu(h))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    def __init__(self, channels, head_dim, groups, eps):
        super().__init__()
        self.heads = channels // head_dim
        self.group_norm = nn.GroupNorm(groups, channels, eps) if groups else None
        self.to_q, self.to_k, self.to_v, self.to_out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        n, c, height, width = x.shape
        h = x if self.group_norm is None else self.group_norm(x)
        h = h.view(n, c, -1).transpose(1, 2)
        q, k, v = (
            to(h).view(n, -1, self.heads, c // self.heads).transpose(1, 2) for to in (self.to_q, self.to_k, self.to_v)
        )
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, -1, c)
        return x + self.to_out(h).transpose(1, 2).reshape(n, c, height, width)


class UNet(nn.Module):
    """`UNet2DModel` with the settings that difflab's networks have."""

    def __init__(self, config):
        super().__init__()
        widths, layers = config["block_out_channels"], config["layers_per_block"]
        groups, eps = config["norm_num_groups"], config["norm_eps"]
        time_width, head_dim = 4 * widths[0], config["attention_head_dim"]
        scale_shift = config["resnet_time_scale_shift"] == "scale_shift"
        self.width = widths[0]
        self.flip = config["flip_sin_to_cos"]
        self.shift = config["freq_shift"]

        def resnet(c_in, c_out):
            return ResnetBlock(c_in, c_out, time_width, groups, eps, scale_shift)

        def attention(channels, norm_groups):
            return Attention(channels, head_dim or channels, norm_groups, eps)

        self.conv_in = nn.Conv2d(config["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = nn.Sequential(
            nn.Linear(widths[0], time_width), nn.SiLU(), nn.Linear(time_width, time_width)
        )
        rows = config.get("num_class_embeds")
        self.class_embedding = nn.Embedding(rows, time_width) if rows else None
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        c = widths[0]
        for level, (kind, width) in enumerate(zip(config["down_block_types"], widths)):
            block = nn.Module()
            block.resnets, block.attentions = nn.ModuleList(), nn.ModuleList()
            for _ in range(layers):
                block.resnets.append(resnet(c, width))
                if kind.startswith("Attn"):
                    block.attentions.append(attention(width, groups))
                c = width
            last = level + 1 == len(widths)
            block.sampler = None if last else nn.Conv2d(width, width, 3, stride=2, padding=1)
            self.down.append(block)
        mid_groups = config["attn_norm_num_groups"] or (None if scale_shift else groups)
        self.mid = nn.ModuleList([resnet(c, c), resnet(c, c)])
        self.mid_attention = attention(c, mid_groups) if config["add_attention"] else None
        reverse = widths[::-1]
        for level, kind in enumerate(config["up_block_types"]):
            width = reverse[level]
            before, after = reverse[max(level - 1, 0)], reverse[min(level + 1, len(widths) - 1)]
            block = nn.Module()
            block.resnets, block.attentions = nn.ModuleList(), nn.ModuleList()
            for k in range(layers + 1):
                skip = after if k == layers else width
                block.resnets.append(resnet((before if k == 0 else width) + skip, width))
                if kind.startswith("Attn"):
                    block.attentions.append(attention(width, groups))
            last = level + 1 == len(widths)
            block.sampler = None if last else nn.Conv2d(width, width, 3, padding=1)
            self.up.append(block)
        self.norm_out = nn.GroupNorm(groups, widths[0], eps)
        self.conv_out = nn.Conv2d(widths[0], config["out_channels"], 3, padding=1)

    def embed(self, t):
        half = self.width // 2
        steps = torch.arange(half, device=t.device, dtype=torch.float32)
        angles = t.float()[:, None] * torch.exp(-math.log(10000) * steps / (half - self.shift))
        parts = [angles.cos(), angles.sin()] if self.flip else [angles.sin(), angles.cos()]
        return torch.cat(parts, 1)

    def forward(self, x, t, labels=None):
        time = self.time_embedding(self.embed(t))
        if self.class_embedding is not None:
            time = time + self.class_embedding(labels)
        h = self.conv_in(x)
        skips = [h]
        for block in self.down:
            for k, resnet in enumerate(block.resnets):
                h = resnet(h, time)
                if len(block.attentions):
                    h = block.attentions[k](h)
                skips.append(h)
            if block.sampler is not None:
                h = block.sampler(h)
                skips.append(h)
        h = self.mid[0](h, time)
        if self.mid_attention is not None:
            h = self.mid_attention(h)
        h = self.mid[1](h, time)
        for block in self.up:
            for k, resnet in enumerate(block.resnets):
                h = resnet(torch.cat([h, skips.pop()], 1), time)
                if len(block.attentions):
                    h = block.attentions[k](h)
            if block.sampler is not None:
                h = block.sampler(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


class Pictures:
    """Random pictures and classes, on the device."""

    def __init__(self, config, device):
        size, self.device = config["sample_size"], device
        height, width = (size, size) if isinstance(size, int) else size
        shape = (IMAGES, config["in_channels"], height, width)
        self.pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
        rows = config.get("num_class_embeds")
        self.null = rows - 1 if rows else None
        self.labels = torch.randint(0, self.null, (IMAGES,), device=device) if rows else None
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS, dtype=torch.float64)
        self.alphas_cumprod = torch.cumprod(1 - betas, 0).float().to(device)

    def batch(self, n):
        index = torch.randint(0, IMAGES, (n,), device=self.device)
        x_0 = self.pixels[index].float() / 127.5 - 1
        epsilon = torch.randn_like(x_0)
        t = torch.randint(0, TIMESTEPS, (n,), device=self.device)
        alpha_bar = self.alphas_cumprod[t].view(-1, 1, 1, 1)
        x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * epsilon
        labels = None
        if self.labels is not None:
            dropped = torch.rand(n, device=self.device) < P_UNCOND
            labels = torch.where(dropped, self.null, self.labels[index])
        return x_t, t, labels, epsilon


class Training:
    def __init__(self, config, n, compiled, device):
        self.model = UNet(config).to(device).train()
        self.call = torch.compile(self.model, dynamic=False) if compiled else self.model
        self.n, self.pictures = n, Pictures(config, device)
        self.parameters = list(self.model.parameters())
        self.average = [p.detach().clone() for p in self.parameters]
        fused = device != "cpu"
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, weight_decay=0.0, fused=fused)

    def run(self):
        x_t, t, labels, epsilon = self.pictures.batch(self.n)
        losses = (self.call(x_t, t, labels) - epsilon).square().mean((1, 2, 3))
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - EMA_DECAY)
        return losses.tolist(), norm.item()


class Sampling:
    def __init__(self, config, n, compiled, device):
        model = UNet(config).to(device).eval()
        self.call = torch.compile(model, dynamic=False) if compiled else model
        pictures = Pictures(config, device)
        self.x_t, _, self.labels, _ = pictures.batch(n)
        self.t = torch.full((n,), TIMESTEPS // 2, device=device)
        self.alpha_bar = pictures.alphas_cumprod[TIMESTEPS // 2]

    @torch.inference_mode()
    def run(self):
        epsilon = self.call(self.x_t, self.t, self.labels)
        return (self.x_t - (1 - self.alpha_bar).sqrt() * epsilon) / self.alpha_bar.sqrt()


def timed(work, device, seconds, repeats=30):
    """Milliseconds of each run; three runs before them don't count."""
    started, times = time.perf_counter(), []
    for number in range(3 + repeats):
        begun = time.perf_counter()
        work.run()
        if device != "cpu":
            torch.cuda.synchronize()
        if number >= 3:
            times.append(1e3 * (time.perf_counter() - begun))
        if times and time.perf_counter() - started > seconds:
            break
    return times


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    device = request["device"]
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = request["tf32"]
    torch.backends.cudnn.allow_tf32 = request["tf32"]
    config = request["unet"]
    parameters = sum(p.numel() for p in UNet(config).parameters())
    answer = {"parameters": parameters, "torch": torch.__version__, "train": {}, "sample": {}}
    if device != "cpu":
        answer["gpu"] = torch.cuda.get_device_name()
    for work, kind in (("train", Training), ("sample", Sampling)):
        for n in request[work]:
            if device != "cpu":
                torch.cuda.reset_peak_memory_stats()
            times = timed(kind(config, n, request["compile"], device), device, request["seconds"])
            memory = 0 if device == "cpu" else torch.cuda.max_memory_allocated()
            answer[work][n] = {"median_ms": statistics.median(times), "all_ms": times, "peak_bytes": memory}
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
