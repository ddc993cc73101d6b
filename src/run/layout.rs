//! Can a run be trained further with the network that its config describes?

use std::path::Path;

use anyhow::Result;

use super::error::RunError;
use crate::nn::{Architecture, NetConfig, network_config};

/// Nothing to say where the checkpoint in `folder` has just the parameters of `net`, which the config describes. An imported
/// network can have others: no key says its layout.
///
/// # Errors
/// [`RunError::NotTheSame`] with the first parameter that differs.
pub fn check_layout(folder: &Path, net: &NetConfig) -> Result<()> {
    let sorted = |net: &dyn Architecture| -> Result<Vec<(String, Vec<usize>)>> {
        let mut all: Vec<_> = net.parameters()?.into_iter().map(|one| (one.name, one.shape)).collect();
        all.sort();
        Ok(all)
    };
    let (kept, described) = (sorted(&network_config(folder)?)?, sorted(net)?);
    let missing = |a: &[(String, Vec<usize>)], b: &[(String, Vec<usize>)]| {
        a.iter().find(|one| !b.contains(one)).map(|(name, shape)| format!("{name} {shape:?}"))
    };
    let Some(differs) = missing(&kept, &described).or_else(|| missing(&described, &kept)) else { return Ok(()) };
    Err(RunError::NotTheSame(format!(
        "this run can't be trained further: its network, in {}, is laid out otherwise than the keys of its config can say \
         ({differs} is in one of them alone). It can be measured, and exported again",
        folder.display()
    ))
    .into())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::Config;
    use crate::nn::{Weights, save_network};

    #[test]
    fn a_layout_that_no_key_describes_is_said_by_its_first_parameter() {
        let set = ["autoencoder.block_out_channels=4,4", "autoencoder.norm_num_groups=2"].map(String::from);
        let config = Config::default().with_overrides(&set).unwrap().autoencoder_run();
        let net = NetConfig::new(&config, 8, 8, 1, None);
        let dir = tempfile::tempdir().unwrap();
        let weights = Weights::init(&net, 1, &Device::Cpu).unwrap();
        save_network(dir.path(), &net, &weights, None).unwrap();
        check_layout(dir.path(), &net).unwrap();
        let deeper = Config {
            autoencoder: crate::config::AutoencoderStage { layers_per_block: 2, ..config.autoencoder.clone() },
            ..config
        };
        let said = check_layout(dir.path(), &NetConfig::new(&deeper, 8, 8, 1, None)).unwrap_err().to_string();
        assert!(said.contains("can't be trained further") && said.contains("resnets."), "{said}");
    }
}
