//! Names on the command line that are the config file's names too.

use serde::de::DeserializeOwned;

use crate::config::{PrecisionChoice, SamplerName, TimestepSpacing};

/// A sampler by its name in configs.
///
/// # Errors
/// A sentence with the names that exist.
pub fn sampler(text: &str) -> Result<SamplerName, String> {
    by_name(text)
}

/// A timestep spacing by its name in configs.
///
/// # Errors
/// A sentence with the names that exist.
pub fn spacing(text: &str) -> Result<TimestepSpacing, String> {
    by_name(text)
}

/// A precision by its name in configs.
///
/// # Errors
/// A sentence with the names that exist.
pub fn precision(text: &str) -> Result<PrecisionChoice, String> {
    by_name(text)
}

fn by_name<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    // serde's message lists the variants: "unknown variant `x`, expected `ddpm` or `ddim`".
    serde_json::from_value(text.into()).map_err(|e| e.to_string().replace("unknown variant", "there is no"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_config_and_unknown_ones_list_the_known() {
        for name in SamplerName::ALL {
            assert_eq!(sampler(name.name()), Ok(name));
        }
        assert_eq!(spacing("trailing"), Ok(TimestepSpacing::Trailing));
        for choice in [PrecisionChoice::F32, PrecisionChoice::Bf16, PrecisionChoice::Auto] {
            let word = serde_json::to_value(choice).unwrap();
            assert_eq!(precision(word.as_str().unwrap()), Ok(choice));
            assert!(precision("f16").unwrap_err().contains(word.as_str().unwrap()));
        }
        let message = sampler("plms").unwrap_err();
        assert!(message.contains("plms") && message.contains("ddpm") && message.contains("ddim"), "{message}");
    }
}
