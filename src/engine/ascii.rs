//! Text for terminals that have nothing but ASCII: `LC_ALL=C` and its like.
//!
//! A letter beyond ASCII that such a terminal is sent comes out as several wrong ones, or tears the line. Files keep
//! UTF-8; only what a terminal is shown is spelled.

use std::borrow::Cow;
use std::sync::OnceLock;

/// Does the terminal's character set have more than ASCII, by the locale? Of `LC_ALL`, `LC_CTYPE` and `LANG` the
/// first that is set decides, as for every program.
pub fn terminal_has_utf8() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).unwrap_or_default());
        has_utf8(locale, &std::env::var("TERM").unwrap_or_default())
    })
}

fn has_utf8(locale: [String; 3], term: &str) -> bool {
    match locale.into_iter().find(|value| !value.is_empty()) {
        // Nothing said: a container, usually, on a terminal that has it all the same.
        None => !["", "linux", "dumb"].contains(&term),
        Some(value) => {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        }
    }
}

/// `text` in ASCII: "√ᾱ" as "sqrt(abar)" is, without the brackets. Where a spelling is longer, spaces that follow give
/// way, so that columns stay.
pub fn spelled(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        spell_line(line, &mut out);
    }
    Cow::Owned(out)
}

fn spell_line(line: &str, out: &mut String) {
    // How many columns the line has grown by so far.
    let mut debt = 0usize;
    let mut last = '\0';
    each(line, |c, ascii| {
        if c == ' ' && last == ' ' && debt > 0 {
            debt -= 1;
            return;
        }
        out.push_str(ascii);
        debt += ascii.len().saturating_sub(1);
        last = c;
    });
}

/// Calls `put` for each character with its spelling, which may depend on its neighbours.
pub fn each(text: &str, mut put: impl FnMut(char, &str)) {
    let mut last = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let mut one = [0; 4];
        let ascii: Cow<'_, str> = match c {
            _ if c.is_ascii() => Cow::Borrowed(c.encode_utf8(&mut one)),
            // Between words it parts them, between factors it multiplies.
            '·' if last == ' ' || next == ' ' => Cow::Borrowed("|"),
            '·' => Cow::Borrowed("*"),
            _ if superscript(c).is_some() && superscript(last).is_none() => {
                Cow::Owned(format!("^{}", superscript(c).unwrap_or('?')))
            }
            _ => match word(c) {
                Some(word) => Cow::Borrowed(word),
                None => Cow::Borrowed(letter(c).encode_utf8(&mut one)),
            },
        };
        put(c, &ascii);
        last = c;
    }
}

fn superscript(c: char) -> Option<char> {
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀᵗⁿ".chars().zip("0123456789-+Ttn".chars()).find(|(from, _)| *from == c).map(|(_, to)| to)
}

/// The spelling of a character for which one letter is too little.
fn word(c: char) -> Option<&'static str> {
    Some(match c {
        'ᾱ' => "abar",
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'ε' => "eps",
        'η' => "eta",
        'θ' => "theta",
        'λ' => "lambda",
        'μ' | 'µ' => "mu",
        'ν' => "nu",
        'π' => "pi",
        'ρ' => "rho",
        'σ' | 'ς' => "sigma",
        'τ' => "tau",
        'φ' => "phi",
        'Φ' => "Phi",
        'Σ' => "sum",
        'Π' => "prod",
        '√' => "sqrt",
        '∫' => "int",
        '∇' => "grad",
        '∞' => "inf",
        '∈' => "in",
        '≤' => "<=",
        '≥' => ">=",
        '≠' => "!=",
        '≈' => "~",
        '±' => "+-",
        '→' => "->",
        '←' => "<-",
        '…' => "...",
        '½' => "1/2",
        '¼' => "1/4",
        '‖' => "||",
        '°' => " deg",
        'ß' => "ss",
        // Over the letter before.
        '\u{302}' => "hat",
        '\u{303}' => "tilde",
        '\u{304}' => "bar",
        '\u{200b}' | '\u{200d}' | '\u{fe0f}' => "",
        _ => return None,
    })
}

