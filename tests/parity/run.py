"""Does diffusers open what difflab exports, does difflab read what diffusers saved, and do both compute the same?

    python tests/parity/run.py [--difflab target/release/difflab] [--keep DIR] [--only NAME ...] [--parts PART ...]

Needs requirements.txt, the release binary and, for the networks' outputs, cargo. The parts:

    schedulers   every scheduler class of diffusers and every key of each, imported and sampled (schedulers.py)
    networks     UNet2DModel configs, one key after another, and whole families (networks.py)
    exports      tiny runs of every kind, exported (exports.py)
    ways         every sampler and what pipelines have no place for, exported and imported again (exports.py)
    autoencoders runs of autoencoders exported, folders of diffusers imported (autoencoders.py)
    latents      runs that diffuse in latents, exported and imported again (latents.py)
    logs         event files and tables, live, resumed and exported, as TensorBoard reads them (logs.py)
    steps        training, step for step from the same weights; first weights and what chance decides (steps.py)

Ends with 1 if anything differs in silence.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import autoencoders
import diffusers
import exports
import latents
import logs
import networks
import steps
from binary import ROOT, Difflab
from schedulers import Schedulers

PARTS = ["schedulers", "networks", "exports", "ways", "autoencoders", "latents", "logs", "steps"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--difflab", default=ROOT / "target" / "release" / "difflab")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    parser.add_argument("--only", nargs="*", default=[], help="only what begins with these names")
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--train-steps", type=int, default=300)
    parser.add_argument("--no-cargo", action="store_true", help="leave out the comparison that needs cargo")
    parser.add_argument("--lib-tests", type=Path, help="the built test binary of the library, instead of cargo")
    parser.add_argument("--golden-tests", type=Path, help="the built test binary autoencoder_goldens, instead of cargo")
    args = parser.parse_args()
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    torch.set_num_threads(1)  # the networks are tiny
    print(f"diffusers {diffusers.__version__}, torch {torch.__version__}, numpy {np.__version__}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        difflab = Difflab(args.difflab, (args.keep or Path(folder)).resolve(), args.only)
        difflab.folder.mkdir(parents=True, exist_ok=True)
        if "exports" in args.parts:
            exports.exports(difflab, args.train_steps)
            exports.refusals(difflab, 2)
        if "ways" in args.parts:
            exports.ways(difflab, 2)
        if "networks" in args.parts:
            networks.families(difflab)
            networks.networks(difflab)
        if "schedulers" in args.parts:
            Schedulers(difflab).all()
        if "autoencoders" in args.parts:
            autoencoders.autoencoders(difflab, min(args.train_steps, 60))
            if args.golden_tests or not args.no_cargo:
                autoencoders.outputs(difflab, args.golden_tests)
        if "latents" in args.parts:
            latents.latents(difflab, min(args.train_steps, 60))
        if "logs" in args.parts:
            logs.logs(difflab)
        if "steps" in args.parts and (args.lib_tests or not args.no_cargo):
            steps.steps(difflab, args.lib_tests)
        if "exports" in args.parts and not args.no_cargo and (difflab.folder / "exports").exists():
            exports.outputs(difflab)
    print(f"{time.monotonic() - begun:.0f} s")
    print(f"{difflab.failures} failures" if difflab.failures else "All the same.")
    return 1 if difflab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
