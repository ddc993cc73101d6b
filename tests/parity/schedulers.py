"""Every scheduler class of diffusers, and every key of each: imported and sampled by difflab.

For each folder there are three right answers: the samples are those of diffusers (1e-3 from the same noise, or the
same in distribution where sampling is random), or `difflab import` refuses the folder and names a key that is not as
usual, or the class. A folder that diffusers itself can't sample must be refused too. All else is a silent difference.

Where diffusers differs from itself by more than 1e-3 when it computes in f64, there is no such answer: there difflab is
to be no farther from diffusers in f64 than diffusers in f32 is ("coarse").

The classes and their keys are those of the package, found by inspection. Values come from the annotations where these
list them, and from VALUES.
"""

import contextlib
import inspect
import io
import itertools
import json
import math
import re
import shutil
import tomllib
import typing
import warnings
from collections import Counter, defaultdict

import torch
from safetensors.torch import save_file

import diffusers
from binary import ROOT
from diffusers import UNet2DModel
from trajectories import in_f64, theirs

T = 100
LIMIT = 1e-3
# A number of steps that divides T and is few to solvers, and one that is and does neither.
STEPS = (10, 16)
# How many standard errors two means may lie apart: about one test in two million fails by chance.
ERRORS = 5.0
RANDOM = 256
BETAS = [1e-4 + 0.02 * (i / (T - 1)) ** 2 for i in range(T)]

