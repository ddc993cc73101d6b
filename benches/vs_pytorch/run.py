#!/usr/bin/env python3
"""difflab beside PyTorch, on this machine, taking turns.

    cargo build --release
    cd benches/vs_pytorch
    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python run.py --threads 2

Prints a markdown table. Both sides do the same work on random pictures: a training step is making the noisy
batch, forward, mean squared error, backward, clipping to norm 1, AdamW (PyTorch's fused one), the moving
average of the weights, and reading out the losses; sampling is one call of the network without gradients.
PyTorch runs diffusers' UNet2DModel, made from what `difflab bench --print-unet-config` prints.

PyTorch is measured twice: plain *eager f32*, and the *best* that its user can pick, the fastest of {eager,
compile} × {f32, bf16 autocast} × {contiguous, channels last}, which a few steps of each find out before the row
(`--ways` names those to try). difflab multiplies in bf16 where that is faster on the processor (AMX, or AMD's
AVX512-BF16), and in f32 elsewhere and in rows that say so.

For each row the sides run one after the other, each a few steps, and that several times over, so that
whatever else the machine does meets both. A ratio is the median over these rounds of (difflab's median time
/ PyTorch's median time): below 1 difflab is faster. *fastest* compares the fastest run of each side, which says what
the sides can do where others share the machine. Memory is the peak of the resident set of each process.

`--rows` takes parts of row names, `--skip` too; `--set KEY=VALUE` is passed on to difflab.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass
class Row:
    """A kind of work, and whom it is compared with."""

    name: str
    config: str
    work: str
    batch_size: int
    # PyTorch's side and what the ratio should be at most.
    against: dict
    # Settings of difflab beside those of --set.
    settings: tuple = ()
    isa: str | None = None
    memory: bool = False
    # Timed runs of each side in a round, and rounds at most.
    repeats: int = 3
    rounds: int = 100


def has_bf16():
    """Whether this processor multiplies bf16 numbers faster than f32: with AMX, or with AMD's AVX512-BF16."""
    try:
        processor = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in processor or "avx512_bf16" in processor and "AuthenticAMD" in processor


def rows():
    with open(ROOT / "configs/mnist.toml", "rb") as file:
        own_batch = tomllib.load(file).get("train", {}).get("batch_size", 64)
    precision = "bf16" if has_bf16() else "f32"
    train, sample = (f"train.precision={precision}",), (f"sample.precision={precision}",)
    # PyTorch's side is AdamW, and first weights as diffusers draws them.
    adamw = ("train.optimizer=adamw", "train.learning_rate=3e-3", "model.zero_init=false", "train.timestep_sampling=uniform")
    in_f32 = ("train.precision=f32", "sample.precision=f32")
    reference, rgb = "training step, reference", "training step, 32×32×3 (64, 128, 128)"
    large = "training step, 64×64×3 (32, 64, 96, 96)"
    table = [
        Row(reference, "reference", "train", 64, {"eager": 0.24, "best": 0.28}, train, memory=True),
        Row(f"{reference}, f32", "reference", "train", 64, {"eager": 0.31}, in_f32),
        Row(reference, "reference", "train", 128, {"eager": 0.24, "best": 0.28}, train, memory=True, repeats=2),
        Row("sampling, reference", "reference", "sample", 16, {"eager": 0.20, "best": 0.35}, sample, repeats=6),
        Row("sampling, reference", "reference", "sample", 64, {"eager": 0.20, "best": 0.35}, sample),
        Row("training step, mnist.toml", "mnist", "train", own_batch, {"eager": 0.25, "best": 0.26}, train + adamw),
        Row(rgb, "rgb32", "train", 64, {"eager": 0.28, "best": 0.32}, train, repeats=1, rounds=3),
        Row(large, "rgb64", "train", 16, {"eager": 0.45}, train, repeats=1),
    ]
    if platform.machine().lower() in ("x86_64", "amd64"):
        narrow = f"{reference}, AVX2 only"
        table.append(Row(narrow, "reference", "train", 64, {"avx2": 1.0}, in_f32, isa="avx2"))
    return table


@dataclass(frozen=True)
class Way:
    """How PyTorch runs."""

    compile: bool = False
    bf16: bool = False
    channels_last: bool = False

    def __str__(self):
        parts = ["compile" if self.compile else "eager", "bf16" if self.bf16 else "f32"]
        return " ".join(parts + ["channels last"] * self.channels_last)


