//! The configs inside the binary.

/// Name and TOML text of every shipped config; the first is the default.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    &[
        ("mnist", include_str!("../../../configs/mnist.toml")),
        ("mnist-quick", include_str!("../../../configs/mnist-quick.toml")),
        ("mnist-speedrun", include_str!("../../../configs/mnist-speedrun.toml")),
        ("mnist-ddpm", include_str!("../../../configs/mnist-ddpm.toml")),
        ("mnist-latent", include_str!("../../../configs/mnist-latent.toml")),
        ("fashion", include_str!("../../../configs/fashion.toml")),
        ("emoji", include_str!("../../../configs/emoji.toml")),
        ("emoji-64", include_str!("../../../configs/emoji-64.toml")),
        ("emoji-64-latent", include_str!("../../../configs/emoji-64-latent.toml")),
        ("two-moons", include_str!("../../../configs/two-moons.toml")),
        ("swiss-roll", include_str!("../../../configs/swiss-roll.toml")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn every_shipped_config_loads_and_validates_without_a_warning() {
        for (name, _) in shipped() {
            let config = Config::load(name, &[]).unwrap();
            assert_eq!(config.validate().unwrap(), Vec::<String>::new(), "{name}");
            assert_eq!(&config.name, name);
        }
    }

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(String::from))
            .collect();
        let mut names: Vec<String> = shipped().iter().map(|(name, _)| name.to_string()).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }
}
