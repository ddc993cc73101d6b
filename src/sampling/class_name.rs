//! A class, as a person names it.

/// The class that is meant: the one of exactly that name, else of that name but for upper and lower case, else
/// of that number below `num_classes`. `None` where there is none.
pub fn find_class(asked: &str, num_classes: usize, names: &[String]) -> Option<usize> {
    let exact = names.iter().position(|name| name == asked);
    let alike = || names.iter().position(|name| name.eq_ignore_ascii_case(asked));
    let number = || asked.parse::<usize>().ok();
    exact.or_else(alike).or_else(number).filter(|&class| class < num_classes)
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
}
