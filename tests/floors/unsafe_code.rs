//! Unsafe code lies where it must, and each piece of it says why it is sound.

use super::source::{Source, Token, sources};

/// What is unsafe in `source` and stands without a reason: none between the end of what comes before and the word
/// `unsafe`. The methods of a trait or of an implementation may share the reason of the whole.
fn unexplained(source: &Source) -> Vec<String> {
    let text = |i: usize| source.all.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    let mut blocks: Vec<bool> = Vec::new();
    for (i, token) in source.all.iter().enumerate() {
        match token.text.as_str() {
            "{" => {
                let header = &source.all[begin(source, i)..i];
                let has = |word: &str| header.iter().any(|token| token.text == word);
                blocks.push((has("impl") || has("trait")) && !has("fn") && says_why(source, i));
            }
            "}" => _ = blocks.pop(),
            // The type of a pointer to a function, `unsafe fn(…)`, promises nothing yet.
            "unsafe" if text(i + 1) == "fn" && text(i + 2) == "(" => {}
            "unsafe" => {
                let of_the_whole = text(i + 1) == "fn" && blocks.last() == Some(&true);
                if !of_the_whole && !says_why(source, i) {
                    found.push(format!("{}:{}: unsafe {}", source.file.display(), token.line, text(i + 1)));
                }
            }
            _ => {}
        }
    }
    found
}

/// Where the item or statement begins that the token `i` is in.
fn begin(source: &Source, i: usize) -> usize {
    let ends = |token: &Token| [";", "{", "}"].contains(&token.text.as_str());
    source.all[..i].iter().rposition(ends).map_or(0, |end| end + 1)
}

/// Is there a reason between the end of what comes before the token `i` and its line?
fn says_why(source: &Source, i: usize) -> bool {
    let first = begin(source, i);
    let before = if first == 0 { 0 } else { source.all[first - 1].line };
    let here = |line: usize| (before..=source.all[i].line).contains(&line);
    source
        .comments
        .iter()
        .any(|comment| here(comment.line) && (comment.text.contains("SAFETY:") || comment.text.contains("# Safety")))
}

#[test]
fn unsafe_code_lies_in_the_kernels_and_the_process() {
    for source in sources() {
        let used = source.all.iter().any(|token| token.text == "unsafe");
        let allowed = source.module.first().is_some_and(|floor| ["kernels", "process"].contains(&floor.as_str()));
        assert!(!used || allowed, "{}: unsafe code elsewhere", source.file.display());
    }
}

#[test]
fn each_piece_of_unsafe_code_says_why_it_is_sound() {
    let found: Vec<String> = sources().iter().flat_map(unexplained).collect();
    assert!(found.is_empty(), "{} without a reason:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_missing_reason_is_noticed() {
    let source = |text: &str| Source::new("kernels/x.rs".into(), text);
    let explained = "/// # Safety\n/// Never.\n#[inline]\nunsafe fn f() {}\n// SAFETY: none\nunsafe impl A for B {}\n\
                     fn g() {\n// SAFETY: fine\nlet a = unsafe { f() };\n}\n\
                     // SAFETY: of all\nimpl C for D {\nfn h() {}\nunsafe fn i() {}\n}";
    assert_eq!(unexplained(&source(explained)), [""; 0]);
    let silent = "// SAFETY: of another\nfn h() {}\nunsafe fn f() {}\nunsafe impl A for B {}\nfn g() { unsafe { f() } }\n\
                  impl C for D {\nunsafe fn i() {}\n}";
    assert_eq!(unexplained(&source(silent)).len(), 4);
}
