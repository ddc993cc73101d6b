"""Samples by diffusers' own schedulers, driven as each class means to be driven."""

import inspect

import numpy as np
import torch

import diffusers


def exact_betas(config):
    """The betas of a scheduler in f64."""
    steps = config.num_train_timesteps
    if config.trained_betas is not None:
        return np.array(config.trained_betas, dtype=np.float64)
    if config.beta_schedule == "squaredcos_cap_v2":
        g = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.minimum(1 - g[1:] / g[:-1], 0.999)
    if config.beta_schedule == "scaled_linear":
        return np.linspace(config.beta_start**0.5, config.beta_end**0.5, steps) ** 2
    return np.linspace(config.beta_start, config.beta_end, steps)


def exact_sigmas(scheduler):
    """Gives HeunDiscreteScheduler its sigmas in f64.

    Its first step leads from the largest sigma (20,000 on the cosine schedule) and multiplies what the two
    estimates of x_0 differ by with half the ratio of the sigmas, some hundreds: its own f32 sigmas are off by
    3e-5 there, and its samples by 3e-2. With exact ones it gives what difflab gives.
    """
    alphas_cumprod = np.cumprod(1 - exact_betas(scheduler.config))
    steps = np.arange(scheduler.config.num_train_timesteps)
    sigmas = np.interp(scheduler.timesteps.numpy(), steps, np.sqrt(1 / alphas_cumprod - 1))
    scheduler.sigmas = torch.from_numpy(np.append(sigmas, 0.0))


def in_f64(unet, scheduler, noise, steps):
    """What `theirs` gives where diffusers' own f32 is too coarse for its formulas (large sigmas, high orders): the same
    code of diffusers with its betas, sigmas and samples in f64, and the network as it is."""
    alphas_cumprod = torch.from_numpy(np.cumprod(1 - exact_betas(scheduler.config)))
    if not scheduler.config.get("rescale_betas_zero_snr"):
        scheduler.alphas_cumprod = alphas_cumprod
    scheduler.set_timesteps(steps)
    from_the_first(scheduler)
    if hasattr(scheduler, "sigmas"):
        scheduler.sigmas = scheduler.sigmas.double()
    x = noise.double() * getattr(scheduler, "init_noise_sigma", 1.0)
    with torch.no_grad():
        for t in scheduler.timesteps:
            scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
            output = unet(scaled.float(), t).sample
            x = scheduler.step(output.double(), t, x).prev_sample.double()
    return x.float()


def begins_twice(scheduler):
    """Does its first timestep come again, so that it looks up a later level for its first step?"""
    return (scheduler.timesteps == scheduler.timesteps[0]).sum() > 1


def from_the_first(scheduler):
    """Begins at the first level, as pipelines that name the level do.

    Left to itself a scheduler looks its place up by the timestep, takes the second of equal ones, and runs out of
    levels before the end: an IndexError, or NaN.
    """
    if begins_twice(scheduler) and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)


@torch.no_grad()
def theirs(unet, scheduler, noise, labels=None, s=1.0, steps=50, **arguments):
    """From noise [N, C, H, W] to samples, with classifier-free guidance of scale s where there are labels."""
    scheduler.set_timesteps(steps)
    from_the_first(scheduler)
    dtype = noise.dtype
    plain = not any(scheduler.config.get(f"use_{kind}_sigmas") for kind in ("karras", "exponential", "beta"))
    if isinstance(scheduler, diffusers.HeunDiscreteScheduler) and plain:
        exact_sigmas(scheduler)
        noise = noise.double()
    splits = "variance_type" in inspect.signature(type(scheduler).__init__).parameters
    x = noise * getattr(scheduler, "init_noise_sigma", 1.0)
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        scaled = scaled.to(dtype)
        output = unet(scaled, t, class_labels=labels).sample
        if s != 1.0:
            null = torch.full_like(labels, unet.config.num_class_embeds - 1)
            uncond = unet(scaled, t, class_labels=null).sample
            output = uncond + s * (output - uncond)
        if not splits or scheduler.config.variance_type not in ("learned", "learned_range"):
            # A learned variance is the ancestral sampler's business; the others take the first half of the output.
            output = output[:, : x.shape[1]]
        x = scheduler.step(output.to(x.dtype), t, x, **arguments).prev_sample
    return x.to(dtype)
