#!/usr/bin/env python3
"""Checks difflab on an NVIDIA GPU against itself on the CPU, and times it beside PyTorch.

    DIFFLAB=path/to/difflab python3 tests/gpu/run.py [PART …] [--json FILE] [--markdown FILE]

PARTs, all of them unless named, in this order:

    machine   what is here: driver, GPU, libraries; does the binary start and find the GPU?
    ops       each operation forward and backward, AdamW and Muon, against the CPU (`difflab doctor --device`)
    speed     milliseconds of a training step and of a network call
    pytorch   the same work by PyTorch, eager and compiled (skipped where there is no PyTorch)
    curve     training from the same seed on both: the losses, step by step
    resume    checkpoints written on one and continued on the other, and the samples that come of it
    load      what nvidia-smi says while it trains

Each part has a time limit, and so has the whole (--seconds). A line is printed for each check: pass, FAIL, or skipped and
why. The exit code is 1 where something failed. Nothing is written beside the files named, except in a temporary folder.
"""

import argparse
import json
import lzma
import math
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PARTS = ["machine", "ops", "speed", "pytorch", "curve", "resume", "load"]
LIBRARIES = ["libcudart.so.13", "libcublas.so.13", "libcurand.so.10"]

# (network, batch sizes of training, batch sizes of sampling)
WORK = [("mnist", [32], [64]), ("reference", [64, 256], [64]), ("rgb64", [64], [16])]

# How far losses on GPU and CPU may be apart, relative: sums in another order round differently, and training multiplies
# that.
EARLY, EARLY_STEPS = 1e-4, 10
LATE = 0.05
# Training steps of the curve, fewer where the GPU is too slow for them.
CURVE_STEPS = 200


class Skipped(Exception):
    pass


class Check:
    def __init__(self, options):
        self.options = options
        self.started = time.monotonic()
        self.lines = []
        self.numbers = {}
        self.environment = dict(os.environ)
        self.device = options.device
        self.steps_a_second = None

    def left(self):
        return self.options.seconds - (time.monotonic() - self.started)

    def say(self, part, passed, text):
        word = {True: "pass", False: "FAIL", None: "    "}[passed]
        self.lines.append({"part": part, "passed": passed, "text": text})
        print(f"{word}  {part:8} {text}", flush=True)

    def run(self, *arguments, limit=60, **options):
        """Runs difflab; returns what it printed."""
        command = [str(self.options.difflab), *map(str, arguments)]
        return self.command(command, limit, **options)

    def command(self, command, limit, given=None):
        limit = min(limit, self.left())
        if limit < 2:
            raise Skipped("no time left")
        try:
            done = subprocess.run(
                command, input=given, capture_output=True, text=True, timeout=limit, env=self.environment
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{' '.join(map(str, command))[:200]}: not done after {limit:.0f} s") from None
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip()[-1500:]
            raise RuntimeError(f"{' '.join(map(str, command))[:200]}: exit code {done.returncode}: {words}")
        return done.stdout


def library_folders():
    """Folders that may hold CUDA's libraries: PyTorch's packages bring them, and toolkits do."""
    roots = {sysconfig.get_paths()[key] for key in ("purelib", "platlib")} | set(sys.path)
    for root in sorted(filter(None, roots)):
        yield from sorted(Path(root).glob("nvidia/*/lib"))
        yield from sorted(Path(root).glob("torch/lib"))
    for pattern in ("cuda*/lib64", "cuda*/targets/*/lib"):
        yield from sorted(Path("/usr/local").glob(pattern))


def find_libraries(environment):
    """Sets LD_LIBRARY_PATH so that the binary starts. Returns where each library lies, None: nowhere."""
    try:
        known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout
    except OSError:
        known = ""
    found, folders = {}, []
    for name in LIBRARIES:
        match = re.search(rf"{re.escape(name)} .*=> (\S+)", known)
        found[name] = match.group(1) if match else None
        for folder in library_folders():
            if found[name] is None and (folder / name).exists():
                found[name] = str(folder / name)
                folders.append(str(folder))
    before = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = ":".join([*dict.fromkeys(folders), *([before] if before else [])])
    return found


def machine(check):
    if check.device.startswith("cuda"):
        query = "name,driver_version,memory.total,clocks.max.sm"
        said = check.command(["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"], 20).strip()
        check.numbers["gpu"] = said
        check.say("machine", True, f"GPU: {said}")
        found = find_libraries(check.environment)
        for name, place in found.items():
            check.say("machine", place is not None, f"{name}: {place or 'not found: pip install torch brings it'}")
    report = json.loads(check.run("doctor", "--format", "json"))
    check.numbers["features"] = report["features"]
    check.say("machine", True, f"difflab {report['version']}, features: {', '.join(report['features']) or 'none'}")
    check.say("machine", None, f"{report['machine']['training_threads']} threads, {' '.join(report['machine']['simd'])}")
    bench = ["bench", "reference", "--work", "sgemm", "--repeats", "5", "--format", "json"]
    sgemm = json.loads(check.run(*bench, "--device", check.device, limit=60))["sgemm"]
    check.numbers["sgemm"] = sgemm
    check.say("machine", True, f"{check.device} opens; sgemm 2048: {sgemm['gflop_per_second'] / 1e3:.1f} TFLOP/s in f32")


def ops(check):
    command = [str(check.options.difflab), "doctor", "--device", check.device, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=min(90, check.left()), env=check.environment)
    if "unexpected argument" in done.stderr:
        raise Skipped("this binary's doctor has no --device")
    # It ends with code 1 where something differs, and has said what.
    if not done.stdout.startswith("{"):
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[-1500:]}")
    report = json.loads(done.stdout)
    check.numbers["ops"] = report
    for op in report["operations"]:
        worst = max((math.inf if d is None else d for _, d in op["differences"]), default=math.inf)
        agrees = worst <= report["tolerance"]
        # All gradients of those that differ, the worst of the others.
        each = ", ".join(f"{name} {d}" if d is None else f"{name} {d:.1e}" for name, d in op["differences"])
        check.say("ops", agrees, f"{op['name']}: {f'{worst:.1e}' if agrees else each}")


