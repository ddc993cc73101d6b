"""Writes tests/goldens/loops.json: sampling loops of diffusers' schedulers with an analytic network.

Each case is a scheduler class with its config, a number of steps, the keys of a difflab config that mean the same, what
the network was told and shown at each call, and the sample in the end. The network, the start and the noise are those of
tests/goldens/schedulers.json:

    output(x, t) = tanh(0.8 x) (0.3 + 0.7 t/1000) + 0.05, of scale_model_input(x, t)
    start        = cos(0.9 i), i = 0..7, times init_noise_sigma
    noise        = 1.2 sin(0.7 i + 1.3 k) for draw k from 1

Needs torch, scipy and diffusers 0.42.1; nothing of it runs in the tests.

    python tests/parity/make_loops.py
"""

import importlib
import json
from pathlib import Path

import diffusers
import torch

OUT = Path(__file__).resolve().parent.parent / "goldens" / "loops.json"
# What difflab's sampler is called, and the betas that classes with defaults of their own are given.
BETAS = {"beta_start": 1e-4, "beta_end": 0.02}
MULTISTEP, UNIPC, DEIS = "DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "DEISMultistepScheduler"
SINGLESTEP, PNDM, LMS = "DPMSolverSinglestepScheduler", "PNDMScheduler", "LMSDiscreteScheduler"
EULER, HEUN, KDPM2 = "EulerDiscreteScheduler", "HeunDiscreteScheduler", "KDPM2DiscreteScheduler"
KDPM2A, DDPM, DDIM = "KDPM2AncestralDiscreteScheduler", "DDPMScheduler", "DDIMScheduler"
FLOW = "FlowMatchEulerDiscreteScheduler"

KARRAS = {"use_karras_sigmas": True}
EXPONENTIAL = {"use_exponential_sigmas": True}
BETA = {"use_beta_sigmas": True}
SIGMA_MIN = {"final_sigmas_type": "sigma_min"}
V = {"prediction_type": "v_prediction"}
SDE = {"algorithm_type": "sde-dpmsolver++"}
THRESHOLDING = {"thresholding": True, "dynamic_thresholding_ratio": 0.7, "sample_max_value": 1.5}
CLIPPED = {"clip_sample": True, "clip_sample_range": 0.5}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}

ENDS = "sample.final_sigmas_type=sigma_min"
THRESHOLDED = ["sample.thresholding=true", "sample.dynamic_thresholding_ratio=0.7", "sample.sample_max_value=1.5"]
UNCLIPPED = {"clip_sample": False}


def order(n):
    return f"sample.solver_order={n}"


