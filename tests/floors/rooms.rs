//! Inside a room imports point one way too: modules of one folder that need each other, in however
//! many steps, are one module in two files.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Modules, modules, resolve};
use super::source::{Source, sources};

/// What stands in a room's own `mod.rs`, beside its children.
const OWN: &str = "mod.rs";

/// For each room: who in it needs whom, with the line that says so.
type Rooms = BTreeMap<Vec<String>, BTreeMap<(String, String), String>>;

fn rooms(modules: &Modules) -> Rooms {
    let mut rooms = Rooms::new();
    for (path, module) in modules {
        let from = &module.file;
        for named in &module.names {
            let Some(target) = resolve(modules, path, &named.path) else { continue };
            let to = &modules[&target.module].file;
            let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            let side = |path: &[String]| path.get(shared).map_or(OWN.to_string(), String::clone);
            let (from_side, to_side) = (side(from), side(to));
            let passes_on = from_side == OWN && named.is_reexport;
            if from_side != to_side && !passes_on {
                let line = format!("{}:{} names {}", from.join("/"), named.line, named.path.join("::"));
                rooms.entry(from[..shared].to_vec()).or_default().entry((from_side, to_side)).or_insert(line);
            }
        }
    }
    rooms
}

/// The lines that close a circle, a room each.
fn circles(rooms: &Rooms) -> Vec<String> {
    let mut found = Vec::new();
    for (room, edges) in rooms {
        let reached = |start: &str| {
            let mut seen = BTreeSet::new();
            let mut next = vec![start];
            while let Some(at) = next.pop() {
                for (_, to) in edges.keys().filter(|(from, _)| from == at) {
                    if seen.insert(to.as_str()) {
                        next.push(to);
                    }
                }
            }
            seen
        };
        for ((from, to), line) in edges {
            if reached(to).contains(from.as_str()) {
                found.push(format!("in {}: {from} → {to} ({line})", room.join("::")));
            }
        }
    }
    found
}

#[test]
fn no_two_modules_of_a_room_need_each_other() {
    let modules = modules(&sources());
    let rooms = rooms(&modules);
    let edges: usize = rooms.values().map(BTreeMap::len).sum();
    assert!(edges > 700, "only {edges} imports found: does the test still read them?");
    let circles = circles(&rooms);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_and_a_reexport_is_none() {
    let circles_of = |files: &[(&str, &str)]| {
        let sources: Vec<Source> = files.iter().map(|(file, text)| Source::new(file.into(), text)).collect();
        circles(&rooms(&modules(&sources)))
    };
    let room = ("a/mod.rs", "mod x; mod y; pub use x::X; pub use y::Y;");
    let (x, y) = ("a/x.rs", "a/y.rs");
    assert_eq!(circles_of(&[room, (x, "pub struct X;"), (y, "use super::X; pub struct Y;")]), [""; 0]);
    let both = circles_of(&[room, (x, "pub struct X(super::Y);"), (y, "use super::X; pub struct Y;")]);
    assert_eq!(both, ["in a: x → y (a/x:1 names super::Y)", "in a: y → x (a/y:1 names super::X)"]);
    let tested = "pub struct X; #[cfg(test)] mod tests { use super::super::Y; }";
    assert_eq!(circles_of(&[room, (x, tested), (y, "use super::X; pub struct Y;")]), [""; 0]);
    let own = [("a/mod.rs", "mod x; fn f() { x::g() } pub struct Own;"), (x, "use super::Own; pub fn g() {}")];
    assert_eq!(circles_of(&own).len(), 2);
}
