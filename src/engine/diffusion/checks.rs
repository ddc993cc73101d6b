//! What to know about a schedule before training with it.

use super::Schedule;
use crate::config::{DiffusionConfig, PathName, PredictionType, ScheduleName};

/// More signal than this left at the last step shows in the samples. Stable Diffusion's schedule leaves
/// 0.0047 and is known to suffer from it (Lin et al. 2024, "Common Diffusion Noise Schedules and Sample
/// Steps are Flawed"); DDPM's leaves 0.00004.
const MOST_TERMINAL_SIGNAL: f64 = 0.005;
/// T and β_end of Ho et al. 2020; for another T, β × 1000/T reaches about the same end.
const USUAL_TIMESTEPS: f64 = 1000.0;
const USUAL_BETAS: (f64, f64) = (1e-4, 0.02);

/// A warning when the noisiest step still shows the image: sampling starts from pure noise, which such
/// a network has never seen.
pub fn check_terminal_snr(config: &DiffusionConfig, schedule: &Schedule) -> Option<String> {
    if schedule.path != PathName::Vp {
        return continuous_terminal_snr(config, schedule);
    }
    let left = schedule.alphas_cumprod.last().copied()?;
    if left <= MOST_TERMINAL_SIGNAL {
        return None;
    }
    let name = config.schedule.name();
    let timesteps = config.timesteps;
    let factor = USUAL_TIMESTEPS / timesteps as f64;
    let (start, end) = (USUAL_BETAS.0 * factor, USUAL_BETAS.1 * factor);
    let scaled = DiffusionConfig { beta_start: start, beta_end: end, ..config.clone() };
    let scaled_left = Schedule::from_config(&scaled).ok().and_then(|s| s.alphas_cumprod.last().copied());
    // With neither does ε say anything of x_0 at the last step.
    let of_noise = matches!(config.prediction_type, PredictionType::Epsilon | PredictionType::Score);
    let and_v = if of_noise { " and diffusion.prediction_type = \"v_prediction\"" } else { "" };
    let usual = DiffusionConfig::default();
    let cure = match (config.schedule, scaled_left) {
        (ScheduleName::Cosine | ScheduleName::SigmoidJabri, _) if config.max_beta < usual.max_beta => {
            format!("set diffusion.max_beta = {}", usual.max_beta)
        }
        (ScheduleName::Cosine | ScheduleName::SigmoidJabri, _) => "set diffusion.timesteps higher".to_string(),
        (ScheduleName::Given, _) => format!("set diffusion.rescale_betas_zero_snr = true{and_v}"),
        (_, Some(left)) if left <= MOST_TERMINAL_SIGNAL && end < 1.0 => format!(
            "set diffusion.beta_start = {start} and diffusion.beta_end = {end} (the usual β × 1000/T), or \
             diffusion.schedule = \"cosine\"{and_v}",
            start = rounded(start),
            end = rounded(end)
        ),
        _ => format!("set diffusion.schedule = \"cosine\"{and_v}"),
    };
    let digits = if left >= 0.095 { 2 } else { 4 };
    let snr = left / (1.0 - left);
    Some(format!(
        "T = {timesteps} with {name} betas leaves alphas_cumprod_T = {left:.digits$} (SNR {snr:.digits$}): training never \
         shows the network pure noise, from which sampling starts, so samples come out grey and alike; {cure}"
    ))
}

/// The same of a continuous path: the signal beside the noise where sampling starts.
fn continuous_terminal_snr(config: &DiffusionConfig, schedule: &Schedule) -> Option<String> {
    let noisiest = schedule.noisiest();
    let snr = noisiest.snr();
    if snr <= MOST_TERMINAL_SIGNAL {
        return None;
    }
    let (ends, cure) = match schedule.path {
        PathName::Ve => (format!("σ_max = {}", noisiest.sigma), "diffusion.sigma_max = 50"),
        PathName::Edm => (format!("σ_max = {}", noisiest.sigma), "diffusion.sigma_max = 80"),
        _ => (format!("β_max = {}", config.beta_max), "diffusion.beta_max = 20"),
    };
    Some(format!(
        "path {} with {ends} ends at SNR {snr:.4}: training never shows the network pure noise, from which sampling \
         starts, so samples come out grey and alike; set {cure}",
        schedule.label()
    ))
}

