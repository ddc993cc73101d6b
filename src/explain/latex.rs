//! Formulas are written once, in the part of LaTeX that they need; a terminal is shown them in Unicode.

use super::names::as_they_are;

/// `latex` as a line of Unicode: `\sqrt{1-\bar\alpha_t}` becomes √(1−ᾱ_t). What has no letter of its own keeps its
/// braces (x_{t−1}); an unknown command stands by its name.
pub fn unicode(latex: &str) -> String {
    let mut reader = Reader { rest: latex };
    as_they_are(&tidy(&reader.until_end(None)))
}

/// `text` with the formulas between its dollars in Unicode.
pub fn unicode_within(text: &str) -> String {
    let part = |(i, part): (usize, &str)| if i % 2 == 1 { unicode(part) } else { part.to_string() };
    as_they_are(&text.split('$').enumerate().map(part).collect::<String>())
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// Everything up to `end`, or to the last character.
    fn until_end(&mut self, end: Option<char>) -> String {
        let mut out = String::new();
        while let Some(c) = self.next() {
            if Some(c) == end {
                break;
            }
            self.one(c, &mut out);
        }
        out
    }

    /// What begins with `c`, converted, at the end of `out`.
    fn one(&mut self, c: char, out: &mut String) {
        match c {
            '\\' => self.command(out),
            '{' => out.push_str(&self.until_end(Some('}'))),
            '-' => out.push('−'),
            '^' => {
                let raised = self.argument();
                let letters: Option<String> = raised.chars().map(superscript).collect();
                match letters {
                    Some(letters) => out.push_str(&letters),
                    None if raised.chars().count() == 1 => out.push_str(&format!("^{raised}")),
                    None => out.push_str(&format!("^{{{raised}}}")),
                }
            }
            '_' => {
                let lowered = self.argument();
                let digits: Option<String> = lowered.chars().map(subscript).collect();
                match (lowered.chars().count(), digits) {
                    (1, _) => out.push_str(&format!("_{lowered}")),
                    (_, Some(digits)) => out.push_str(&digits),
                    (_, None) if self.ends_word(&lowered) => out.push_str(&format!("_{lowered}")),
                    _ => out.push_str(&format!("_{{{lowered}}}")),
                }
            }
            c => out.push(c),
        }
    }

    /// Is `lowered` a word that what follows can't be taken for a part of?
    fn ends_word(&self, lowered: &str) -> bool {
        let goes_on = match self.rest.strip_prefix('\\') {
            Some(command) => {
                let name: String = command.chars().take_while(char::is_ascii_alphabetic).collect();
                SYMBOLS.iter().any(|(latex, symbol)| *latex == name && symbol.chars().all(char::is_alphabetic))
                    || ["hat", "bar", "tilde", "text", "mathrm"].contains(&name.as_str())
            }
            None => self.rest.starts_with(char::is_alphanumeric),
        };
        lowered.chars().all(|c| c.is_ascii_alphabetic()) && !goes_on
    }

    /// The next group, command or character.
    fn argument(&mut self) -> String {
        self.skip_spaces();
        let mut out = String::new();
        if let Some(c) = self.next() {
            self.one(c, &mut out);
        }
        out
    }

    fn command(&mut self, out: &mut String) {
        let letters = self.rest.chars().take_while(char::is_ascii_alphabetic).count();
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let (name, rest) = self.rest.split_at(letters.max(first));
        self.rest = rest;
        match name {
            "sqrt" => {
                let under = self.argument();
                out.push_str(&format!("√{}", grouped(&under)));
            }
            "frac" | "tfrac" => match (self.argument().as_str(), self.argument().as_str()) {
                ("1", "2") => out.push('½'),
                ("1", "4") => out.push('¼'),
                (above, below) => {
                    // The logarithm of a fraction, not a fraction of a logarithm.
                    let of_log = ["log", "ln", "exp"].iter().any(|name| out.trim_end().ends_with(name));
                    let below = if is_atom(below) { below.to_string() } else { format!("({})", below.trim()) };
                    let fraction = format!("{}/{below}", grouped(above));
                    out.push_str(&if of_log { format!("({fraction})") } else { fraction });
                }
            },
            "bar" | "hat" | "tilde" => {
                let letter = self.argument();
                out.push_str(&accented(name, &letter));
            }
            "text" | "mathrm" | "operatorname" => {
                // Words keep their hyphens.
                self.skip_spaces();
                self.rest = self.rest.strip_prefix('{').unwrap_or(self.rest);
                let (words, rest) = self.rest.split_once('}').unwrap_or((self.rest, ""));
                self.rest = rest;
                out.push_str(&words.replace("\\_", "_"));
            }
            "mathbf" | "mathcal" | "left" | "right" | "big" => {}
            "," | ";" | "quad" | "qquad" | " " => out.push(' '),
            name => match SYMBOLS.iter().find(|(latex, _)| *latex == name) {
                Some((_, symbol)) => {
                    // Where an operator stands close on the left, so it does on the right: t ≥ 1, but t≥1.
                    if name == "lVert" || !out.ends_with(' ') && OPERATORS.contains(symbol) {
                        self.skip_spaces();
                    }
                    out.push_str(symbol);
                }
                None => out.push_str(name),
            },
        }
    }
}