WAYS = [Way(*choice) for choice in itertools.product([False, True], repeat=3)]


class Torch:
    """A PyTorch process of its own."""

    def __init__(self, name, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        if name == "avx2":
            environment.update(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2", MKL_ENABLE_INSTRUCTIONS="AVX2")
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "torch_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            sys.exit(f"the PyTorch process ({self.name}) ended; its last words are above")
        return json.loads(answer)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Difflab:
    def __init__(self, binary, threads, settings):
        if not binary.is_file():
            sys.exit(f"there is no {binary}\n  build it with: cargo build --release, or name it with --difflab")
        self.binary, self.threads, self.settings = binary, threads, settings

    def call(self, config, *arguments, isa=None, settings=()):
        command = [str(self.binary), "bench", config, *arguments]
        for setting in [*settings, *self.settings]:
            command += ["--set", setting]
        environment = dict(os.environ, **({"DIFFLAB_ISA": isa} if isa else {}))
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
        return json.loads(done.stdout)

    def unet_config(self, config):
        return self.call(config, "--print-unet-config")

    def measure(self, row, warm_up):
        size = "--batch-size" if row.work == "train" else "--sample-batch-size"
        work = "train,sgemm" if row.work == "train" and row.isa is None else row.work
        arguments = ["--format", "json", "--work", work, size, str(row.batch_size), "--threads", str(self.threads)]
        arguments += ["--warm-up", str(warm_up), "--repeats", str(row.repeats)]
        return self.call(row.config, *arguments, isa=row.isa, settings=row.settings)


def fastest_way(row, unet, ways, threads):
    """The way that is fastest at this work, and the milliseconds of each."""
    times = {}
    for way in ways:
        # Each in a process of its own: what one leaves behind must not slow the next.
        process = Torch("best", threads)
        process.ask(make={"unet": unet, "work": row.work, "batch_size": row.batch_size, "way": asdict(way)})
        times[way] = min(process.ask(run={"warm_up": 2, "repeats": 2})["ms"])
        process.end()
    said = ", ".join(f"{way} {ms:.0f}" for way, ms in sorted(times.items(), key=lambda item: item[1]))
    say(f"{row.name}, batch {row.batch_size}, ms: {said}")
    return min(times, key=times.get), times


def measure(row, difflab, torch, rounds, ways):
    """All times of each side in milliseconds, round by round, and their peaks."""
    unet = difflab.unet_config(row.config)
    result = {"row": asdict(row), "difflab": [], "reports": [], "torch": {name: [] for name in torch}, "peak": {}}
    for name, process in torch.items():
        way = Way()
        if name == "best":
            way, times = fastest_way(row, unet, ways, difflab.threads)
            result["ways"] = {str(way): ms for way, ms in times.items()}
        result.setdefault("way", {})[name] = str(way)
        made = process.ask(
            make={"unet": unet, "work": row.work, "batch_size": row.batch_size, "way": asdict(way)}
        )
        process.ask(run={"warm_up": 2, "repeats": 1})
        result.setdefault("made", {})[name] = made
    for number in range(rounds):
        sides = ["difflab", *torch]
        # Nobody always comes first.
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            if side == "difflab":
                report = difflab.measure(row, warm_up=2 if row.repeats > 1 else 1)
                (measured,) = report[row.work]
                result["difflab"].append(measured["all_ms"])
                result["reports"].append(report)
                result["peak"]["difflab"] = max(
                    result["peak"].get("difflab", 0), measured["peak_resident_bytes"] or 0
                )
            else:
                answer = torch[side].ask(run={"warm_up": 1, "repeats": row.repeats})
                result["torch"][side].append(answer["ms"])
                result["peak"][side] = answer["peak_resident_bytes"]
    parameters = {report["parameters"] for report in result["reports"]}
    parameters |= {made["parameters"] for made in result["made"].values()}
    if len(parameters) != 1:
        sys.exit(f"{row.config}: the networks differ, {parameters} parameters")
    return result


def median(rounds):
    return statistics.median(time for times in rounds for time in times)


def fastest(rounds):
    return min(time for times in rounds for time in times)


def ratios(ours, theirs):
    return [statistics.median(a) / statistics.median(b) for a, b in zip(ours, theirs)]


def verdict(ratio, most):
    return "yes" if ratio <= most else "**no**"


def line(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def print_row(result):
    row = result["row"]
    precision = "bf16" if any(setting.endswith("precision=bf16") for setting in row["settings"]) else "f32"
    for name, most in row["against"].items():
        if name not in result["torch"]:
            continue
        ours, theirs = result["difflab"], result["torch"][name]
        each = ratios(ours, theirs)
        ratio = statistics.median(each)
        way = f"best, {result['way'][name]}" if name == "best" else f"{name} f32"
        line(
            f"{row['name']}, batch {row['batch_size']}",
            f"{precision}: {median(ours):.1f} ms",
            f"{way}: {median(theirs):.1f} ms",
            f"{ratio:.2f}",
            f"{min(each):.2f}–{max(each):.2f}",
            f"{fastest(ours) / fastest(theirs):.2f}",
            f"≤ {most}",
            verdict(ratio, most),
        )
    if row["memory"] and result["peak"].get("difflab") and "eager" in result["peak"]:
        ours, theirs = result["peak"]["difflab"], result["peak"]["eager"]
        mib = [f"{peak / 2**20:.0f} MiB" for peak in (ours, theirs)]
        name = f"peak memory, {row['name']}, batch {row['batch_size']}"
        line(name, mib[0], f"eager: {mib[1]}", f"{ours / theirs:.2f}", "", "", "≤ 0.2", verdict(ours / theirs, 0.2))
    shares = [report["train"][0]["of_sgemm"] for report in result["reports"] if report["sgemm"] and report["train"]]
    if shares and row["config"] == "reference":
        share = statistics.median(shares)
        rate = statistics.median(report["train"][0]["gflop_per_second"] for report in result["reports"])
        sgemm = statistics.median(report["sgemm"]["gflop_per_second"] for report in result["reports"])
        line(
            f"arithmetic rate of the step over sgemm, batch {row['batch_size']}",
            f"{rate:.0f} GFLOP/s",
            f"sgemm: {sgemm:.0f} GFLOP/s",
            f"{share:.2f}",
            f"{min(shares):.2f}–{max(shares):.2f}",
            "",
            "",
            "",
        )


def say(text):
    print(text, file=sys.stderr, flush=True)


def load():
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--difflab", type=Path, default=ROOT / "target/release/difflab", help="the binary")
    parser.add_argument("--rows", nargs="*", help="only rows whose name, with the batch size, contains one of these")
    parser.add_argument("--skip", nargs="*", default=[], choices=["eager", "best", "avx2"], help="leave sides out")
    parser.add_argument("--ways", nargs="*", help="PyTorch's ways to try for the best, by parts of names: 'eager bf16'")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to difflab")
    parser.add_argument("--json", type=Path, help="write every single time to this file as well")
    options = parser.parse_args()

    ways = [way for way in WAYS if not options.ways or any(part in str(way) for part in options.ways)]
    if not ways:
        parser.error(f"--ways: none of these is a part of one of: {', '.join(map(str, WAYS))}")
    difflab = Difflab(options.difflab, options.threads, options.set)
    chosen = [
        row
        for row in rows()
        if not options.rows or any(part in f"{row.name}, batch {row.batch_size}" for part in options.rows)
    ]
    if load() > 0.5:
        say(f"warning: the machine is busy (load {load():.1f}); the numbers will be rough")
    started = time.monotonic()
    workers, results = {}, []
    for number, row in enumerate(chosen):
        names = [name for name in row.against if name not in options.skip]
        if not names:
            continue
        # Each is started when it is first needed: its peak memory is then that of the rows up to there.
        for name in names:
            workers.setdefault(name, None)
            if workers[name] is None:
                workers[name] = Torch(name, options.threads)
        sides = {name: workers[name] for name in names}
        result = measure(row, difflab, sides, min(options.rounds, row.rounds), ways)
        if not results:
            heading(result, options)
        results.append(result)
        print_row(result)
        # One that no later row needs gives its memory back.
        for name in names:
            if not any(name in later.against for later in chosen[number + 1 :]):
                workers[name].end()
    print(f"\n{time.monotonic() - started:.0f} s in all, load {load():.1f} at the end.")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def heading(result, options):
    machine = result["reports"][0]["machine"]
    torch = next(iter(result["made"].values()))["torch"]
    print(
        f"{machine['cpu']}, {options.threads} threads, difflab with {machine['isa']}, PyTorch {torch}; "
        f"medians over up to {options.rounds} rounds.\n"
    )
    line("work", "difflab", "PyTorch", "ratio", "over the rounds", "fastest", "to reach", "reached")
    line(*["---"] * 8)


if __name__ == "__main__":
    main()