# Values other than the default that are tried, where annotation and type don't say them.
VALUES = {
    "num_train_timesteps": [50],
    "beta_start": [0.001],
    "beta_end": [0.01],
    "beta_schedule": ["scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp", "unheard-of"],
    "trained_betas": [BETAS, BETAS[:-1]],
    "prediction_type": ["epsilon", "sample", "v_prediction", "flow_prediction"],
    "variance_type": ["fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"],
    "timestep_spacing": ["leading", "trailing", "linspace", "unheard-of"],
    "timestep_type": ["continuous"],
    "interpolation_type": ["log_linear", "unheard-of"],
    "final_sigmas_type": ["sigma_min", "unheard-of"],
    "algorithm_type": ["dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++", "deis", "unheard-of"],
    "solver_type": ["midpoint", "heun", "logrho", "bh1", "bh2", "unheard-of"],
    "solver_order": [1, 3, 4],
    "steps_offset": [1, 100, 1000],
    "clip_sample_range": [0.2, 2.0],
    "dynamic_thresholding_ratio": [0.7],
    "sample_max_value": [1.5],
    "sigma_min": [0.05],
    "sigma_max": [1.0],
    "lambda_min_clipped": [-0.1, -5.1],
    "disable_corrector": [[0, 1, 2], list(range(20))],
    "shift": [3.0, 0.5],
    "shift_terminal": [0.1],
    "flow_shift": [3.0],
    "time_shift_type": ["linear"],
    "base_image_seq_len": [100],
    "max_image_seq_len": [100],
    "solver_p": ["UniPCMultistepScheduler"],
}
# What a class is tried with in pairs: each two of these keys, each two of these values, occur together somewhere.
PAIRED = {
    "beta_schedule": ["linear", "squaredcos_cap_v2"],
    "prediction_type": ["epsilon", "v_prediction", "sample"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "sigmas": [None, "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"],
    "final_sigmas_type": ["zero", "sigma_min"],
    "interpolation_type": ["linear", "log_linear"],
    "rescale_betas_zero_snr": [False, True],
    "clip_sample": [False, True],
    "clip_sample_range": [1.0, 0.2],
    "thresholding": [False, True],
    "dynamic_thresholding_ratio": [0.995, 0.7],
    "sample_max_value": [1.0, 1.5],
    "set_alpha_to_one": [False, True],
    "skip_prk_steps": [False, True],
    "variance_type": ["fixed_small", "fixed_large"],
    "algorithm_type": ["dpmsolver++", "sde-dpmsolver++"],
    "solver_order": [1, 2, 3],
    "solver_type": ["midpoint", "heun", "bh1", "bh2"],
    "lower_order_final": [True, False],
    "euler_at_final": [False, True],
    "predict_x0": [True, False],
    "disable_corrector": [[], [1, 3]],
    "lambda_min_clipped": [-math.inf, -0.1],
    "sigma_min": [None, 0.05],
    "sigma_max": [None, 1.0],
    "shift": [1.0, 3.0],
    "shift_terminal": [None, 0.1],
}


def classes():
    """Every scheduler class of the package, by name."""
    names = itertools.chain.from_iterable(diffusers.schedulers._import_structure.values())
    return sorted({name for name in names if name.endswith("Scheduler")})


def keys(cls):
    """The keys of a class with their defaults."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD}


def values(cls, key, default):
    """Values of a key that are not its default."""
    hint = typing.get_type_hints(cls.__init__).get(key)
    listed = [v for part in [hint, *typing.get_args(hint)] for v in typing.get_args(part) if isinstance(v, str)]
    if key in VALUES or listed:
        found = VALUES.get(key, []) + [v for v in listed if v not in VALUES.get(key, [])]
    elif isinstance(default, bool):
        found = [not default]
    elif isinstance(default, (int, float)):
        found = [default * 2 if default else 1]
    elif isinstance(default, str):
        found = ["unheard-of"]
    else:
        found = [0.5]
    return [v for v in found if v != default]


def paired(names):
    """Settings in which any two values of any two keys meet: built greedily."""
    domain = {k: v for k, v in PAIRED.items() if k in names or k == "sigmas"}
    domain["sigmas"] = [v for v in domain["sigmas"] if v is None or v in names]
    order = sorted(domain, key=lambda k: -len(domain[k]))
    left = {
        frozenset([(a, i), (b, j)])
        for a, b in itertools.combinations(order, 2)
        for i in range(len(domain[a]))
        for j in range(len(domain[b]))
    }
    while left:
        case = dict(min(left, key=lambda pair: sorted(pair)))
        for key in order:
            if key in case:
                continue
            gain = lambda i: sum(frozenset([(key, i), other]) in left for other in case.items())  # noqa: B023, E731
            case[key] = max(range(len(domain[key])), key=gain)
        left -= {frozenset(pair) for pair in itertools.combinations(case.items(), 2)}
        settings = {key: domain[key][i] for key, i in case.items() if key != "sigmas"}
        if domain["sigmas"][case["sigmas"]]:
            settings[domain["sigmas"][case["sigmas"]]] = True
        if settings.get("beta_schedule") == "squaredcos_cap_v2" and settings.get("prediction_type") == "epsilon":
            # Almost no signal is left at its end, and epsilon makes numbers of it that are beyond all pictures.
            settings["prediction_type"] = "v_prediction"
        if settings.get("beta_schedule") == "squaredcos_cap_v2" and "clip_sample" in settings:
            settings["clip_sample"] = True
        yield settings


def is_random(scheduler):
    name = type(scheduler).__name__
    ancestral = "DDPM" in name or "Ancestral" in name
    return ancestral or str(scheduler.config.get("algorithm_type", "")).startswith("sde")


def finite(settings):
    """JSON as diffusers writes it, the bare words included."""
    return json.dumps(settings, indent=2, sort_keys=True) + "\n"


def documented(text):
    """The keys and defaults that docs/diffusers.md lists, and so the binary knows, by class."""
    found = {}
    for section in text.split("\n### ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", section, re.M)
        found[section.split("\n")[0]] = {key: json.loads(default) for key, default in rows}
    return found


class Schedulers:
    def __init__(self, difflab):
        self.difflab = difflab
        self.table = defaultdict(Counter)
        self.bad = []
        self.folder = difflab.folder / "schedulers"
        self.folder.mkdir(parents=True, exist_ok=True)
        common = dict(
            sample_size=8, layers_per_block=1, block_out_channels=(8,), down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",), norm_num_groups=4, add_attention=False,
        )
        self.networks = {}
        for kind, more in (("plain", dict(in_channels=1, out_channels=1)), ("learned", dict(in_channels=3, out_channels=6))):
            torch.manual_seed(0)
            unet = UNet2DModel(**common, **more).eval()
            with torch.no_grad():
                # An untrained network says little; one that answers to its input shows what a scheduler makes of it.
                unet.conv_out.weight *= 4.0
            unet.save_pretrained(self.folder / kind)
            generator = torch.Generator().manual_seed(5)
            noise = 0.3 * torch.randn(2, more["in_channels"], 8, 8, generator=generator)
            many = 0.3 * torch.randn(RANDOM, more["in_channels"], 8, 8, generator=generator)
            save_file({"noise": noise}, self.folder / f"{kind}.safetensors")
            save_file({"noise": many}, self.folder / f"{kind}-many.safetensors")
            self.networks[kind] = (unet, noise, many)

    def all(self):
        for name, listed in documented((ROOT / "docs" / "diffusers.md").read_text()).items():
            theirs = keys(getattr(diffusers, name))
            differ = {k for k in listed.keys() | theirs.keys() if k not in listed or listed[k] != theirs.get(k, "")}
            self.difflab.say(name, "documented keys and defaults", f"{differ}" if differ else 0.0, 0.0)
        for name in classes():
            if self.difflab.wanted(name):
                self.of_class(name)
        self.report()

    def of_class(self, name):
        cls = getattr(diffusers, name, None)
        code, stderr, _ = self.imported(name, {"_class_name": name}, "plain")
        if code:
            # A class that is not imported at all, whatever its settings.
            named = name in stderr
            self.count(name, "refused" if named else "silent", {}, stderr)
            return
        known = keys(cls)
        # As few timesteps as leave epsilon, x_0 and v about equally well defined.
        small = {k: v for k, v in (("num_train_timesteps", T),) if k in known}
        bounded = {"prediction_type": "v_prediction"} if "prediction_type" in known else {}
        self.compare(cls, bounded)
        self.compare(cls, small)
        self.defaults(cls)
        cases = []
        for key, default in known.items():
            # Schedules that end almost without signal make large numbers of epsilon.
            base = small | (bounded if key in ("beta_schedule", "rescale_betas_zero_snr") else {})
            if key == "beta_schedule" and "clip_sample" in known:
                base = base | {"clip_sample": True}
            cases += [base | {key: value} for value in values(cls, key, default)]
        for key in ("dynamic_thresholding_ratio", "sample_max_value"):
            cases += [small | {"thresholding": True, key: v} for v in VALUES[key] if key in known]
        cases += [small | settings for settings in paired(known)]
        cases += [small | {"num_train_timestep": 7}, small | {"unheard_of": True}]
        for settings in cases:
            self.compare(cls, settings)

    def defaults(self, cls):
        """A folder without keys is one with all defaults written out."""
        sections = []
        for written in (keys(cls), {}):
            code, stderr, run = self.imported(cls.__name__, {"_class_name": cls.__name__} | written, "plain")
            sections.append(stderr if code else tomllib.loads((run / "config.toml").read_text()))
        self.count(cls.__name__, "equal" if sections[0] == sections[1] else "silent", {}, "other defaults")

    def imported(self, name, settings, network):
        """Exit code and stderr of `difflab import`, and the run."""
        folder, run = self.folder / "case", self.folder / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)
        (folder / "scheduler").mkdir(parents=True)
        (folder / "unet").symlink_to(self.folder / network)
        (folder / "scheduler" / "scheduler_config.json").write_text(finite(settings))
        index = {
            "_class_name": "DDPMPipeline", "_diffusers_version": diffusers.__version__,
            "scheduler": ["diffusers", name], "unet": ["diffusers", "UNet2DModel"],
        }
        (folder / "model_index.json").write_text(json.dumps(index))
        return *self.difflab.run("import", folder, run), run

    def compare(self, cls, given, whole=True):
        """One folder: with all keys written out, as diffusers saves it, or with the given ones alone."""
        name = cls.__name__
        known = keys(cls)
        unknown = {k: v for k, v in given.items() if k not in known}
        own = {k: v for k, v in given.items() if k in known}
        written = {"_class_name": name} | (known if whole else {}) | given
        network = "learned" if str(given.get("variance_type")).startswith("learned") else "plain"
        code, stderr, run = self.imported(name, written, network)
        unet, noise, many = self.networks[network]
        expected, failure, random = {}, None, False
        for steps in STEPS:
            # In some numbers of steps some settings fail in diffusers (two equal timesteps, no signal).
            try:
                with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    random = is_random(cls(**own))
                    torch.manual_seed(9)
                    samples = theirs(unet, cls(**own), many if random else noise, steps=steps)
                if not samples.isfinite().all():
                    raise ArithmeticError("NaN")
                expected[steps] = samples
            except Exception as error:  # noqa: BLE001 - whatever it raises, it samples nothing
                failure = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if code:
            changed = [k for k, v in given.items() if v != known.get(k)]
            named = any(key in stderr for key in changed) or name in stderr and not changed
            self.count(name, "refused" if named else "silent", given, stderr)
            return
        if not expected:
            # Settings that a scheduler can't even be made of are to be refused. Others fail in these numbers of steps
            # (two equal timesteps at the beginning), and there is nothing to compare.
            kind = "no answer" if failure.startswith("IndexError") else "silent"
            self.count(name, kind, given, f"diffusers itself fails ({failure}), and the folder is imported")
            return
        for key in unknown:
            if key not in stderr:
                self.count(name, "silent", given, f"{key} is not named")
                return
        coarse = False
        for steps in expected:
            ours = self.difflab.sample(run, self.folder / f"{network}{'-many' if random else ''}.safetensors", steps)
            if isinstance(ours, str):
                self.count(name, "silent", given, f"imported, but not sampled: {ours}")
                return
            difference = apart(ours, expected[steps].clamp(-1, 1)) if random else closeness(ours, expected[steps])
            if difference and not random and "beta_start" in known:
                # Where its own f32 is too coarse, diffusers' code in f64 decides.
                with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Exception):
                    exact = in_f64(unet, cls(**own), noise, steps)
                    difference = closeness(ours, exact)
                    if difference and farthest(ours, exact) <= farthest(expected[steps].clamp(-1, 1), exact):
                        coarse, difference = True, None
            if difference:
                self.count(name, "silent", given, f"{steps} steps: {difference}")
                return
        self.count(name, "coarse" if coarse else "distribution" if random else "equal", given, stderr)

    def count(self, name, kind, given, why):
        self.table[name][kind] += 1
        if kind == "silent":
            shown = {k: (v if not isinstance(v, list) or len(v) < 30 else f"{len(v)} numbers") for k, v in given.items()}
            self.bad.append((name, shown, why))
            print(f"FAIL {name} {shown}: {why.strip().splitlines()[0] if why.strip() else ''}", flush=True)

    def report(self):
        kinds = ["equal", "distribution", "coarse", "refused", "no answer", "silent"]
        print(f"\n{'class':36}" + "".join(f"{kind:>14}" for kind in kinds))
        total = Counter()
        for name, counts in self.table.items():
            total.update(counts)
            print(f"{name:36}" + "".join(f"{counts[kind]:>14}" for kind in kinds))
        print(f"{'all of ' + str(len(self.table)) + ' classes':36}" + "".join(f"{total[kind]:>14}" for kind in kinds))
        self.difflab.failures += total["silent"]


def farthest(ours, expected):
    """The largest difference of a pixel."""
    return (ours - expected.clamp(-1, 1)).abs().max().item()


def closeness(ours, expected):
    """None, or how far two samples are apart."""
    inside = (expected.abs() < 1).float().mean().item()
    if inside < 0.1:
        return f"only {100 * inside:.0f} % of the pixels are within [-1, 1]: nothing is compared"
    difference = farthest(ours, expected)
    return None if difference <= LIMIT else f"{difference:.2e} apart"


def apart(ours, expected):
    """None, or by how many standard errors mean or square of two sets of samples differ, over all and within."""
    for what, of in (
        ("mean", lambda x: x.mean((1, 2, 3))),
        ("mean square", lambda x: x.square().mean((1, 2, 3))),
        ("roughness", lambda x: (x[..., 1:] - x[..., :-1]).square().mean((1, 2, 3))),
    ):
        # The images of both begin with the same noise: what they have in common drops out.
        difference = of(ours) - of(expected)
        error = difference.std() / len(difference) ** 0.5
        if abs(difference.mean()) > ERRORS * error + 1e-6:
            return f"the {what} differs by {abs(difference.mean()) / error:.1f} standard errors"
    return None
