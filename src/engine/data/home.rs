//! `~` in paths, where no shell has replaced it: in configs, behind `=`, in quotes.

use std::env;
use std::ffi::OsString;
use std::path::Path;

/// The path with `~` or `~/` at its beginning replaced by the home folder. Others, `~name` among them, stay as
/// they are, and so do all where no home folder is known.
pub fn expanded(path: &str) -> String {
    let home = env::home_dir().filter(|home| !home.as_os_str().is_empty());
    expanded_in(path, home.as_deref())
}

fn expanded_in(path: &str, home: Option<&Path>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.display().to_string(),
        (Some(rest), Some(home)) if rest.starts_with(['/', std::path::MAIN_SEPARATOR]) => {
            // join would take a path that begins with a slash for the whole.
            home.join(rest.trim_start_matches(['/', std::path::MAIN_SEPARATOR])).display().to_string()
        }
        _ => path.into(),
    }
}

/// Arguments of a command line with `~` replaced where a shell leaves it: at the beginning (in quotes), behind
/// the `=` of an option, and behind that of a setting (`--set data.path=~/cats`).
pub fn expanded_arguments(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let expanded = |argument: OsString| match argument.to_str() {
        Some(text) => in_argument(text),
        None => argument,
    };
    arguments.map(expanded).collect()
}

fn in_argument(argument: &str) -> OsString {
    // `--set=data.path=~/cats`: behind the last `=` before it.
    let start = argument.find("=~").map_or(0, |at| at + 1);
    let (before, path) = argument.split_at(start);
    let names_a_key = before.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=".contains(c));
    if names_a_key { format!("{before}{}", expanded(path)).into() } else { argument.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tilde_that_stands_for_home_is_replaced() {
        let home = Some(Path::new("/home/me"));
        for (path, whole) in [
            ("~", "/home/me"),
            ("~/", "/home/me/"),
            ("~/cats", "/home/me/cats"),
            ("~//cats/a b", "/home/me/cats/a b"),
            ("~other/cats", "~other/cats"),
            ("/a/~/b", "/a/~/b"),
            ("a~", "a~"),
            ("", ""),
        ] {
            assert_eq!(Path::new(&expanded_in(path, home)), Path::new(whole));
        }
        assert_eq!(expanded_in("~/cats", None), "~/cats");
    }

    #[test]
    fn arguments_are_expanded_where_a_shell_leaves_them() {
        let Some(home) = env::home_dir().filter(|home| !home.as_os_str().is_empty()) else { return };
        let at_home = |before: &str, path: &str| format!("{before}{}", home.join(path).display());
        for (given, whole) in [
            ("--run=~/runs/a", at_home("--run=", "runs/a")),
            ("data.path=~/cats", at_home("data.path=", "cats")),
            ("--set=data.path=~/cats", at_home("--set=data.path=", "cats")),
            ("~/cats", at_home("", "cats")),
            ("a b=~/c", "a b=~/c".into()),
            ("name=x~", "name=x~".into()),
        ] {
            assert_eq!(expanded_arguments([OsString::from(given)].into_iter()), [OsString::from(whole)]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_stays_as_it_is() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(vec![b'~', b'/', 0xff]);
        assert_eq!(expanded_arguments([odd.clone()].into_iter()), [odd]);
    }
}