/// In brackets, unless it is one thing already.
fn grouped(text: &str) -> String {
    let mut depth = 0;
    let loose = text.trim().chars().any(|c| {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && " +−·/=".contains(c)
    });
    if loose { format!("({})", text.trim()) } else { text.trim().to_string() }
}

/// Is it one factor, that a bar of division can do without brackets: σ_t², √(1−ᾱ_t), 12, (a + b)?
fn is_atom(text: &str) -> bool {
    let text = text.trim();
    let mut chars = text.strip_prefix('√').unwrap_or(text).chars().peekable();
    match chars.next() {
        Some(open @ ('(' | '‖')) => {
            let close = if open == '(' { ')' } else { open };
            let mut depth = 1;
            for c in chars.by_ref() {
                depth += i32::from(c == '(' && open == '(');
                depth -= i32::from(c == close);
                if depth == 0 {
                    break;
                }
            }
        }
        Some(first) if first.is_ascii_digit() => while chars.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {},
        // A function of one thing: α(t).
        Some(_) => {
            let rest: String = chars.clone().collect();
            if let Some(argument) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                return !argument.contains(['(', ')']);
            }
        }
        None => return true,
    }
    loop {
        match chars.next() {
            None => return true,
            Some('\u{300}'..='\u{36f}' | '\'') => {}
            Some(c) if "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ".contains(c) => {}
            Some('_' | '^') => {
                if chars.next() == Some('{') {
                    while chars.next().is_some_and(|c| c != '}') {}
                }
            }
            Some(_) => return false,
        }
    }
}

fn accented(accent: &str, letter: &str) -> String {
    match (accent, letter) {
        ("bar", "α") => "ᾱ".into(),
        // Terminals draw a combining tilde into the top of a tall letter, where it can't be seen.
        ("tilde", "β") => "β˜".into(),
        ("bar", _) => format!("{letter}\u{304}"),
        ("hat", _) => format!("{letter}\u{302}"),
        _ => format!("{letter}\u{303}"),
    }
}

fn subscript(c: char) -> Option<char> {
    "0123456789".chars().zip("₀₁₂₃₄₅₆₇₈₉".chars()).find(|(from, _)| *from == c).map(|(_, to)| to)
}

fn superscript(c: char) -> Option<char> {
    "0123456789−+n".chars().zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ".chars()).find(|(from, _)| *from == c).map(|(_, to)| to)
}

