//! The house has floors, and imports only point down.

mod modules;
mod rooms;
mod source;
mod type_names;
mod unsafe_code;

use modules::{modules, resolve};
use source::{Source, Token, sources};

/// From the roof to the ground. Folders in one line share a floor and do not import each other.
const FLOORS: [&[&str]; 18] = [
    &["cli"],
    &["tui", "headless"],
    &["speak"],
    &["lab"],
    &["report", "course"],
    &["run"],
    &["explain"],
    &["eval"],
    &["bench"],
    &["train"],
    &["sampling"],
    &["nn"],
    &["kernels"],
    &["diffusion"],
    &["data"],
    &["picture"],
    &["config", "ranks"],
    &["random", "process", "ascii", "thousands"],
];

/// Crates that only the upper floors know: the crate, and the lowest floor that may use it.
const CRATES: [(&str, &str); 5] = [
    ("ratatui", "tui"),
    ("ratatui_image", "tui"),
    ("indicatif", "headless"),
    ("clap", "tui"),
    ("crossbeam_channel", "lab"),
];

fn height(folder: &str) -> Option<usize> {
    FLOORS.iter().rev().position(|floor| floor.contains(&folder))
}

/// The folder that lies on a floor, of a module's path; nothing for the ground plan itself, `lib.rs`.
fn folder(module: &[String]) -> Option<&str> {
    module.first().map(String::as_str)
}

/// Does `source` name something of the crate `name`, tests included?
fn knows(source: &Source, name: &str) -> bool {
    source.all.windows(2).any(|two| two[0].text == name && two[1].text == "::")
}

#[test]
fn every_folder_has_a_floor() {
    for source in sources() {
        let Some(folder) = folder(&source.module) else { continue };
        assert!(height(folder).is_some(), "{} lies on no floor", source.file.display());
    }
}

#[test]
fn imports_only_point_down() {
    // With tests: they may not look up either.
    let sources: Vec<Source> = sources().into_iter().map(Source::with_tests).collect();
    let modules = modules(&sources);
    let mut seen = 0;
    for (path, module) in &modules {
        for named in &module.names {
            let target = resolve(&modules, path, &named.path);
            let (Some(from), Some(to)) = (folder(path), target.as_ref().and_then(|target| folder(&target.module)))
            else {
                continue;
            };
            seen += usize::from(from != to);
            let allowed = from == to || height(to) < height(from);
            let file = module.file.join("/");
            assert!(allowed, "{file}:{}: {from} imports {to}, which does not lie below it", named.line);
        }
    }
    assert!(seen > 1000, "only {seen} imports found: does the test still read them?");
}

#[test]
fn only_the_upper_floors_know_the_screen_and_the_channels() {
    for source in sources() {
        let Some(folder) = folder(&source.module) else { continue };
        for (name, lowest) in CRATES {
            let allowed = height(folder) >= height(lowest);
            assert!(allowed || !knows(&source, name), "{}: {folder} knows {name}", source.file.display());
        }
    }
}

/// What only some systems have comes through `process`; no code above is compiled for some systems alone.
#[test]
fn systems_differ_behind_one_door() {
    const SYSTEMS: [&str; 5] = ["unix", "windows", "target_os", "target_family", "target_vendor"];
    let mut behind = 0;
    for source in sources() {
        let asks = |words: &[Token]| {
            let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            words.starts_with(&["cfg", "("]) && words.iter().any(|word| SYSTEMS.contains(word))
                || words.starts_with(&["std", "::", "os"])
        };
        let found = source.tokens.windows(5).find(|words| asks(words));
        match (folder(&source.module), found) {
            (Some("process"), found) => behind += usize::from(found.is_some()),
            (_, Some(words)) => panic!("{}:{} asks for the system", source.file.display(), words[0].line),
            _ => {}
        }
    }
    assert!(behind >= 8, "only {behind} files of process ask: does the test still read them?");
}

#[test]
fn signals_are_one_floor_s_business() {
    for source in sources() {
        for name in ["signal_hook", "libc", "rustix", "ctrlc"] {
            let allowed = folder(&source.module) == Some("process");
            assert!(allowed || !knows(&source, name), "{} uses {name}", source.file.display());
        }
    }
}
