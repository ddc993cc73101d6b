//! Who names whom: the modules of the house, what they define, and what their paths lead to.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, Token, closing};

/// A path in the code: `["super", "levels", "Levels"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
    /// It only passes the name on: `pub use`.
    pub is_reexport: bool,
}

/// A file's module, or one written inside it.
#[derive(Debug, Default)]
pub struct Module {
    /// The module of the file it is in.
    pub file: Vec<String>,
    defines: BTreeSet<String>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    pub names: Vec<Named>,
}

/// All modules by their path.
pub type Modules = BTreeMap<Vec<String>, Module>;

pub fn modules(sources: &[Source]) -> Modules {
    let mut modules = Modules::new();
    for source in sources.iter().filter(|source| !source.tokens.is_empty()) {
        read(source, &mut modules);
    }
    modules
}

/// Adds the module of `source` and those written inside it.
fn read(source: &Source, modules: &mut Modules) {
    let tokens = &source.tokens;
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    // The modules that we are in, and where each ends.
    let mut inside = vec![(source.module.clone(), tokens.len())];
    let mut i = 0;
    // Behind the block that we are in, and that is no module's: what it defines is its own.
    let mut block_ends = 0;
    while i < tokens.len() {
        while i >= inside.last().unwrap().1 {
            inside.pop();
        }
        let path = inside.last().unwrap().0.clone();
        let module = modules.entry(path.clone()).or_default();
        module.file.clone_from(&source.module);
        let before = if i == 0 { "" } else { text(i - 1) };
        match text(i) {
            "mod" if text(i + 2) == "{" => {
                inside.push(([&path[..], &[text(i + 1).to_string()]].concat(), closing(tokens, i + 2)));
                i += 2;
            }
            "use" if ["", ";", "{", "}", "]", ")", "pub"].contains(&before) => {
                let end = (i..).find(|&j| text(j) == ";").unwrap();
                let is_reexport = before == "pub" || before == ")";
                import(&tokens[i + 1..end], &[], is_reexport, module);
                i = end;
            }
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" if i >= block_ends => {
                module.defines.insert(text(i + 1).into());
            }
            "!" if before == "macro_rules" => _ = module.defines.insert(text(i + 1).into()),
            "{" if i >= block_ends => block_ends = closing(tokens, i),
            word if is_word(word) && text(i + 1) == "::" && before != "::" && before != "." => {
                let mut named = vec![word.to_string()];
                let line = tokens[i].line;
                while text(i + 1) == "::" && is_word(text(i + 2)) {
                    named.push(text(i + 2).into());
                    i += 2;
                }
                module.names.push(Named { path: named, line, is_reexport: false });
            }
            _ => {}
        }
        i += 1;
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads one tree of a `use` that begins with `prefix`.
fn import(tokens: &[Token], prefix: &[String], is_reexport: bool, module: &mut Module) {
    let mut path = prefix.to_vec();
    let Some(line) = tokens.first().map(|token| token.line) else { return };
    let mut i = 0;
    let mut called = None;
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            "::" => {}
            "self" if !path.is_empty() => {}
            "{" => {
                let end = closing(tokens, i);
                let mut start = i + 1;
                let mut at = start;
                while at <= end {
                    match tokens[at].text.as_str() {
                        "{" => at = closing(tokens, at),
                        "," => {
                            import(&tokens[start..at], &path, is_reexport, module);
                            start = at + 1;
                        }
                        _ if at == end => import(&tokens[start..at], &path, is_reexport, module),
                        _ => {}
                    }
                    at += 1;
                }
                return;
            }
            "*" => {
                module.globs.push(path.clone());
                module.names.push(Named { path, line, is_reexport });
                return;
            }
            "as" => {
                called = Some(tokens[i + 1].text.clone());
                break;
            }
            word => path.push(word.into()),
        }
        i += 1;
    }
    let called = called.or_else(|| path.last().cloned()).unwrap();
    module.imports.insert(called, path.clone());
    module.names.push(Named { path, line, is_reexport });
}