# PyTorch's side has AdamW; and both devices are to do the same.
COMPARED = ["train.optimizer=adamw", "train.learning_rate=3e-3", "model.zero_init=false", "train.timestep_sampling=uniform"]
COMPARED = [word for setting in [*COMPARED, "train.precision=f32", "sample.precision=f32"] for word in ("--set", setting)]


def speed(check):
    for config, train, sample in WORK:
        command = ["bench", config, "--device", check.device, "--work", "train,sample", "--format", "json", *COMPARED]
        command += ["--batch-size", ",".join(map(str, train)), "--sample-batch-size", ",".join(map(str, sample))]
        report = json.loads(check.run(*command, "--repeats", check.options.repeats, "--warm-up", "3", limit=60))
        check.numbers.setdefault("speed", {})[config] = {
            work: {measured["batch_size"]: measured for measured in report[work]} for work in ("train", "sample")
        }
        check.numbers["speed"][config]["parameters"] = report["parameters"]
        for work in ("train", "sample"):
            for m in report[work]:
                check.say("speed", True, f"{config} {work} b{m['batch_size']}: {m['median_ms']:.2f} ms (least {m['min_ms']:.2f})")
        if config == "mnist":
            check.steps_a_second = 1e3 / report["train"][0]["median_ms"]


def pytorch(check):
    have = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True)
    if have.returncode != 0:
        raise Skipped(f"{sys.executable} has no PyTorch")
    device = "cuda" if check.device.startswith("cuda") else "cpu"
    for compiled in (False, True):
        for tf32 in (True, False) if not compiled else (True,):
            way = f"{'compile' if compiled else 'eager'}{' TF32' if tf32 else ' f32'}"
            for config, train, sample in WORK[: 2 if compiled else None]:
                unet = json.loads(check.run("bench", config, "--print-unet-config"))
                train_sizes = train[:1] if compiled and config == "mnist" else train
                request = {"unet": unet, "train": train_sizes, "sample": sample, "compile": compiled, "tf32": tf32}
                request |= {"device": device, "seconds": 2}
                command = [sys.executable, str(HERE / "torch_side.py")]
                try:
                    answer = json.loads(check.command(command, 75, given=json.dumps(request)))
                except (RuntimeError, TimeoutError) as error:
                    check.say("pytorch", None, f"{config}, {way}: {error}")
                    continue
                check.numbers.setdefault("pytorch", {}).setdefault(way, {})[config] = answer
                ours = check.numbers.get("speed", {}).get(config)
                if ours and ours["parameters"] != answer["parameters"]:
                    check.say("pytorch", False, f"{config}: {answer['parameters']} parameters, not {ours['parameters']}")
                for work in ("train", "sample"):
                    for size, measured in answer[work].items():
                        text = f"{config} {work} b{size}, {way}: {measured['median_ms']:.2f} ms"
                        if ours and int(size) in ours[work]:
                            ratio = ours[work][int(size)]["median_ms"] / measured["median_ms"]
                            text += f"; difflab takes {ratio:.2f} times that"
                        check.say("pytorch", None, text)


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines if "loss" in line}