/// One space at a time, none at the ends.
fn tidy(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Symbols that stand between two things.
const OPERATORS: &str = "≤≥≠≈∈·×→←~|±∓";

const SYMBOLS: [(&str, &str); 47] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("epsilon", "ε"),
    ("varepsilon", "ε"),
    ("eta", "η"),
    ("theta", "θ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("sigma", "σ"),
    ("varsigma", "ς"),
    ("tau", "τ"),
    ("phi", "φ"),
    ("pi", "π"),
    ("rho", "ρ"),
    ("Delta", "Δ"),
    ("sum", "Σ"),
    ("prod", "Π"),
    ("int", "∫"),
    ("infty", "∞"),
    ("nabla", "∇"),
    ("partial", "d"),
    ("cdot", "·"),
    ("times", "×"),
    ("sim", "~"),
    ("mid", "|"),
    ("lVert", "‖"),
    ("rVert", "‖"),
    ("Vert", "‖"),
    ("le", "≤"),
    ("ge", "≥"),
    ("ne", "≠"),
    ("approx", "≈"),
    ("in", "∈"),
    ("to", "→"),
    ("leftarrow", "←"),
    ("pm", "±"),
    ("mp", "∓"),
    ("ell", "ℓ"),
    ("ldots", "…"),
    ("dots", "…"),
    ("angle", "angle"),
    ("log", "log"),
    ("ln", "ln"),
    ("exp", "exp"),
    ("min", "min"),
    ("cos", "cos"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_of_the_field_read_as_on_the_panels() {
        for (latex, line) in [
            (
                r"q(x_t \mid x_0) = \mathcal{N}(\sqrt{\bar\alpha_t}\,x_0,\ (1-\bar\alpha_t)\mathbf{I})",
                "q(x_t | x_0) = N(√ᾱ_t x_0, (1−ᾱ_t)I)",
            ),
            (r"x_t = \sqrt{\bar\alpha_t}\cdot x_0 + \sqrt{1-\bar\alpha_t}\cdot\epsilon", "x_t = √ᾱ_t·x_0 + √(1−ᾱ_t)·ε"),
            (r"\frac{\beta_t}{\sqrt{1-\bar\alpha_t}}\cdot\hat\epsilon", "β_t/√(1−ᾱ_t)·ε\u{302}"),
            (r"\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}", "(√ᾱ_{t−1} β_t)/(1−ᾱ_t)"),
            (r"\sigma^2\lVert s-\hat s\rVert^2", "σ²‖s−s\u{302}‖²"),
            (r"\hat{x}_0, \tilde\beta_t, x^{(i)}, e^{-h}", "x\u{302}_0, β˜_t, x^{(i)}, e^{−h}"),
            (
                r"\frac{m}{1-\beta_1^n}, \frac{1}{2r}\cdot x, \frac{a}{2\tilde\beta_t(1-\beta_t)}",
                "m/(1−β_1ⁿ), 1/(2r)·x, a/(2β˜_t(1−β_t))",
            ),
            (r"\theta - \text{lr}, L_T \le 1, t\ge 1, \alpha x", "θ − lr, L_T ≤ 1, t≥1, α x"),
            (r"L_{\text{simple}}, 10^{-5}", "L_simple, 10⁻⁵"),
            (r"e^{\mp h}-1, \int\ell_i", "e^{∓h}−1, ∫ℓ_i"),
            (r"\prod_{s\le t}(1-\beta_s)", "Π_{s≤t}(1−β_s)"),
            (r"\log \frac{\alpha(t)}{\sigma(t)}, 10\cdot\log_{10}\mathrm{SNR}", "log (α(t)/σ(t)), 10·log₁₀SNR"),
            (
                r"\hat\epsilon_{\text{cond}} - w, c_{\text{in}} x_t, c_{\text{in}}x",
                "ε\u{302}_cond − w, c_in x_t, c_{in}x",
            ),
        ] {
            assert_eq!(unicode(latex), line);
        }
        assert_eq!(unicode_within(r"at $\bar\alpha_t$ near 0"), "at ᾱ_t near 0");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in r"[\\{}_^a-z$ \-√]{0,40}") {
            let line = unicode(&text);
            proptest::prop_assert!(!line.contains("  "));
        }
    }
}