/// What a path leads to: a module, or something that is defined in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub module: Vec<String>,
    is_module: bool,
}

/// Where the path `named` in module `from` leads, through re-exports to the definition; nothing when
/// out of the house.
pub fn resolve(modules: &Modules, from: &[String], named: &[String]) -> Option<Target> {
    follow(modules, from, named, 0)
}

fn follow(modules: &Modules, from: &[String], named: &[String], depth: usize) -> Option<Target> {
    assert!(depth < 30, "{from:?} names {named:?}, which leads nowhere");
    let (first, mut rest) = named.split_first()?;
    let here = Target { module: from.to_vec(), is_module: true };
    let mut at = match first.as_str() {
        "crate" => Target { module: Vec::new(), is_module: true },
        "self" => here,
        "super" => Target { module: from[..from.len() - 1].to_vec(), is_module: true },
        _ => step(modules, &here, first, depth)?,
    };
    while let Some((next, after)) = rest.split_first() {
        if !at.is_module {
            break;
        }
        at = match next.as_str() {
            "super" => Target { module: at.module[..at.module.len() - 1].to_vec(), is_module: true },
            _ => step(modules, &at, next, depth).unwrap_or(Target { is_module: false, ..at }),
        };
        rest = after;
    }
    Some(at)
}

/// What `name` is in the module `at`.
fn step(modules: &Modules, at: &Target, name: &str, depth: usize) -> Option<Target> {
    let child = [&at.module[..], &[name.to_string()]].concat();
    if modules.contains_key(&child) {
        return Some(Target { module: child, is_module: true });
    }
    let module = modules.get(&at.module)?;
    if module.defines.contains(name) {
        return Some(Target { module: at.module.clone(), is_module: false });
    }
    // A name that is imported under its own, `use libc;`, is out of the house; so is what does not begin in it.
    let path = module.imports.get(name).filter(|path| path[0] != name);
    let path = path.filter(|path| begins_here(modules, at, &path[0]) || module.imports.contains_key(&path[0]));
    if let Some(path) = path {
        return follow(modules, &at.module, path, depth + 1);
    }
    let globs = module.globs.iter().filter(|path| begins_here(modules, at, &path[0]));
    let globs = globs.filter_map(|path| follow(modules, &at.module, path, depth + 1));
    globs.filter(|target| target.module != at.module).find_map(|target| step(modules, &target, name, depth + 1))
}

/// Can a path in module `at` that begins with `word` stay in the house?
fn begins_here(modules: &Modules, at: &Target, word: &str) -> bool {
    let child = [&at.module[..], &[word.to_string()]].concat();
    ["crate", "self", "super"].contains(&word) || modules.contains_key(&child)
}

#[test]
fn a_path_is_followed_through_lists_and_reexports() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y; pub use x::{self, X as Z, inner::*};"),
        ("a/x.rs", "pub struct X; pub mod inner { pub fn deep() {} } fn f() { fn hidden() {} }"),
        ("a/y.rs", "use super::{Z, x::inner};\nfn g() { super::deep(); std::mem::take(x); }"),
        ("b.rs", "pub use crate::a::Z; fn h() { crate::a::Z::new(); }"),
    ];
    let sources: Vec<Source> = files.iter().map(|(file, text)| Source::new(file.into(), text)).collect();
    let modules = modules(&sources);
    let path = |text: &str| text.split("::").map(String::from).collect::<Vec<_>>();
    let lead = |from: &str, name: &str| resolve(&modules, &path(from), &path(name)).map(|t| t.module.join("::"));
    assert_eq!(lead("b", "crate::a::Z::new").unwrap(), "a::x");
    assert_eq!(lead("a::y", "super::deep").unwrap(), "a::x::inner");
    assert_eq!(lead("a::y", "Z").unwrap(), "a::x");
    assert_eq!(lead("a::y", "std::mem::take"), None);
    let named: Vec<String> = modules[&path("a::y")].names.iter().map(|name| name.path.join("::")).collect();
    assert_eq!(named, ["super::Z", "super::x::inner", "super::deep", "std::mem::take"]);
}
