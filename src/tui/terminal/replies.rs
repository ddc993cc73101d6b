//! What a terminal answers when it is asked what it can do.

/// The terminal's replies, sorted out from what was typed meanwhile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replies {
    pub kitty: bool,
    /// It takes kitty's pictures compressed.
    pub kitty_inflates: bool,
    pub sixel: bool,
    pub cell: Option<(u16, u16)>,
    pub max_sixel: Option<(u32, u32)>,
    pub sixel_colors: Option<usize>,
    pub true_color: bool,
    pub background: Option<[u8; 3]>,
    /// The last question was answered.
    pub complete: bool,
    pub typed: Vec<u8>,
}

impl Replies {
    /// Reads what came in while the terminal was being asked.
    pub fn read(mut bytes: &[u8]) -> Self {
        let mut replies = Self::default();
        while let Some((&first, rest)) = bytes.split_first() {
            match (first, rest.first()) {
                (0x1b, Some(b'[')) => {
                    let end = rest.iter().skip(1).position(|b| (0x40..=0x7e).contains(b)).map(|i| i + 2);
                    let (body, after) = rest.split_at(end.unwrap_or(rest.len()));
                    replies.control_sequence(body);
                    bytes = after;
                }
                (0x1b, Some(b'_' | b'P' | b']')) => {
                    let end = rest.windows(2).position(|w| w == b"\x1b\\").map(|i| i + 2);
                    let bell = rest.iter().position(|&b| b == 7).map(|i| i + 1);
                    let end = [end, bell].into_iter().flatten().min();
                    let (body, after) = rest.split_at(end.unwrap_or(rest.len()));
                    let ok = body.windows(3).any(|w| w == b";OK");
                    replies.kitty |= ok && body.starts_with(b"_Gi=31");
                    replies.kitty_inflates |= ok && body.starts_with(b"_Gi=32");
                    replies.true_color |= true_color(body);
                    replies.background = background(body).or(replies.background);
                    bytes = after;
                }
                _ => {
                    replies.typed.push(first);
                    bytes = rest;
                }
            }
        }
        replies
    }

    /// `body`: "[?62;4c", without the escape.
    fn control_sequence(&mut self, body: &[u8]) {
        let Some((text, last)) = std::str::from_utf8(body).ok().and_then(|t| t.split_at_checked(t.len() - 1)) else {
            return;
        };
        let numbers = |text: &str| -> Vec<u32> { text.split(';').map(|n| n.parse().unwrap_or(0)).collect() };
        match (last, text) {
            ("c", text) if text.starts_with("[?") => {
                self.complete = true;
                self.sixel |= numbers(&text[2..]).contains(&4);
            }
            ("t", text) if text.starts_with("[6;") => {
                if let [_, height @ 1..=1000, width @ 1..=1000] = numbers(&text[1..])[..] {
                    self.cell = Some((width as u16, height as u16));
                }
            }
            ("S", text) if text.starts_with("[?2;0;") => {
                if let [_, _, width @ 1..=0xffff, height @ 1..=0xffff] = numbers(&text[2..])[..] {
                    self.max_sixel = Some((width, height));
                }
            }
            ("S", text) if text.starts_with("[?1;0;") => {
                if let [_, _, colors @ 2..=0xffff] = numbers(&text[2..])[..] {
                    self.sixel_colors = Some(colors as usize);
                }
            }
            _ => {}
        }
    }
}

/// Is "P1$r0;48:2::1:2:3m" the report of the colour that was set?
fn true_color(body: &[u8]) -> bool {
    let Some(report) = body.strip_prefix(b"P1$r").and_then(|r| std::str::from_utf8(r).ok()) else { return false };
    let report = report.replace(';', ":");
    report.contains("48:2:1:2:3") || report.contains("48:2::1:2:3")
}

/// The colour in "]11;rgb:1010/1010/1414" and a terminator.
fn background(body: &[u8]) -> Option<[u8; 3]> {
    let text = std::str::from_utf8(body.strip_prefix(b"]11;rgb:")?).ok()?;
    let mut parts = text.trim_end_matches(['\x07', '\x1b', '\\']).split('/').map(|part| {
        let value = u32::from_str_radix(part, 16).ok()?;
        let largest = 16u32.checked_pow(part.len() as u32)?.checked_sub(1)?;
        Some((value * 255).checked_div(largest)? as u8)
    });
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_read_in_every_precision() {
        let at = |text: &str| Replies::read(format!("\x1b]11;rgb:{text}\x1b\\\x1b[?62c").as_bytes());
        assert_eq!(at("ffff/8080/0000").background, Some([255, 128, 0]));
        assert_eq!(at("ff/80/00").background, Some([255, 128, 0]));
        assert_eq!(at("fffff/zz").background, None);
        assert_eq!(at("ffffffffff/0/0").background, None);
        assert_eq!(Replies::read(b"\x1b]11;rgb:00/00/00\x07q").typed, b"q");
    }

    #[test]
    fn true_colour_is_believed_only_when_the_colour_comes_back() {
        let at = |text: &str| Replies::read(format!("\x1bP{text}\x1b\\\x1b[?62c").as_bytes()).true_color;
        assert!(at("1$r0;48:2::1:2:3m"));
        assert!(at("1$r48;2;1;2;3m"));
        assert!(!at("1$r0;48;5;16m"));
        assert!(!at("0$r"));
    }

    #[test]
    fn keys_typed_meanwhile_are_kept_and_replies_are_not_typed() {
        let replies = Replies::read(b"s\x1b_Gi=31;OK\x1b\\q\x1b[?62;4c?");
        assert_eq!(replies.typed, b"sq?");
    }

    #[test]
    fn half_an_answer_or_rubbish_never_panics() {
        let all = b"\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?2;0;1000;1000S\x1b[?62;4c\x1b[\xffc\x1b[c\x1b[t\x1b";
        for end in 0..=all.len() {
            for start in 0..end {
                Replies::read(&all[start..end]);
            }
        }
        assert_eq!(Replies::read(b"\x1b[6;0;0t").cell, None);
        assert_eq!(Replies::read(b"\x1b[6;99999;9t").cell, None);
    }
}