/// Three significant digits.
fn rounded(x: f64) -> f64 {
    let unit = 10f64.powf(x.abs().log10().floor() - 2.0);
    let rounded = (x / unit).round() * unit;
    // Shortest decimal: 0.002 rather than 0.0020000000000000001.
    format!("{rounded:.9}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schedule: ScheduleName, timesteps: usize) -> Option<String> {
        let config = DiffusionConfig { schedule, timesteps, ..DiffusionConfig::default() };
        check_terminal_snr(&config, &Schedule::from_config(&config).unwrap())
    }

    #[test]
    fn fifty_steps_of_linear_betas_leave_sixty_percent_and_the_warning_says_so() {
        let warning = check(ScheduleName::Linear, 50).unwrap();
        assert!(warning.starts_with("T = 50 with linear betas leaves alphas_cumprod_T = 0.60"), "{warning}");
        assert!(warning.contains("beta_start = 0.002 and diffusion.beta_end = 0.4"), "{warning}");
    }

    #[test]
    fn the_suggested_betas_end_the_warning() {
        for schedule in [ScheduleName::Linear, ScheduleName::Sigmoid] {
            for timesteps in [30, 50, 100, 200, 400] {
                let config = DiffusionConfig { schedule, timesteps, ..DiffusionConfig::default() };
                let factor = 1000.0 / timesteps as f64;
                let cured = DiffusionConfig {
                    beta_start: rounded(1e-4 * factor),
                    beta_end: rounded(0.02 * factor),
                    ..config.clone()
                };
                let warned = check(schedule, timesteps).unwrap();
                let suggests = warned.contains(&format!("beta_end = {}", cured.beta_end));
                let left = check_terminal_snr(&cured, &Schedule::from_config(&cured).unwrap());
                assert_eq!(suggests, left.is_none(), "{schedule:?} {timesteps}: {warned}");
            }
        }
    }

    #[test]
    fn the_usual_schedules_are_fine() {
        for schedule in [ScheduleName::Linear, ScheduleName::ScaledLinear, ScheduleName::Cosine, ScheduleName::Sigmoid]
        {
            assert_eq!(check(schedule, 1000), None);
        }
        assert_eq!(check(ScheduleName::Cosine, 50), None);
        assert!(check(ScheduleName::Linear, 2).unwrap().contains("cosine"));
    }

    #[test]
    fn continuous_paths_that_end_too_early_are_named_with_the_cure_and_their_defaults_are_fine() {
        use PathName::*;
        let check = |config: DiffusionConfig| check_terminal_snr(&config, &Schedule::from_config(&config).unwrap());
        for path in [VpSde, SubVpSde, Ve, Edm, Flow] {
            assert_eq!(check(DiffusionConfig { path, ..DiffusionConfig::default() }), None);
        }
        // SNR 1/5² and 1/8².
        let ve = check(DiffusionConfig { path: Ve, sigma_max: 5.0, ..DiffusionConfig::default() }).unwrap();
        assert!(ve.contains("SNR 0.0400") && ve.contains("set diffusion.sigma_max = 50"), "{ve}");
        let edm = check(DiffusionConfig { path: Edm, sigma_max: 8.0, ..DiffusionConfig::default() }).unwrap();
        assert!(edm.contains("SNR 0.0156") && edm.contains("80"), "{edm}");
        // ᾱ = exp(−(0.1 + 1.9/2)) = 0.350.
        let sde = check(DiffusionConfig { path: VpSde, beta_max: 2.0, ..DiffusionConfig::default() }).unwrap();
        assert!(sde.contains("SNR 0.5383") && sde.contains("beta_max = 20"), "{sde}");
    }
}
