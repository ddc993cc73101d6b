"""Does TensorBoard read what difflab logs, live and afterwards, and does no step stand twice after a resume?

    python tests/parity/logs.py [--difflab target/release/difflab]

Needs tensorboard (requirements.txt) and the release binary. Also a part of run.py.
"""

import csv
import json
import sys

try:
    from tensorboard.backend.event_processing import event_accumulator, event_file_loader
except ImportError:
    event_accumulator = None

SMALL = ["--set=model.block_out_channels=8", "--set=model.norm_num_groups=4", "--set=model.attention_levels=[]",
         "--set=model.mid_attention=false", "--set=train.batch_size=8", "--set=train.timestep_loss_every=5",
         "--set=train.eval_every=10", "--set=train.checkpoint_every=10", "--set=train.warmup_steps=0",
         "--set=sample.steps=4", "--set=preview.save_every=10", "--set=preview.snapshot_every=10", "--no-tui"]
TAGS = {"loss": "loss/train", "loss_smoothed": "loss/train_smoothed", "val_loss": "loss/held_out",
        "lr": "train/learning_rate", "grad_norm": "train/gradient_norm", "epoch": "train/epoch",
        "images_per_s": "train/images_per_s"}


def steps_by_tag(folder):
    """Of each tag the steps as they stand in the files, with TensorBoard's own loader, which checks every checksum."""
    found = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for event in event_file_loader.EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


def compared(difflab, name, run, folder):
    """Every line of metrics.jsonl against what TensorBoard says of it."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    accumulator = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.SCALARS: 0, event_accumulator.IMAGES: 0})
    accumulator.Reload()
    for key, tag in TAGS.items():
        expected = [(line["step"], line[key]) for line in lines if line.get(key) is not None]
        said = [(event.step, event.value) for event in accumulator.Scalars(tag)]
        if [step for step, _ in said] != [step for step, _ in expected]:
            difflab.say(name, tag, f"other steps: {len(said)} and {len(expected)}")
            continue
        worst = max(abs(a - b) / max(abs(b), 1e-12) for (_, a), (_, b) in zip(said, expected))
        difflab.say(name, tag, worst, 1e-6)
    rows = [json.loads(line) for line in (run / "timestep_loss.jsonl").read_text().splitlines()]
    for quarter in range(4):
        worst = 0
        said = {event.step: event.value for event in accumulator.Scalars(f"loss_by_t/q{quarter}")}
        for row in rows:
            bins = len(row["mean"])
            cells = [(row["mean"][b], row["count"][b]) for b in range(bins) if 4 * b // bins == quarter and row["count"][b]]
            if cells:
                mean = sum(m * n for m, n in cells) / sum(n for _, n in cells)
                worst = max(worst, abs(said.pop(row["step"]) - mean) / mean)
        difflab.say(name, f"loss_by_t/q{quarter}", worst if not said else f"steps of no row: {sorted(said)}", 1e-5)
    for tag in ["samples/preview", "samples/snapshot"]:
        images = accumulator.Images(tag)
        whole = all(image.encoded_image_string.startswith(b"\x89PNG") and image.width > 0 for image in images)
        difflab.say(name, tag, 0 if whole and images else f"{len(images)} pictures, not all whole", 0)
    found = steps_by_tag(folder)
    doubled = [tag for tag, steps in found.items() if len(steps) != len(set(steps))]
    difflab.say(name, "no step twice", f"doubled: {doubled}" if doubled else 0, 0)
    starts = [event.wall_time for event in accumulator.Scalars("loss/train")]
    difflab.say(name, "times rise", 0 if starts == sorted(starts) else "they fall", 0)


def logs(difflab):
    """The part of run.py."""
    if event_accumulator is None:
        print("left out: logs (pip install tensorboard)")
        return
    run = difflab.folder / "logs"
    difflab.must("mnist-quick", "--run", run, "--steps", 30, "--set=train.tensorboard=true", *SMALL)
    compared(difflab, "live", run, run / "tensorboard")
    # As after a kill between checkpoints: lines and events of steps that come again.
    newest = sorted((run / "checkpoints").iterdir())[-1]
    for file in newest.rglob("*"):
        if file.is_file():
            file.unlink()
    for folder in sorted(newest.rglob("*"), reverse=True):
        folder.rmdir()
    newest.rmdir()
    difflab.must("--resume", run, "--steps", 45, "--no-tui")
    compared(difflab, "resumed", run, run / "tensorboard")
    table = difflab.folder / "logs.csv"
    difflab.must("export-logs", run, "--tensorboard", difflab.folder / "exported", "--csv", table)
    compared(difflab, "exported", run, difflab.folder / "exported")
    code, said = difflab.run("export-logs", run, "--tensorboard", difflab.folder / "exported")
    difflab.say("exported twice", "is refused", 0 if code == 2 and "twice" in said else said, 0)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    with table.open() as opened:
        rows = list(csv.DictReader(opened))
    same = len(rows) == len(lines) and all(
        abs(float(row[key]) - line[key]) <= 1e-15 * abs(line[key]) for row, line in zip(rows, lines) for key in line)
    difflab.say("csv", "every number", 0 if same else "differs from metrics.jsonl", 0)


def main():
    import argparse
    import tempfile
    from pathlib import Path

    from binary import ROOT, Difflab

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--difflab", default=ROOT / "target" / "release" / "difflab")
    args = parser.parse_args()
    if event_accumulator is None:
        print("tensorboard is not installed")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        difflab = Difflab(args.difflab, Path(folder).resolve(), [])
        logs(difflab)
    print(f"{difflab.failures} failures" if difflab.failures else "All the same.")
    return 1 if difflab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
