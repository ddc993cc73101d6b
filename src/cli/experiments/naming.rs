//! Names of runs by what is set in them.

use sha2::{Digest, Sha256};

/// A folder's name may have so many bytes on every system; some are left for what is put behind it.
const LONGEST: usize = 120;

/// The settings with their keys as short as they can be told apart: "learning_rate=0.001" of "train.learning_rate=0.001".
pub fn labels(sets: &[String], of_all: &[String]) -> Vec<String> {
    let key = |set: &str| set.split('=').next().unwrap_or_default().trim().to_string();
    let own = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
    let is_one_key = |name: &str| {
        let mut paths: Vec<String> = of_all.iter().map(|set| key(set)).filter(|path| own(path) == name).collect();
        paths.sort();
        paths.dedup();
        paths.len() == 1
    };
    let label = |set: &String| {
        let (path, value) = set.split_once('=').unwrap_or((set, ""));
        let (path, name) = (path.trim(), own(path.trim()));
        let value = short(value.trim().trim_matches('"'));
        format!("{}={value}", if is_one_key(&name) { &name } else { path })
    };
    sets.iter().map(label).collect()
}

/// Numbers as people write them: "1e30", "0.5"; other values as they are.
fn short(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if value.contains(['.', 'e']) && number.is_finite() => match number.abs() {
            size if size != 0.0 && !(1e-4..1e6).contains(&size) => format!("{number:e}"),
            _ => number.to_string(),
        },
        _ => value.into(),
    }
}

/// A name for the folder of a run with these labels, which no shell and no system minds.
pub fn folder_name(labels: &[String]) -> String {
    let whole = labels.join(",");
    let mut plain: String =
        whole.chars().map(|c| if c.is_alphanumeric() || "._-=,+".contains(c) { c } else { '-' }).collect();
    if plain == whole && plain.len() <= LONGEST && !plain.starts_with(['-', '.']) {
        return plain;
    }
    // What was left out still tells names apart.
    while plain.len() > LONGEST {
        plain.pop();
    }
    let hash: String = Sha256::digest(whole.as_bytes()).iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}", plain.trim_start_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_short_as_they_can_be_told_apart() {
        let sets = ["train.learning_rate=0.001", "diffusion.schedule=\"linear\""].map(String::from);
        assert_eq!(labels(&sets, &sets), ["learning_rate=0.001", "schedule=linear"]);
        let numbers =
            ["x=0.00001", "x=1000000000000000000000000000000.0", "x=5.0", "x=2000000", "x=[8, 16]"].map(String::from);
        assert_eq!(labels(&numbers, &numbers), ["x=1e-5", "x=1e30", "x=5", "x=2000000", "x=[8, 16]"]);
        let sets = ["train.steps=5", "sample.steps=6"].map(String::from);
        assert_eq!(labels(&sets[..1], &sets), ["train.steps=5"]);
    }

    #[test]
    fn folders_have_plain_names_that_differ() {
        assert_eq!(folder_name(&["learning_rate=1e-3".into(), "seed=0".into()]), "learning_rate=1e-3,seed=0");
        let (a, b) = (folder_name(&["path=/a b".into()]), folder_name(&["path=/a/b".into()]));
        assert!(a.starts_with("path=-a-b-") && b.starts_with("path=-a-b-") && a != b, "{a} {b}");
        let long = folder_name(&["x=".to_string() + &"é".repeat(200)]);
        assert!(long.len() < 140, "{long}");
    }
}
