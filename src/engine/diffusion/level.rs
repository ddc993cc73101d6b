//! One place on a path.

/// A noise level: x_t = α·x_0 + σ·ε.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseLevel {
    /// Timestep, t ∈ 0..T, fractional between the steps and on continuous paths. What the network is
    /// told follows from it: [`Parameterization::network_time`](super::Parameterization::network_time).
    pub t: f64,
    pub alpha: f64,
    pub sigma: f64,
}

impl NoiseLevel {
    /// The end of every path: x_0 itself.
    pub const CLEAN: Self = Self { t: 0.0, alpha: 1.0, sigma: 0.0 };

    /// σ/α: the noise beside an image that is not scaled down, as VE and EDM count it ("sigma" of
    /// k-diffusion and of diffusers' Euler, Heun and DPM-Solver). Infinite where no signal is left.
    pub fn noise_to_signal(self) -> f64 {
        self.sigma / self.alpha
    }

    /// Half log-SNR λ = log(α/σ) (Kingma et al. 2021, "Variational Diffusion Models"). ∞ when clean, −∞
    /// without signal.
    pub fn lambda(self) -> f64 {
        (self.alpha / self.sigma).ln()
    }

    /// Half the width of a window in which x_t of data of standard deviation 0.5 lies almost whole: 1.3 at
    /// the data, and 2.4 standard deviations of the noise where there is nothing else.
    pub fn reach(self) -> f64 {
        (1.3 * self.alpha).hypot(2.4 * self.sigma)
    }

    /// Signal-to-noise ratio α²/σ².
    pub fn snr(self) -> f64 {
        (self.alpha / self.sigma).powi(2)
    }
}
