//! A class, as a person names it.

/// The class that is meant: the one of exactly that name, else of that name but for upper and lower case, else
/// of that number below `num_classes`. `None` where there is none.
pub fn find_class(asked: &str, num_classes: usize, names: &[String]) -> Option<usize> {
    let exact = names.iter().position(|name| name == asked);
    let alike = || names.iter().position(|name| name.eq_ignore_ascii_case(asked));
    let number = || asked.parse::<usize>().ok();
    exact.or_else(alike).or_else(number).filter(|&class| class < num_classes)
}

/// What the null class is called.
const NO_CLASS: [&str; 2] = ["none", "null"];

/// Is the null class meant? Where a class has one of its names, by the other.
pub fn means_no_class(asked: &str, names: &[String]) -> bool {
    NO_CLASS.contains(&asked) && !names.iter().any(|name| name == asked)
}

/// A word for those who ask for a class that is called as the null class usually is.
pub fn null_class_otherwise(asked: &str, names: &[String]) -> Option<String> {
    let other = NO_CLASS.iter().find(|name| means_no_class(name, names));
    (NO_CLASS.contains(&asked) && !means_no_class(asked, names)).then(|| match other {
        Some(other) => format!("{asked} is a class of this run; the null class is {other:?} here"),
        None => format!("{asked} is a class of this run; its null class has no name left"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_name_comes_first_then_any_case_then_the_number() {
        let names: Vec<String> = ["A", "a", "Flags", "1"].map(String::from).to_vec();
        let find = |asked| find_class(asked, 4, &names);
        assert_eq!((find("A"), find("a"), find("flags")), (Some(0), Some(1), Some(2)));
        assert_eq!((find("1"), find("2"), find("4"), find("b")), (Some(3), Some(2), None, None));
    }

    #[test]
    fn the_null_class_can_be_asked_for_beside_a_class_of_its_name() {
        let (plain, taken) = (["a".to_string()], ["none".to_string()]);
        assert!(means_no_class("none", &plain) && means_no_class("null", &taken) && !means_no_class("none", &taken));
        assert_eq!(null_class_otherwise("none", &plain), None);
        let word = null_class_otherwise("none", &taken).unwrap();
        assert!(word.contains("a class of this run") && word.contains("\"null\""), "{word}");
    }
}