# (class, its config, steps, difflab's sampler, its other keys)
CASES = [
    (MULTISTEP, {"solver_order": 1}, 10, "dpmpp_2m", [order(1)]),
    (MULTISTEP, {"solver_type": "heun"}, 20, "dpmpp_2m", ["sample.solver_type=heun"]),
    (MULTISTEP, {"solver_order": 3, "lower_order_final": False}, 10, "dpmpp_3m", ["sample.lower_order_final=false"]),
    (MULTISTEP, {"solver_order": 3}, 20, "dpmpp_2m", [order(3)]),
    (MULTISTEP, SIGMA_MIN, 10, "dpmpp_2m", [ENDS]),
    (MULTISTEP, SIGMA_MIN, 20, "dpmpp_2m", [ENDS]),
    (MULTISTEP, {**SIGMA_MIN, "euler_at_final": True}, 20, "dpmpp_2m", [ENDS, "sample.euler_at_final=true"]),
    (MULTISTEP, {**SIGMA_MIN, "solver_order": 3}, 20, "dpmpp_3m", [ENDS]),
    (MULTISTEP, {**SDE, "solver_order": 1}, 10, "dpmpp_2m_sde", [order(1)]),
    (MULTISTEP, {**SDE, "solver_order": 3}, 10, "dpmpp_2m_sde", [order(3)]),
    (MULTISTEP, {**SDE, "solver_type": "heun"}, 10, "dpmpp_2m_sde", ["sample.solver_type=heun"]),
    (MULTISTEP, {**SDE, **SIGMA_MIN}, 20, "dpmpp_2m_sde", [ENDS]),
    (MULTISTEP, EXPONENTIAL, 10, "dpmpp_2m", ["sample.spacing=exponential"]),
    (MULTISTEP, BETA, 10, "dpmpp_2m", ["sample.spacing=beta"]),
    (MULTISTEP, {"use_lu_lambdas": True}, 10, "dpmpp_2m", ["sample.spacing=lu"]),
    (MULTISTEP, KARRAS, 10, "dpmpp_2m", ["sample.spacing=karras"]),
    (MULTISTEP, {**KARRAS, **SIGMA_MIN}, 16, "dpmpp_2m", ["sample.spacing=karras", ENDS]),
    # With karras, exponential and beta the first timesteps of this schedule are cut off to the same one, and diffusers
    # runs beyond the end of its list.
    (MULTISTEP, {**COSINE, **V, "use_lu_lambdas": True}, 10, "dpmpp_2m", ["sample.spacing=lu"]),
    (MULTISTEP, THRESHOLDING, 10, "dpmpp_2m", THRESHOLDED),
    (MULTISTEP, {"lambda_min_clipped": -3.0}, 10, "dpmpp_2m", ["sample.lambda_min_clipped=-3"]),
    (
        MULTISTEP,
        {"lambda_min_clipped": -3.0, "timestep_spacing": "trailing"},
        10,
        "dpmpp_2m",
        ["sample.lambda_min_clipped=-3", "sample.spacing=trailing"],
    ),
    (UNIPC, {"solver_order": 1}, 10, "unipc", [order(1)]),
    (UNIPC, {"solver_order": 3}, 10, "unipc", [order(3)]),
    (UNIPC, {"solver_order": 3}, 20, "unipc", [order(3)]),
    (UNIPC, {**SIGMA_MIN, "solver_type": "bh1"}, 10, "unipc", [ENDS, "sample.solver_type=bh1"]),
    (UNIPC, {**SIGMA_MIN, "solver_type": "bh1", "solver_order": 3}, 10, "unipc", [ENDS, "sample.solver_type=bh1", order(3)]),
    (UNIPC, {**SIGMA_MIN, "predict_x0": False}, 10, "unipc", [ENDS, "sample.predict_x0=false"]),
    (UNIPC, {**SIGMA_MIN, "predict_x0": False, "solver_order": 3}, 10, "unipc", [ENDS, "sample.predict_x0=false", order(3)]),
    (UNIPC, {"disable_corrector": [0, 2]}, 10, "unipc", ["sample.disable_corrector=[0, 2]"]),
    (UNIPC, {**SIGMA_MIN, "lower_order_final": False}, 10, "unipc", [ENDS, "sample.lower_order_final=false"]),
    (UNIPC, EXPONENTIAL, 10, "unipc", ["sample.spacing=exponential"]),
    (UNIPC, BETA, 10, "unipc", ["sample.spacing=beta"]),
    (
        UNIPC,
        {**KARRAS, **SIGMA_MIN, "sigma_min": 0.05, "sigma_max": 20.0},
        10,
        "unipc",
        ["sample.spacing=karras", ENDS, "sample.sigma_min=0.05", "sample.sigma_max=20"],
    ),
    (UNIPC, THRESHOLDING, 10, "unipc", THRESHOLDED),
    (DEIS, {"solver_order": 1}, 10, "deis", [ENDS, order(1)]),
    (DEIS, {}, 10, "deis", [ENDS]),
    (DEIS, {}, 20, "deis", [ENDS]),
    (DEIS, {"solver_order": 3}, 10, "deis", [ENDS, order(3)]),
    (DEIS, {"solver_order": 3}, 20, "deis", [ENDS, order(3)]),
    (DEIS, {"lower_order_final": False}, 10, "deis", [ENDS, "sample.lower_order_final=false"]),
    (DEIS, {**KARRAS, **V}, 10, "deis", [ENDS, "sample.spacing=karras"]),
    (DEIS, EXPONENTIAL, 10, "deis", [ENDS, "sample.spacing=exponential"]),
    (DEIS, BETA, 10, "deis", [ENDS, "sample.spacing=beta"]),
    (DEIS, THRESHOLDING, 10, "deis", [ENDS, *THRESHOLDED]),
    (SINGLESTEP, {"solver_order": 1}, 10, "dpmpp_2s", [order(1)]),
    (SINGLESTEP, {}, 10, "dpmpp_2s", []),
    (SINGLESTEP, {}, 9, "dpmpp_2s", []),
    (SINGLESTEP, {"solver_type": "heun"}, 10, "dpmpp_2s", ["sample.solver_type=heun"]),
    (SINGLESTEP, {"solver_order": 3}, 9, "dpmpp_2s", [order(3)]),
    (SINGLESTEP, {"solver_order": 3, "solver_type": "heun"}, 10, "dpmpp_2s", [order(3), "sample.solver_type=heun"]),
    (SINGLESTEP, {**SIGMA_MIN, "lower_order_final": False}, 10, "dpmpp_2s", [ENDS, "sample.lower_order_final=false"]),
    (SINGLESTEP, {**SIGMA_MIN, "lower_order_final": True}, 10, "dpmpp_2s", [ENDS]),
    (SINGLESTEP, {**KARRAS, **V}, 10, "dpmpp_2s", ["sample.spacing=karras"]),
    (SINGLESTEP, EXPONENTIAL, 10, "dpmpp_2s", ["sample.spacing=exponential"]),
    (SINGLESTEP, THRESHOLDING, 10, "dpmpp_2s", THRESHOLDED),
    (SINGLESTEP, {"lambda_min_clipped": -3.0}, 10, "dpmpp_2s", ["sample.lambda_min_clipped=-3"]),
    (PNDM, {"skip_prk_steps": True}, 10, "pndm", []),
    (PNDM, {"skip_prk_steps": True}, 2, "pndm", []),
    (PNDM, {"skip_prk_steps": True}, 1, "pndm", []),
    (PNDM, {}, 10, "pndm", ["sample.skip_prk_steps=false"]),
    (PNDM, {}, 30, "pndm", ["sample.skip_prk_steps=false"]),
    (PNDM, V, 10, "pndm", ["sample.skip_prk_steps=false", "sample.pndm_velocity=true"]),
    (PNDM, {**V, "skip_prk_steps": True}, 10, "pndm", ["sample.pndm_velocity=true"]),
    (PNDM, {"skip_prk_steps": True, "steps_offset": 1}, 10, "pndm", ["sample.steps_offset=1"]),
    (PNDM, {"skip_prk_steps": True, "set_alpha_to_one": True}, 10, "pndm", ["sample.set_alpha_to_one=true"]),
    (PNDM, {"skip_prk_steps": True, "timestep_spacing": "trailing"}, 10, "pndm", ["sample.spacing=trailing"]),
    (PNDM, {"timestep_spacing": "trailing"}, 10, "pndm", ["sample.spacing=trailing", "sample.skip_prk_steps=false"]),
    (LMS, {}, 10, "lms", []),
    (LMS, KARRAS, 10, "lms", ["sample.spacing=karras"]),
    (LMS, {**EXPONENTIAL, **V}, 10, "lms", ["sample.spacing=exponential"]),
    (LMS, BETA, 10, "lms", ["sample.spacing=beta"]),
    (LMS, {"timestep_spacing": "leading"}, 10, "lms", ["sample.spacing=leading"]),
    (LMS, {"timestep_spacing": "trailing"}, 10, "lms", ["sample.spacing=trailing"]),
    (KDPM2, BETAS, 10, "dpm_2", []),
    (KDPM2, {**BETAS, **KARRAS}, 10, "dpm_2", ["sample.spacing=karras"]),
    (KDPM2, {**BETAS, **EXPONENTIAL, **V}, 10, "dpm_2", ["sample.spacing=exponential"]),
    (KDPM2, {**BETAS, "timestep_spacing": "leading"}, 10, "dpm_2", ["sample.spacing=leading"]),
    (KDPM2A, BETAS, 10, "dpm_2_a", []),
    (KDPM2A, {**BETAS, **KARRAS, **V}, 10, "dpm_2_a", ["sample.spacing=karras"]),
    (EULER, SIGMA_MIN, 10, "euler", [ENDS]),
    (EULER, {"interpolation_type": "log_linear"}, 10, "euler", ["sample.interpolation_type=log_linear"]),
    (EULER, EXPONENTIAL, 10, "euler", ["sample.spacing=exponential"]),
    (EULER, BETA, 10, "euler", ["sample.spacing=beta"]),
    (
        EULER,
        {**KARRAS, "timestep_spacing": "leading"},
        10,
        "euler",
        ["sample.spacing=karras", "sample.sigma_range=leading"],
    ),
    (
        EULER,
        {**KARRAS, "timestep_spacing": "trailing", "sigma_max": 20.0},
        10,
        "euler",
        ["sample.spacing=karras", "sample.sigma_range=trailing", "sample.sigma_max=20"],
    ),
    (HEUN, {**BETAS, **EXPONENTIAL, **CLIPPED}, 10, "heun", ["sample.spacing=exponential", "clip"]),
    (HEUN, {**BETAS, **BETA}, 10, "heun", ["sample.spacing=beta"]),
    (DDPM, THRESHOLDING, 10, "ddpm", THRESHOLDED),
    (DDPM, CLIPPED, 10, "ddpm", ["clip"]),
    (DDIM, THRESHOLDING, 10, "ddim", THRESHOLDED),
    (DDIM, CLIPPED, 10, "ddim", ["clip"]),
    (FLOW, {**KARRAS, "shift": 3.0}, 10, "flow_euler", ["sample.spacing=karras", "diffusion.shift=3"]),
    (FLOW, EXPONENTIAL, 10, "euler", ["sample.spacing=exponential"]),
    (FLOW, BETA, 10, "flow_euler", ["sample.spacing=beta"]),
    (FLOW, {"shift_terminal": 0.1, "shift": 2.0}, 10, "flow_euler", ["sample.shift_terminal=0.1", "diffusion.shift=2"]),
]
LEADING = {PNDM, DDPM, DDIM}
SCHEDULES = {"squaredcos_cap_v2": "cosine"}


