//! The house's source as words: comments and literals aside, and without what only tests see.

use std::fs;
use std::path::{Path, PathBuf};

/// A word or a sign of the code. A literal is `""`, a lifetime `'`; `::` is one sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A source file of the library.
#[derive(Debug)]
pub struct Source {
    /// From `src`.
    pub file: PathBuf,
    /// `["nn", "unet"]`, of either crate; nothing for `lib.rs`.
    pub module: Vec<String>,
    /// The whole code, tests included.
    pub all: Vec<Token>,
    /// The code without what stands behind `#[cfg(test)]`; nothing for a file of tests.
    pub tokens: Vec<Token>,
    /// Every line of comment.
    pub comments: Vec<Token>,
}

impl Source {
    pub fn new(file: PathBuf, text: &str) -> Self {
        let (all, comments) = lex(text);
        let module = module_of(&file);
        let is_test = |name: &String| name == "tests" || name.ends_with("_tests");
        let tokens = if module.iter().any(is_test) { Vec::new() } else { without_tests(&all) };
        Self { file, module, all, tokens, comments }
    }

    /// As if its tests were code like any other.
    pub fn with_tests(self) -> Self {
        Self { tokens: self.all.clone(), ..self }
    }
}

/// The folder of the lower floors, a crate of their own: how it parts the house is no matter to the floors.
const ENGINE: &str = "engine";
/// No part of the house: the programs themselves, and the engine's door.
const ASIDE: [&str; 3] = ["main.rs", "engine/build.rs", "engine/lib.rs"];

/// Every file of the library, in the order of their paths.
pub fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&src, &mut files);
    files.sort();
    let relative = |path: &PathBuf| path.strip_prefix(&src).unwrap().to_path_buf();
    files.retain(|path| !ASIDE.iter().any(|aside| relative(path) == Path::new(aside)));
    files.iter().map(|path| Source::new(relative(path), &fs::read_to_string(path).unwrap())).collect()
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_str().unwrap().into()).collect();
    if module[0] == ENGINE {
        module.remove(0);
    }
    if ["mod", "lib"].contains(&module.last().unwrap().as_str()) {
        module.pop();
    }
    module
}

/// The words of `text`, and its lines of comment.
pub fn lex(text: &str) -> (Vec<Token>, Vec<Token>) {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut tokens, mut comments) = (Vec::new(), Vec::new());
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let (start, first) = (i, line);
        let c = chars[i];
        if c.is_whitespace() {
            line += usize::from(c == '\n');
            i += 1;
            continue;
        }
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
            comments.push(Token { text: chars[start..i].iter().collect(), line });
            continue;
        }
        let word_ends = (i..).find(|&j| !(at(j).is_alphanumeric() || at(j) == '_')).unwrap();
        let word: String = chars[i..word_ends].iter().collect();
        let quote = at(word_ends);
        let raw =
            ["r", "br", "cr"].contains(&word.as_str()) && (quote == '"' || quote == '#' && at(word_ends + 1) != '_');
        let text = if raw && (word_ends..).find(|&j| at(j) != '#').is_some_and(|j| at(j) == '"') {
            let open = (word_ends..).find(|&j| at(j) != '#').unwrap();
            let hashes = open - word_ends;
            let closes = |j: &usize| at(*j) == '"' && (1..=hashes).all(|k| at(j + k) == '#');
            i = (open + 1..chars.len()).find(closes).unwrap() + 1 + hashes;
            "\"\"".into()
        } else if quote == '"' && ["", "b", "c"].contains(&word.as_str()) {
            i = string_ends(&chars, word_ends + 1, '"');
            "\"\"".into()
        } else if quote == '\'' && ["", "b"].contains(&word.as_str()) {
            let is_char = at(word_ends + 1) == '\\' || at(word_ends + 2) == '\'';
            i = match is_char {
                true => string_ends(&chars, word_ends + 1, '\''),
                false => (word_ends + 1..).find(|&j| !(at(j).is_alphanumeric() || at(j) == '_')).unwrap(),
            };
            if is_char { "\"\"" } else { "'" }.into()
        } else if !word.is_empty() {
            i = word_ends;
            word
        } else if c == ':' && at(i + 1) == ':' {
            i += 2;
            "::".into()
        } else {
            assert!(!(c == '/' && at(i + 1) == '*'), "a block comment in line {line}: this house has none");
            i += 1;
            c.to_string()
        };
        line += chars[start..i].iter().filter(|&&c| c == '\n').count();
        tokens.push(Token { text, line: first });
    }
    (tokens, comments)
}

/// Where the literal that `quote` ends is over.
fn string_ends(chars: &[char], mut i: usize, quote: char) -> usize {
    while chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The code that a build without tests sees.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let is = |i: usize, text: &str| tokens.get(i).is_some_and(|token| token.text == text);
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if is(i, "#") && is(i + 1, "[") && is(i + 2, "cfg") {
            let end = closing(tokens, i + 1);
            let words: Vec<&str> = tokens[i..end].iter().map(|token| token.text.as_str()).collect();
            if words.contains(&"test") && !words.contains(&"not") {
                i = item_ends(tokens, end + 1);
                continue;
            }
        }
        kept.push(tokens[i].clone());
        i += 1;
    }
    kept
}

/// The token that closes the bracket at `open`.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    panic!("a bracket in line {} is never closed", tokens[open].line)
}

/// Behind the item or statement that begins at `i`.
fn item_ends(tokens: &[Token], mut i: usize) -> usize {
    while tokens[i].text == "#" {
        i = closing(tokens, i + 1) + 1;
    }
    let mut is_use = false;
    loop {
        match tokens[i].text.as_str() {
            ";" | "," => return i + 1,
            "use" => is_use = true,
            "{" if !is_use => return closing(tokens, i) + 1,
            "{" | "(" | "[" => i = closing(tokens, i),
            _ => {}
        }
        i += 1;
    }
}

#[test]
fn words_are_told_from_comments_and_literals() {
    let text = "let a = \"x::y\"; // b::c\nlet c = 'x'; fn f<'a>(x: &'a str) {} r#\"\n\"# b'\\'' d::e\n";
    let (tokens, comments) = lex(text);
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let expected = "let a = \"\" ; let c = \"\" ; fn f < ' > ( x : & ' str ) { } \"\" \"\" d :: e";
    assert_eq!(words.join(" "), expected);
    assert_eq!(tokens.last().unwrap().line, 3);
    assert_eq!(comments, [Token { text: "// b::c".into(), line: 1 }]);
}

#[test]
fn code_for_tests_is_left_out() {
    let text = "#[cfg(test)] use a::{b}; #[cfg(all(test, unix))] mod tests { fn a() {} } #[cfg(unix)] fn c() {}";
    let words: Vec<String> = without_tests(&lex(text).0).into_iter().map(|token| token.text).collect();
    assert_eq!(words.join(" "), "# [ cfg ( unix ) ] fn c ( ) { }");
}
