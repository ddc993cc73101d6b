//! Every command in the documents is run: by bash, with the real program, in a folder that looks like a checkout, made
//! quick by the rules of `difflab.sh`. Those of a document come in its order, and what they name, runs and files, must
//! have been made by those before.

#![cfg(unix)]

mod place;
mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// Seconds that one block may take.
const LONGEST: &str = "120";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A checkout to type commands into, beside the reader's home.
struct Place {
    root: tempfile::TempDir,
    checkout: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let checkout = place::make(root.path(), repository());
        let bin = root.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(repository().join("tests/commands/difflab.sh"), bin.join("difflab")).unwrap();
        Self { root, checkout }
    }

    /// Types the commands of a document. What went wrong, a paragraph each.
    fn type_in(&self, name: &str, markdown: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for block in script::blocks(markdown) {
            let started = Instant::now();
            match script::runnable(&block, repository()) {
                Err(problem) => wrong.push(format!("{name}, {problem}")),
                Ok(text) => wrong.extend(self.run(name, block.line, &text)),
            }
            println!("{name}:{}: {:.1} s", block.line, started.elapsed().as_secs_f64());
        }
        wrong
    }

    fn run(&self, name: &str, line: usize, text: &str) -> Option<String> {
        // Lines of the script are lines of the document.
        let prelude = "set -eEo pipefail; trap 'echo \"line $LINENO: $BASH_COMMAND\" >&2' ERR";
        let script = self.root.path().join("script.sh");
        fs::write(&script, format!("{prelude}{}{text}", "\n".repeat(line - 1))).unwrap();
        let path = format!("{}:{}", self.root.path().join("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("timeout")
            .args([LONGEST, "bash"])
            .arg(&script)
            .current_dir(&self.checkout)
            .env("PATH", path)
            .env("HOME", self.root.path().join("home"))
            .env("DIFFLAB_REAL", env!("CARGO_BIN_EXE_difflab"))
            .env_remove("DIFFLAB_DATASETS")
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(8).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        (!output.status.success()).then(|| format!("{name}, {}:\n    {}", output.status, last.join("\n    ")))
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

#[test]
fn every_command_in_the_documents_works() {
    let mut documents: Vec<String> = fs::read_dir(repository().join("docs"))
        .unwrap()
        .flatten()
        .map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()))
        .filter(|path| path.ends_with(".md"))
        .collect();
    documents.extend(["README.md", "configs/README.md"].map(String::from));
    let next = Mutex::new(documents.into_iter());
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let typist = || {
            let mut wrong = Vec::new();
            loop {
                let Some(name) = next.lock().unwrap().next() else { return wrong };
                wrong.extend(Place::new().type_in(&name, &text(&name)));
            }
        };
        let typists = [scope.spawn(typist), scope.spawn(typist)];
        typists.into_iter().flat_map(|typist| typist.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} commands of the documents fail:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_wrong_command_is_found_with_its_line() {
    let place = Place::new();
    for (command, named) in [
        ("difflab data list --frmat json", "line 4: "),
        ("difflab sample runs/nowhere", "line 4: "),
        ("difflab mnist-quick --set train.batchsize=3", "train.batch_size"),
        ("difflab schedule cosine | difflab compare one", "line 4: "),
        ("difflab schedule cosine --plot nowhere/x.png &", "nowhere"),
        ("conda install difflab", "the program conda"),
        ("cargo test --test no_such_test", "no tests/no_such_test.rs"),
    ] {
        let wrong = place.type_in("x.md", &format!("# x\n\n```sh\n{command}   # a comment\n```\n"));
        assert!(wrong.len() == 1 && wrong[0].contains(named), "{command}: {wrong:?}");
    }
    let right = "```console\n$ difflab data list > list.txt   # what there is\nname  images\n$ cat list.txt\n```\n\
                 ```sh\ngit clone <this repository> difflab && cd difflab\nfor name in cosine linear; do\n  difflab \
                 schedule $name \\\n    --at 1 2>&1 | python3 -m json.tool\ndone\ncat > mine.toml <<'END'\nname = 1\nEND\n\
                 FOO=1 nohup difflab data list &\n```\n```toml\nno commands\n```\n";
    assert_eq!(place.type_in("x.md", right), Vec::<String>::new());
}
