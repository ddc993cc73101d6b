#!/usr/bin/env python3
"""Trains the judge of clothes, `clothes_reader.f16.safetensors`, and measures how often it is right.

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python datasets/judge/train_clothes_reader.py

Only Fashion-MNIST's 10,000 test pictures come with difflab. They are cut in a training part of 8,000 and a held-out
part of 2,000, 200 of each class, which is looked at once, when training is over: nothing is chosen by it. The network
of the first split is the one that is written. The others are trained in the same way on other cuts, for the error of
the measurement only. The layout is that of the judge of digits: three 3×3 convolutions of 32, 64 and 128 channels,
each with ReLU and 2×2 max pooling, then 1152 → 256 → 10.
"""

import argparse
import gzip
import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "fashion-mnist-10k"
CLASSES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
# Of the 60,000 pictures of Fashion-MNIST's training set, as everybody uses them.
PIXEL_MEAN, PIXEL_STD = 0.2860, 0.3530
HELD_OUT_OF_EACH = 200


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", type=int, default=5, help="cuts into training and held-out part")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "clothes_reader.f16.safetensors")
    return parser.parse_args()


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        # The names of the layers are those of the judge of digits.
        self.conv_layers = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.fc_layers = nn.ModuleDict({"0": nn.Linear(1152, 256), "2": nn.Linear(256, 10)})

    def forward(self, x):
        features = F.dropout(self.conv_layers(x).flatten(1), 0.25, self.training)
        hidden = F.dropout(self.fc_layers["0"](features).relu(), 0.5, self.training)
        return self.fc_layers["2"](hidden)


def read():
    def idx(name, header):
        with gzip.open(DATA / name) as file:
            return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)[header:]

    images = idx("t10k-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28).float() / 255
    return images, idx("t10k-labels-idx1-ubyte.gz", 8).long()


def split(labels, seed):
    """Indices of the training part and of the held-out part, as many of each class."""
    generator = torch.Generator().manual_seed(seed)
    kept, held_out = [], []
    for label in range(len(CLASSES)):
        of_class = (labels == label).nonzero().flatten()
        of_class = of_class[torch.randperm(len(of_class), generator=generator)]
        held_out.append(of_class[:HELD_OUT_OF_EACH])
        kept.append(of_class[HELD_OUT_OF_EACH:])
    return torch.cat(kept), torch.cat(held_out)


def varied(x):
    """Mirrored, moved by up to two pixels, and with a hole in every other picture."""
    n = len(x)
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.flip(3), x)
    padded = F.pad(x, (2, 2, 2, 2))
    down, right = torch.randint(0, 5, (2, n, 1))
    rows = (torch.arange(28) + down)[:, :, None]
    columns = (torch.arange(28) + right)[:, None, :]
    x = padded[torch.arange(n)[:, None, None], 0, rows, columns][:, None]
    top, left = torch.randint(0, 21, (2, n, 1))
    side = torch.randint(4, 9, (n, 1))
    rows, columns = torch.arange(28)[None] - top, torch.arange(28)[None] - left
    hole = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    hole &= torch.rand(n, 1, 1) < 0.5
    return torch.where(hole[:, None], torch.rand(n, 1, 1, 1), x)


def normalized(x):
    return (x - PIXEL_MEAN) / PIXEL_STD


def trained(images, labels, seed, epochs, batch=128, rate=2e-3):
    torch.manual_seed(seed)
    # Faster on a processor.
    net = Reader().to(memory_format=torch.channels_last)
    average = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    total = epochs * (len(images) // batch)
    step = 0
    for epoch in range(epochs):
        net.train()
        for index in torch.randperm(len(images)).split(batch):
            if len(index) < batch:
                continue
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / total))
            x = normalized(varied(images[index])).to(memory_format=torch.channels_last)
            loss = F.cross_entropy(net(x), labels[index], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            with torch.no_grad():
                torch._foreach_lerp_(average, list(net.parameters()), 1 - min(0.995, (1 + step) / (10 + step)))
        if (epoch + 1) % 10 == 0:
            print(f"  seed {seed}: {epoch + 1} epochs, loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        for parameter, mean in zip(net.parameters(), average):
            # What ships is what is measured: rounded to half precision.
            parameter.copy_(mean.half().float())
    return net.eval()


@torch.no_grad()
def right(net, images, labels):
    """How many of each class are read as it, and all confusions."""
    read = torch.cat([net(normalized(part)).argmax(1) for part in images.split(500)])
    table = torch.zeros(10, 10, dtype=torch.long)
    for asked, found in zip(labels.tolist(), read.tolist()):
        table[asked, found] += 1
    return table


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    images, labels = read()
    shares = []
    for seed in range(options.splits):
        kept, held_out = split(labels, seed)
        net = trained(images[kept], labels[kept], seed, options.epochs)
        table = right(net, images[held_out], labels[held_out])
        shares.append(table.diag().sum().item() / len(held_out))
        seen = right(net, images[kept], labels[kept]).diag().sum().item() / len(kept)
        print(f"split {seed}: {100 * shares[-1]:.2f} % of {len(held_out)} held-out pictures, {100 * seen:.2f} % of those "
              "trained on", flush=True)  # fmt: skip
        if seed == 0:
            for label, name in enumerate(CLASSES):
                print(f"  {name:12} {100 * table[label, label].item() / HELD_OUT_OF_EACH:.1f} %")
            tensors = {name: value.half().contiguous() for name, value in net.state_dict().items()}
            save_file(tensors, options.out)
            again = load_file(options.out)
            assert all((again[name].float() == value).all() for name, value in net.state_dict().items())
    mean = sum(shares) / len(shares)
    if len(shares) > 1:
        spread = math.sqrt(sum((share - mean) ** 2 for share in shares) / (len(shares) - 1))
        print(f"{len(shares)} splits: {100 * mean:.2f} %, standard deviation {100 * spread:.2f} %")


if __name__ == "__main__":
    main()