/// One ASCII character in place of another one, for where there is room for no more.
pub fn letter(c: char) -> char {
    const LIKE: [(&str, char); 61] = [
        ("−–—‐‑─╌┄", '-'),
        ("━═╍", '='),
        ("│┃║┊┆╎▏▎▍‖", '|'),
        ("·∙•●◆♦⊙★⋆", '*'),
        ("○◦°", 'o'),
        ("×✗✕χ", 'x'),
        ("✓✔", '+'),
        ("▸▶›»→≥↗↘", '>'),
        ("◂◀‹«←≤↖↙", '<'),
        ("▴▲↑", '^'),
        ("▾▼↓", 'v'),
        ("↻↺", '@'),
        ("…", '.'),
        ("‘’′", '\''),
        ("“”„″", '"'),
        ("∓±", '+'),
        ("≈∝∼", '~'),
        ("Δ", 'd'),
        ("⌊", '['),
        ("⌋", ']'),
        ("₀⁰", '0'),
        ("₁¹", '1'),
        ("₂²½", '2'),
        ("₃³", '3'),
        ("₄⁴¼", '4'),
        ("⁵", '5'),
        ("⁶", '6'),
        ("⁷", '7'),
        ("⁸∞", '8'),
        ("⁹", '9'),
        ("⁻", '-'),
        ("⁺", '+'),
        ("ᵀ", 'T'),
        ("√", 'V'),
        ("ᾱαàáâãäåāą", 'a'),
        ("ÀÁÂÃÄÅĀĄ", 'A'),
        ("β", 'b'),
        ("çćč", 'c'),
        ("ÇĆČ", 'C'),
        ("δďð", 'd'),
        ("εèéêëēęě∈", 'e'),
        ("ÈÉÊËĒĘĚ", 'E'),
        ("φ", 'f'),
        ("γğ", 'g'),
        ("ìíîïīı", 'i'),
        ("ÌÍÎÏĪİ", 'I'),
        ("λℓł", 'l'),
        ("ηñńňⁿ", 'n'),
        ("ÑŃŇ", 'N'),
        ("òóôõöøōő", 'o'),
        ("ÒÓÔÕÖØŌŐ", 'O'),
        ("π", 'p'),
        ("ρř", 'r'),
        ("σςśšşß", 's'),
        ("ŚŠŞ", 'S'),
        ("θτťᵗ", 't'),
        ("μµùúûüūůű", 'u'),
        ("ÙÚÛÜŪŮŰ", 'U'),
        ("ν∇", 'v'),
        ("ýÿ", 'y'),
        ("źżž", 'z'),
    ];
    match c {
        _ if c.is_ascii() => c,
        '\u{2500}'..='\u{257f}' => LIKE[..3].iter().find(|(from, _)| from.contains(c)).map_or('+', |(_, to)| *to),
        '\u{2800}'..='\u{28ff}' => braille(c),
        '\u{2580}'..='\u{259f}' => block(c),
        'Σ' | '∫' => 'S',
        'Φ' | 'Π' => 'P',
        _ if c.is_whitespace() => ' ',
        _ => LIKE.iter().find(|(from, _)| from.contains(c)).map_or('?', |(_, to)| *to),
    }
}

/// Dots above, below, or both.
fn braille(c: char) -> char {
    let dots = u32::from(c) - 0x2800;
    match (dots & 0b0001_1011 != 0, dots & 0b1110_0100 != 0) {
        (false, false) => ' ',
        (true, false) => '\'',
        (false, true) => '.',
        (true, true) => ':',
    }
}

fn block(c: char) -> char {
    match c {
        // An eighth of the height more each.
        '▁'..='▇' => char::from(b".:-=+*#"[(u32::from(c) - u32::from('▁')) as usize]),
        '▀' | '▘' | '▝' => '\'',
        '▖' | '▗' => '.',
        '▏' | '▎' | '▍' | '▕' => '|',
        '░' => '.',
        '▒' | '▞' | '▚' => ':',
        _ => '#',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let locale = |a: &str, b: &str, c: &str| has_utf8([a, b, c].map(str::to_owned), "xterm");
        assert!(locale("", "", "en_US.UTF-8"));
        assert!(locale("", "C.utf8", "C"));
        assert!(!locale("C", "en_US.UTF-8", "en_US.UTF-8"));
        assert!(!locale("POSIX", "", ""));
        assert!(!locale("", "", "de_DE.ISO-8859-1"));
        assert!(locale("", "", ""));
        assert!(!has_utf8(Default::default(), "linux"));
    }

    #[test]
    fn symbols_are_spelled_as_people_write_them() {
        for (from, to) in [
            ("t 430 · σ 0.66 · ᾱ 0.5", "t 430 | sigma 0.66 | abar 0.5"),
            ("α(t)·x_0 + σ(t)·ε", "alpha(t)*x_0 + sigma(t)*eps"),
            ("√(1−ᾱ)", "sqrt(1-abar)"),
            ("x̂_0 and ε̂", "xhat_0 and epshat"),
            ("10⁻⁴ and σ²", "10^-4 and sigma^2"),
            ("cpu × 2 …", "cpu x 2 ..."),
            ("‖g‖ ≤ 1 → 2", "||g|| <= 1 -> 2"),
            ("café, 猫", "cafe, ?"),
        ] {
            assert_eq!(spelled(from), to);
        }
        assert!(matches!(spelled("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn columns_stay_where_spaces_can_give_way() {
        assert_eq!(spelled("σ      0.66\nx      0.70"), "sigma  0.66\nx      0.70");
        assert_eq!(spelled("σ 0.66"), "sigma 0.66", "one space stays");
    }

    #[test]
    fn every_character_has_one_of_ascii() {
        for c in ('\u{80}'..='\u{2fff}').chain(['猫', '\u{10eeee}']) {
            assert!(letter(c).is_ascii(), "{c}");
            assert!(spelled(&c.to_string()).is_ascii(), "{c}");
        }
        assert_eq!(
            ['╭', '│', '─', '⣿', '⠁', '⣀', '▀', '█', '▁'].map(letter),
            ['+', '|', '-', ':', '\'', '.', '\'', '#', '.']
        );
    }
}
