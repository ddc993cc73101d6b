//! Whether a run's config.toml is one: difflab writes all keys into it, and one that lacks those that every version has
//! written would be read as another experiment, made of defaults.

/// Keys that every run's config has.
pub const ALWAYS: [&str; 3] = ["version", "data.dataset", "train.steps"];

/// Those of them that a file lacks.
pub fn lacking(table: &toml::Table) -> Vec<&'static str> {
    let has = |path: &str| match path.split_once('.') {
        Some((section, key)) => table.get(section).is_some_and(|section| section.get(key).is_some()),
        None => table.contains_key(path),
    };
    ALWAYS.into_iter().filter(|path| !has(path)).collect()
}

/// "version, data.dataset and train.steps".
pub fn named(paths: &[&str]) -> String {
    match paths {
        [] => String::new(),
        [one] => (*one).into(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_difflab_writes_lacks_nothing_and_an_empty_file_all() {
        let lacks = |text: &str| named(&lacking(&text.parse().unwrap()));
        assert_eq!(lacks(&Config::default().to_toml()), "");
        assert_eq!(lacks(""), "version, data.dataset and train.steps");
        assert_eq!(lacks("version = 1\n[train]\nsteps = 5\n[data]\npath = \"x\"\n"), "data.dataset");
    }
}