def difflab_keys(name, config, steps, sampler, keys):
    """The keys of a difflab config that sample as the scheduler does."""
    flow = name == FLOW
    spacing = config.get("timestep_spacing", "leading" if name in LEADING else "linspace")
    base = [
        f"diffusion.path={'flow' if flow else 'vp'}",
        f"diffusion.schedule={SCHEDULES.get(config.get('beta_schedule'), 'linear')}",
        f"diffusion.prediction_type={'flow' if flow else config.get('prediction_type', 'epsilon')}",
        f"sample.sampler={sampler}",
        f"sample.steps={steps}",
        f"sample.spacing={spacing}",
        "sample.equal_strides=true",
    ]
    if name == PNDM:
        base.append("sample.set_alpha_to_one=false")
    clip = ["sample.clip_sample=true", "sample.clip_sample_range=0.5"]
    return base + [key for item in keys for key in (clip if item == "clip" else [item])]


@torch.no_grad()
def loop(name, config, steps):
    module = importlib.import_module(getattr(diffusers, name).__module__)
    draws = 0

    def noise(shape, **_):
        nonlocal draws
        draws += 1
        i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
        return (1.2 * torch.sin(0.7 * i + 1.3 * draws)).to(torch.float32).reshape(shape)

    if hasattr(module, "randn_tensor"):
        module.randn_tensor = noise
    scheduler = getattr(diffusers, name)(**config)
    scheduler.set_timesteps(steps)
    x = torch.cos(0.9 * torch.arange(8, dtype=torch.float64)).to(torch.float32).reshape(1, 1, 2, 4)
    x = x * getattr(scheduler, "init_noise_sigma", 1.0)
    told, shown = [], []
    for t in scheduler.timesteps:
        seen = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        told.append(float(t))
        shown.append(seen.flatten().tolist())
        output = torch.tanh(0.8 * seen) * (0.3 + 0.7 * float(t) / 1000) + 0.05
        x = scheduler.step(output.to(torch.float32), t, x.to(torch.float32)).prev_sample
    return {"told": told, "shown": shown, "sample": x.flatten().tolist()}


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
    return [rounded(item) for item in value] if isinstance(value, list) else value


def main():
    cases = []
    for name, config, steps, sampler, keys in CASES:
        if name in (DDPM, DDIM) and "clip_sample" not in config:
            config = {**UNCLIPPED, **config}
        ran = {key: rounded(value) for key, value in loop(name, config, steps).items()}
        assert all(abs(value) < 1e6 for value in ran["sample"]), (name, config, ran["sample"])
        keys = difflab_keys(name, config, steps, sampler, keys)
        cases.append({"class": name, "config": config, "steps": steps, "keys": keys, **ran})
    lines = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"diffusers": "{diffusers.__version__}", "cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} loops, {OUT.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
