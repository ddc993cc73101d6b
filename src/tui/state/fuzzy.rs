//! Finding words by a few of their letters.

/// How badly the letters of `wanted`, in their order, fit into `text`; `None` if they don't. Letters at
/// the start of words and in a row cost least.
pub fn fuzzy(wanted: &str, text: &str) -> Option<u32> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let wanted: Vec<char> = wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let Some((first, rest)) = wanted.split_first() else { return Some(0) };
    let starts = (0..text.len()).filter(|&at| text[at] == *first);
    // Where the first letter stands matters less than whether the others follow it.
    let cost_of_start = |at: usize| match at {
        0 => 0,
        at if text[at - 1].is_alphanumeric() => 8 + at.min(20) as u32 / 4,
        at => 2 + at.min(20) as u32 / 4,
    };
    starts.filter_map(|at| Some(cost_of_start(at) + follow(rest, &text, at + 1)?)).min()
}

/// What it costs that `wanted` is found in `text` in that order, from `from` on.
fn follow(wanted: &[char], text: &[char], mut from: usize) -> Option<u32> {
    let mut cost = 0;
    for &c in wanted {
        let offset = text[from..].iter().position(|t| *t == c)?;
        // A later start of a word is better than an earlier letter within one.
        let at_word = (from..text.len()).find(|&i| text[i] == c && (i == 0 || !text[i - 1].is_alphanumeric()));
        let next = match at_word {
            Some(word) if offset > 0 => word,
            _ => from + offset,
        };
        cost += if next == from { 0 } else { 4 + (next - from).min(20) as u32 };
        from = next + 1;
    }
    Some(cost)
}
