//! A config's keys with their values, without sections.

use std::collections::BTreeMap;

use super::Config;
use super::keys::keys;

impl Config {
    /// Every key, dotted, with its value.
    pub fn values(&self) -> BTreeMap<String, toml::Value> {
        fn flatten(prefix: &str, table: toml::Table, into: &mut BTreeMap<String, toml::Value>) {
            for (key, value) in table {
                let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                match value {
                    toml::Value::Table(table) => flatten(&key, table, into),
                    value => _ = into.insert(key, value),
                }
            }
        }
        let mut values = BTreeMap::new();
        flatten("", self.to_toml().parse().unwrap_or_default(), &mut values);
        values
    }

    /// The keys on which `after` differs, in the order of the schema, each with its value there as TOML.
    pub fn changes(&self, after: &Config) -> Vec<(&'static str, String)> {
        let (before, after) = (self.values(), after.values());
        // As text: a number that is not one equals itself.
        let value = |values: &BTreeMap<String, toml::Value>, path: &str| values.get(path).map(toml::Value::to_string);
        let changed = keys().iter().filter_map(|key| {
            let now = value(&after, &key.path)?;
            (value(&before, &key.path).as_ref() != Some(&now)).then_some((key.path.as_str(), now))
        });
        changed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_with_its_new_value() {
        let before = Config::default();
        assert_eq!(before.changes(&before), []);
        let set = ["sample.spacing=karras", "model.block_out_channels=8,16", "sample.rho=5"].map(String::from);
        let after = before.clone().with_overrides(&set).unwrap();
        let told = before.changes(&after);
        let expected =
            [("model.block_out_channels", "[8, 16]"), ("sample.spacing", "\"karras\""), ("sample.rho", "5.0")];
        assert_eq!(told, expected.map(|(key, value)| (key, value.to_string())));
    }

    #[test]
    fn every_key_has_a_value() {
        let values = Config::default().values();
        assert!(keys().iter().all(|key| values.contains_key(&key.path)));
    }
}