def train(check, folder, device, steps, *more, limit=90):
    fresh = ["mnist", "--run", folder, "--set", "data.held_out=64", *COMPARED]
    check.run(*(fresh if not more else more), "--no-tui", "--device", device, "--steps", steps, limit=limit)
    return losses(folder)


def curve(check):
    steps = CURVE_STEPS
    if check.options.steps:
        steps = check.options.steps
    elif check.steps_a_second:
        steps = max(20, min(CURVE_STEPS, int(20 * check.steps_a_second)))
    if steps < CURVE_STEPS:
        check.say("curve", None, f"only {steps} steps")
    with Watch(check) as watch:
        begun = time.monotonic()
        gpu = train(check, check.folder / "gpu", check.device, steps)
        took = time.monotonic() - begun
    check.numbers["curve_load"] = watch.summary()
    cpu = train(check, check.folder / "cpu", "cpu", steps)
    apart = {s: abs(gpu[s]["loss"] - cpu[s]["loss"]) / cpu[s]["loss"] for s in cpu if s in gpu}
    norms = {s: abs(gpu[s]["grad_norm"] - cpu[s]["grad_norm"]) / cpu[s]["grad_norm"] for s in cpu if s in gpu}
    check.numbers["curve"] = {
        "steps": steps,
        "seconds": took,
        "loss_gpu": [gpu[s]["loss"] for s in sorted(gpu)],
        "loss_cpu": [cpu[s]["loss"] for s in sorted(cpu)],
        "norm_gpu": [gpu[s]["grad_norm"] for s in sorted(gpu)],
        "norm_cpu": [cpu[s]["grad_norm"] for s in sorted(cpu)],
    }
    if sorted(apart) != list(range(1, steps + 1)):
        check.say("curve", False, f"{len(apart)} steps in both, not {steps}")
        return
    early = max(apart[s] for s in range(1, EARLY_STEPS + 1))
    check.say("curve", early < EARLY, f"losses of steps 1 to {EARLY_STEPS}: at most {early:.1e} apart (to be below {EARLY:.0e})")
    check.say("curve", None, f"gradient norms of steps 1 to {EARLY_STEPS}: at most {max(norms[s] for s in range(1, EARLY_STEPS + 1)):.1e} apart")
    for at in (1, 20, 50, 100, 150, 200):
        if at in apart:
            check.say("curve", None, f"step {at}: loss {gpu[at]['loss']:.6f} GPU, {cpu[at]['loss']:.6f} CPU, {apart[at]:.1e} apart")
    tail = range(steps // 2 + 1, steps + 1)
    mean = lambda run: statistics.mean(run[s]["loss"] for s in tail)
    late = abs(mean(gpu) - mean(cpu)) / mean(cpu)
    check.say("curve", late < LATE, f"mean loss of the second half: {mean(gpu):.5f} GPU, {mean(cpu):.5f} CPU, {late:.1e} apart (to be below {LATE})")


def png(path):
    """Width, height, channels and bytes of an 8-bit PNG without interlacing."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    assert depth == 8, depth
    raw, stride, out = zlib.decompress(packed), width * channels, bytearray()
    before = bytes(stride)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            a, b = line[i - channels] if i >= channels else 0, before[i]
            c = before[i - channels] if i >= channels else 0
            if kind == 4:
                p = a + b - c
                near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + [0, a, b, (a + b) // 2, near if kind == 4 else 0][kind]) & 255
        before = bytes(line)
        out += line
    return width, height, channels, bytes(out)


def preview(folder):
    return max((folder / "previews").glob("step-*.png"))


def resume(check):
    """Trains on one device, goes on for a step on both, and compares loss and preview."""
    for begun_on, name in (("cpu", "from-cpu"), (check.device, "from-gpu")):
        first = check.folder / name
        train(check, first, begun_on, 30)
        steps = {}
        for number, device in enumerate(("cpu", check.device)):
            copy = check.folder / f"{name}-{number}"
            shutil.copytree(first, copy)
            steps[device] = (train(check, copy, device, 31, "--resume", copy)[31], png(preview(copy)))
        (ours, picture), (theirs, other) = steps["cpu"], steps[check.device]
        apart = abs(ours["loss"] - theirs["loss"]) / ours["loss"]
        norm = abs(ours["grad_norm"] - theirs["grad_norm"]) / ours["grad_norm"]
        check.say("resume", apart < EARLY, f"begun on {begun_on}, step 31 on both: losses {apart:.1e} apart, norms {norm:.1e} (to be below {EARLY:.0e})")
        differ = [abs(a - b) for a, b in zip(picture[3], other[3])]
        same = picture[:3] == other[:3]
        mean, most = statistics.mean(differ), max(differ)
        check.numbers.setdefault("resume", {})[name] = {"loss": apart, "norm": norm, "pixels_mean": mean, "pixels_most": most}
        check.say("resume", same and mean < 0.5 and most <= 16, f"previews sampled there: {mean:.3f} of 255 apart on average, {most} at most (to be below 0.5 and 16)")


class Watch:
    """nvidia-smi while something runs."""

    def __init__(self, check):
        self.check, self.rows = check, []

    def __enter__(self):
        query = "utilization.gpu,utilization.memory,memory.used,power.draw"
        command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits", "-lms", "250"]
        try:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except OSError:
            self.process = None
            return self
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        return self

    def read(self):
        for line in self.process.stdout:
            try:
                self.rows.append([float(cell) for cell in line.split(",")])
            except ValueError:
                pass

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.thread.join(2)

    def summary(self):
        rows = self.rows[len(self.rows) // 3 :]
        if not rows:
            return None
        use, memory_use, memory, power = (statistics.mean(column) for column in zip(*rows))
        return {
            "samples": len(rows),
            "utilization": use,
            "utilization_memory": memory_use,
            "memory_mib_most": max(row[2] for row in rows),
            "power_w": power,
        }


def load(check):
    if not check.device.startswith("cuda"):
        raise Skipped("nvidia-smi is for CUDA")
    for config, size in (("mnist", 32), ("reference", 256)):
        with Watch(check) as watch:
            bench = ["bench", config, "--device", check.device, "--work", "train", "--batch-size", size, "--format", "json", *COMPARED]
            check.run(*bench, "--repeats", "150", "--warm-up", "3", limit=60)
        said = watch.summary()
        check.numbers.setdefault("load", {})[f"{config} b{size}"] = said
        if said is None:
            check.say("load", None, f"{config} b{size}: nvidia-smi said nothing")
        else:
            check.say("load", None, f"{config} b{size}: GPU {said['utilization']:.0f} % busy, {said['memory_mib_most']:.0f} MiB, {said['power_w']:.0f} W")


def markdown(check):
    text = ["| | part | what |", "|---|---|---|"]
    words = {True: "pass", False: "**FAIL**", None: ""}
    text += [f"| {words[line['passed']]} | {line['part']} | {line['text'].replace('|', '/')} |" for line in check.lines]
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="which parts")
    parser.add_argument("--difflab", type=Path, default=Path(os.environ.get("DIFFLAB", ROOT / "target/gpu/difflab")),
                        help="the binary, or it packed by xz (DIFFLAB)")
    parser.add_argument("--device", default="cuda:0", help="the device to check (cpu checks this script)")
    parser.add_argument("--seconds", type=float, default=240, help="time limit of all parts together")
    parser.add_argument("--repeats", type=int, default=20, help="timed runs of each")
    parser.add_argument("--steps", type=int, help="training steps of the curve")
    parser.add_argument("--json", type=lambda name: Path(name).resolve(), help="all numbers")
    parser.add_argument("--markdown", type=lambda name: Path(name).resolve(), help="all lines as a table")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are: {', '.join(PARTS)}")
    options.difflab = options.difflab.resolve()
    if not options.difflab.is_file():
        sys.exit(f"there is no {options.difflab}\n  build it with tests/gpu/build.sh, or name one: DIFFLAB=path")
    check = Check(options)
    if options.device.startswith("cuda"):
        find_libraries(check.environment)
    with tempfile.TemporaryDirectory(prefix="difflab-gpu-") as folder:
        check.folder = Path(folder)
        if options.difflab.suffix == ".xz":
            packed, options.difflab = options.difflab, check.folder / "difflab"
            options.difflab.write_bytes(lzma.decompress(packed.read_bytes()))
            options.difflab.chmod(0o755)
        os.chdir(folder)
        for part in PARTS:
            if options.parts and part not in options.parts:
                continue
            begun = time.monotonic()
            try:
                globals()[part](check)
            except Skipped as why:
                check.say(part, None, f"skipped: {why}")
            except Exception as error:
                check.say(part, False, f"{type(error).__name__}: {error}")
            check.numbers.setdefault("seconds", {})[part] = time.monotonic() - begun
            # What is known so far, should something end this script.
            if options.json:
                options.json.write_text(json.dumps({"lines": check.lines, "numbers": check.numbers}, indent=1))
            if options.markdown:
                options.markdown.write_text(markdown(check))
    failed = sum(line["passed"] is False for line in check.lines)
    seconds = ", ".join(f"{part} {took:.0f}" for part, took in check.numbers["seconds"].items())
    print(f"\n{failed} failed; {time.monotonic() - check.started:.0f} s ({seconds})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
