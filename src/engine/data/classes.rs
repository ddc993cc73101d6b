//! The names and numbers of classes.

use std::collections::{BTreeMap, HashSet};

use super::shown::shown;

/// Sorts names of classes: by number where all of them are numbers (-1, 0.5, 2 … 10), else as text.
pub(super) fn sort(names: &mut [String]) {
    let number = |name: &String| name.parse::<f64>().ok().filter(|number| number.is_finite());
    if names.iter().all(|name| number(name).is_some()) {
        // By text where f64 can't tell them apart.
        let key = |name: &String| (number(name).unwrap_or_default(), name.clone());
        names.sort_by(|a, b| {
            let ((a, a_name), (b, b_name)) = (key(a), key(b));
            a.total_cmp(&b).then_with(|| a_name.cmp(&b_name))
        });
    } else {
        names.sort();
    }
}

/// Names as they may be shown, no two the same: what names differ in may be unfit to be shown.
pub(super) fn presentable(names: Vec<String>) -> Vec<String> {
    let mut taken = HashSet::new();
    let unique = |name: String| {
        let shown = shown(&name);
        let more = (2..).map(|n| format!("{shown} ({n})"));
        let mut candidates = std::iter::once(shown.clone()).chain(more);
        candidates.find(|name| taken.insert(name.clone())).unwrap_or(shown)
    };
    names.into_iter().map(unique).collect()
}

/// The labels made to count from 0 without holes, and for each class its number before.
pub(super) fn without_holes(labels: &mut [u32]) -> Vec<u32> {
    let mut used: BTreeMap<u32, u32> = labels.iter().map(|&label| (label, 0)).collect();
    for (new, (_, class)) in (0..).zip(used.iter_mut()) {
        *class = new;
    }
    for label in labels.iter_mut() {
        *label = used[label];
    }
    used.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers_and_names_as_names() {
        let sorted = |names: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            sort(&mut names);
            names.join(" ")
        };
        assert_eq!(sorted(&["10", "2", "0", "1"]), "0 1 2 10");
        assert_eq!(sorted(&["a10", "a2", "B"]), "B a10 a2");
        assert_eq!(sorted(&["01", "1", "cat"]), "01 1 cat");
        assert_eq!(sorted(&["1", "01", "0"]), "0 01 1");
        assert_eq!(sorted(&["10.5", "2.5", "1.5"]), "1.5 2.5 10.5");
        assert_eq!(sorted(&["-1", "10", "-10", "+2"]), "-10 -1 +2 10");
        assert_eq!(sorted(&["10", "1.0", "2", "2.5"]), "1.0 2 2.5 10");
        assert_eq!(sorted(&["9007199254740993", "9007199254740992"]), "9007199254740992 9007199254740993");
        assert_eq!(sorted(&["nan", "10", "2"]), "10 2 nan");
    }

    #[test]
    fn labels_that_start_at_1_or_have_holes_are_counted_from_0() {
        let mut labels = vec![26, 1, 7, 1];
        assert_eq!(without_holes(&mut labels), [1, 7, 26]);
        assert_eq!(labels, [2, 0, 1, 0]);
        assert!(without_holes(&mut []).is_empty());
    }

    #[test]
    fn shown_names_stay_apart() {
        let names = ["a\u{7}", "a\\u{7}", "A", "a"].map(String::from).to_vec();
        assert_eq!(presentable(names), ["a\\u{7}", "a\\u{7} (2)", "A", "a"]);
    }
}
