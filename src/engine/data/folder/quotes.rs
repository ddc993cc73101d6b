//! Quoted fields of a table that go on over lines: what a forgotten quotation mark looks like.

/// A quoted field of several lines.
#[derive(Debug, PartialEq)]
pub struct OverLines<'a> {
    /// Where its opening quotation mark is, from 1.
    pub line: u64,
    /// Which field of its row it is, from 0.
    pub column: usize,
    /// Ends it before the file does?
    pub closed: bool,
    /// What lies between its quotation marks.
    text: &'a str,
}

impl<'a> OverLines<'a> {
    /// The line of its closing quotation mark, or the file's last.
    pub fn last_line(&self) -> u64 {
        self.line + self.text.matches('\n').count() as u64
    }

    /// That field of each line it takes in, if these were rows.
    pub fn fields(&self, delimiter: u8, column: usize) -> impl Iterator<Item = &'a str> {
        let field = move |line: &'a str| line.split(char::from(delimiter)).nth(column);
        self.text.lines().skip(1).filter_map(field).map(|field| field.trim().trim_matches('"'))
    }
}

/// The quoted fields of `text` that hold a line's end. As the csv crate reads them: a quotation mark opens only at the
/// beginning of a field, and two in a row within are one of the text.
pub fn over_lines(text: &str, delimiter: u8) -> Vec<OverLines<'_>> {
    let bytes = text.as_bytes();
    let (mut found, mut line, mut column, mut at) = (Vec::new(), 1, 0, 0);
    let mut begins = true;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if begins && byte == b'"' {
            let (start, mut closed) = (at, false);
            while let Some(&byte) = bytes.get(at) {
                at += 1;
                if byte != b'"' {
                    continue;
                }
                closed = bytes.get(at) != Some(&b'"');
                if closed {
                    break;
                }
                at += 1;
            }
            // Quotation marks are whole characters, so that these are the text's boundaries.
            let inside = text.get(start..if closed { at - 1 } else { at }).unwrap_or_default();
            let lines = inside.matches('\n').count() as u64;
            if lines > 0 || !closed {
                found.push(OverLines { line, column, closed, text: inside });
            }
            line += lines;
            begins = false;
        } else if byte == delimiter {
            column += 1;
            begins = true;
        } else if matches!(byte, b'\n' | b'\r') {
            line += u64::from(byte == b'\n');
            column = 0;
            begins = true;
        } else {
            begins = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quotation_mark_that_takes_in_lines_is_found_where_it_opens() {
        assert_eq!(over_lines("a,\"b, \"\"c\"\"\"\r\nd,5\"\n", b','), []);
        let found = over_lines("x,y,z\na,b,\"c\nd,e\nf\"\ng,\"h\nä", b',');
        let told: Vec<_> = found.iter().map(|f| (f.line, f.last_line(), f.column, f.closed)).collect();
        assert_eq!(told, [(2, 4, 2, true), (5, 6, 1, false)]);
        assert_eq!(found[0].fields(b',', 0).collect::<Vec<_>>(), ["d", "f"]);
    }

    proptest! {
        #[test]
        fn it_reads_quotation_marks_as_the_csv_crate_does(text in "[ab,\"\n]{0,40}") {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let of_csv = reader.records().flat_map(|record| record.unwrap().iter().map(String::from).collect::<Vec<_>>());
            let of_csv = of_csv.filter(|field| field.contains('\n')).count();
            let closed_or_not = over_lines(&text, b',');
            prop_assert_eq!(closed_or_not.iter().filter(|found| found.text.contains('\n')).count(), of_csv);
        }
    }
}
