//! From a document to what bash can run: its fenced commands, and only those of programs that are known here.

use std::path::Path;

/// Programs whose commands are read, but not run: what they build, fetch or need is not ours to test here.
const SKIPPED: [&str; 20] = [
    "apt-get",
    "cargo",
    "curl",
    "docker",
    "git",
    "maturin",
    "nvidia-smi",
    "pip",
    "pip3",
    "pipx",
    "python",
    "python3",
    "rsync",
    "run.sh",
    "rustup",
    "scp",
    "ssh",
    "tensorboard",
    "uvx",
    "wget",
];

/// Programs and words of the shell that run as they are.
const OF_THE_SHELL: [&str; 23] = [
    ":", "cat", "cd", "cp", "done", "echo", "export", "false", "fi", "for", "grep", "head", "if", "ls", "mkdir", "mv",
    "printf", "rm", "tail", "true", "wait", "wc", "while",
];

/// Words after which a command begins.
const BEFORE_A_COMMAND: [&str; 8] = ["!", "do", "env", "nohup", "sudo", "then", "time", "else"];

/// The commands of one fence.
#[derive(Debug, PartialEq)]
pub struct Block {
    /// Line of the document that its first command stands on, from 1.
    pub line: usize,
    pub text: String,
}

/// The fenced blocks of commands in a Markdown text: `sh` and `bash` as they are, of `console` what stands behind `$ `.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Block)> = None;
    for (number, line) in (1..).zip(markdown.lines()) {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some((language.trim(), Block { line: number + 1, text: String::new() }));
            }
            (Some(_), Some(_)) => {
                if let Some((language, block)) = open.take()
                    && ["sh", "bash", "console", "shell"].contains(&language)
                {
                    blocks.push(block);
                }
            }
            (Some((language, block)), None) => {
                let prompt = line.trim_start().strip_prefix("$ ");
                // What a program answered stays as an empty line, so that lines keep their numbers.
                let kept = if *language == "console" { prompt.unwrap_or("") } else { line };
                block.text += kept;
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What bash shall run of a block, in as many lines.
///
/// # Errors
/// The document's line and the program that is in no list here, or the cargo target that isn't there.
pub fn runnable(block: &Block, checkout: &Path) -> Result<String, String> {
    let lines: Vec<&str> = block.text.lines().collect();
    let (mut out, mut at) = (String::new(), 0);
    while at < lines.len() {
        let first = at;
        let mut line = lines[at].to_string();
        at += 1;
        while line.ends_with('\\') && at < lines.len() {
            line.pop();
            line += lines[at];
            at += 1;
        }
        let what = |problem: String| format!("line {}: {problem}: {}", block.line + first, line.trim());
        out += &known(&line, checkout).map_err(what)?;
        out += &"\n".repeat(at - first);
        // A text that follows as it is.
        if let Some(end) = here_document(&line) {
            while at < lines.len() {
                out += lines[at];
                out.push('\n');
                at += 1;
                if lines[at - 1] == end {
                    break;
                }
            }
        }
    }
    Ok(out)
}

/// A line with the commands that are skipped taken out.
fn known(line: &str, checkout: &Path) -> Result<String, String> {
    let mut out = String::new();
    let mut skipping = false;
    for (command, separator) in commands(line) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let assigned = |word: &&str| {
            word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.contains(['-', '/', '.']))
        };
        let program = words.iter().find(|word| !assigned(word) && !BEFORE_A_COMMAND.contains(word));
        let name = program.map_or(":", |program| program.rsplit('/').next().unwrap_or(program));
        let skipped = SKIPPED.contains(&name);
        if skipped {
            check_cargo(&words, checkout)?;
        } else if name != "difflab" && !OF_THE_SHELL.contains(&name) && !words.is_empty() {
            return Err(format!("the program {name} is in no list of tests/commands/script.rs"));
        }
        let piped = out.trim_end().ends_with('|') && !out.trim_end().ends_with("||");
        out += match (skipped || skipping, piped) {
            (true, true) => " cat > /dev/null ",
            (true, false) => " : ",
            (false, _) => command,
        };
        // What is done only once that has worked.
        skipping = (skipped || skipping) && separator == "&&";
        // In its order, and so that its failure is seen.
        out += if separator == "&" { ";" } else { separator };
    }
    Ok(out)
}

/// The simple commands of a line, each with the `&&`, `||`, `;`, `|` or `&` behind it; comments left out.
fn commands(line: &str) -> Vec<(&str, &str)> {
    let (mut found, mut start, mut quote, mut before) = (Vec::new(), 0, None, ' ');
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before.is_whitespace() => {
                found.push((&line[start..at], ""));
                return found;
            }
            // `2>&1` and `&> file` are no separators.
            (None, '&') if before == '>' || characters.peek().is_some_and(|(_, next)| *next == '>') => {}
            (None, '&' | '|' | ';') => {
                let double = c != ';' && characters.next_if(|(_, next)| *next == c).is_some();
                let end = at + if double { 2 } else { 1 };
                found.push((&line[start..at], &line[at..end]));
                start = end;
            }
            (None, _) => {}
        }
        before = c;
    }
    found.push((&line[start..], ""));
    found
}

/// The word that ends the text behind `<<WORD`, if a line has one.
fn here_document(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("<<")?;
    let word = rest.trim_start_matches('-').split_whitespace().next()?;
    Some(word.trim_matches(['"', '\'']))
}

/// Are there the tests and benches that a cargo command names?
fn check_cargo(words: &[&str], checkout: &Path) -> Result<(), String> {
    for pair in words.windows(2) {
        let folder = match pair[0] {
            "--test" => "tests",
            "--bench" => "benches",
            _ => continue,
        };
        let name = pair[1];
        let places = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/main.rs")];
        if !places.iter().any(|place| checkout.join(place).is_file()) {
            return Err(format!("there is no {folder}/{name}.rs"));
        }
    }
    Ok(())
}
