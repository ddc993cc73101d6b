//! What the Linux console can write: its font has the characters of code page 437 and few others.

use ratatui::buffer::Buffer;

/// Beyond ASCII, what the kernel's own font has of what a lab may write.
const HAS: &str = "█▓▒░▀▄▌▐■│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌·•°±²ⁿ√αβΓπΣσμτΦΘΩδ∞φε∩≡≥≤⌠⌡÷≈←→↑↓↔↕▲▼►◄♦○×é";

/// Look-alikes for what it lacks.
const INSTEAD: [(char, &str); 26] = [
    ('╭', "┌"),
    ('╮', "┐"),
    ('╰', "└"),
    ('╯', "┘"),
    ('┊', "│"),
    ('━', "═"),
    ('●', "•"),
    ('◆', "♦"),
    ('▸', "►"),
    ('▴', "▲"),
    ('▾', "▼"),
    ('↻', "»"),
    ('‖', "║"),
    ('✓', "√"),
    ('✗', "x"),
    ('−', "-"),
    ('–', "-"),
    ('…', "~"),
    ('λ', "l"),
    ('η', "n"),
    ('ρ', "p"),
    ('γ', "g"),
    ('∇', "V"),
    ('ŵ', "w"),
    ('ᾱ', "α"),
    ('’', "'"),
];

/// Puts what the console can show in the place of what it can't.
pub fn fit(buf: &mut Buffer) {
    for cell in &mut buf.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let mut chars = symbol.chars();
        let first = chars.next().unwrap_or(' ');
        // A hat or a bar over a letter is lost; the letter stays.
        if chars.next().is_none() && (first.is_ascii() || HAS.contains(first)) {
            continue;
        }
        let instead = INSTEAD.iter().find(|(from, _)| *from == first).map(|(_, to)| *to);
        let kept = if first.is_ascii() || HAS.contains(first) { first } else { '?' };
        let text = instead.map_or_else(|| kept.to_string(), str::to_owned);
        cell.set_symbol(&text);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn every_look_alike_is_in_the_font() {
        for (from, to) in INSTEAD {
            let c = to.chars().next().unwrap();
            assert!(c.is_ascii() || HAS.contains(c) || c == '»', "{from} as {to}");
            assert!(!HAS.contains(from), "{from}");
        }
    }

    #[test]
    fn letters_stay_and_what_is_missing_has_a_look_alike() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 30, 1));
        buf.set_string(0, 0, "╭ x̂_0 · ᾱ ◆ ‖ ⣿ t −3", Style::new());
        fit(&mut buf);
        let row: String = buf.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(row.trim_end(), "┌ x_0 · α ♦ ║ ? t -3");
    }
}
