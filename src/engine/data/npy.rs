//! NumPy's array files (NEP 1): one array, its shape and type in front.

use std::io::Read;

use npyz::{NpyHeader, Order};

use super::shown::shown;
use super::undecodable::told_by_system;

/// Bytes of the longest header that is read; NumPy's own are below a few hundred.
const LONGEST_HEADER: usize = 1 << 16;
/// Characters of the longest text that is read.
const LONGEST_TEXT: usize = 1000;
/// A header nests a dictionary and a tuple.
const DEEPEST: usize = 8;

/// What an array's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    Unsigned(usize),
    Signed(usize),
    Float(usize),
    /// Text of as many characters, four bytes each (`U`).
    Characters(usize),
    /// Text of as many bytes (`S`).
    Bytes(usize),
}

/// Shape and type of an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub shape: Vec<usize>,
    pub element: Element,
    big_endian: bool,
    /// Bytes before the first element.
    header: u64,
}

impl Element {
    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) | Self::Bytes(size) => size,
            Self::Characters(count) => 4 * count,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Self::Float(_))
    }

    pub fn is_text(self) -> bool {
        matches!(self, Self::Characters(_) | Self::Bytes(_))
    }
}

impl std::fmt::Display for Element {
    /// As NumPy calls it, "uint8"; texts as people do, "text (U3)".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool => write!(f, "bool"),
            Self::Unsigned(size) => write!(f, "uint{}", 8 * size),
            Self::Signed(size) => write!(f, "int{}", 8 * size),
            Self::Float(size) => write!(f, "float{}", 8 * size),
            Self::Characters(count) => write!(f, "text (U{count})"),
            Self::Bytes(count) => write!(f, "text (S{count})"),
        }
    }
}

impl Array {
    /// Reads the header; the elements follow in `source`.
    ///
    /// # Errors
    /// A sentence: what it is instead, or what of it is not read.
    pub fn read(source: &mut (impl Read + ?Sized)) -> Result<Self, String> {
        let text = |error: std::io::Error| match error.raw_os_error() {
            Some(_) => format!("its header can't be read ({})", told_by_system(&error)),
            // What a parser says then repeats what it stumbled over.
            None => "its header is damaged or cut off".into(),
        };
        let mut head = vec![0; 10];
        source.read_exact(&mut head).map_err(text)?;
        if !head.starts_with(b"\x93NUMPY") {
            return Err("it is no NumPy array".into());
        }
        let mut length = usize::from(u16::from_le_bytes([head[8], head[9]]));
        if head[6] > 1 {
            let mut more = [0; 2];
            source.read_exact(&mut more).map_err(text)?;
            head.extend(more);
            length |= usize::from(u16::from_le_bytes(more)) << 16;
        }
        if length > LONGEST_HEADER {
            return Err(format!("its header says that it has {length} bytes, far more than NumPy writes"));
        }
        let start = head.len();
        head.resize(start + length, 0);
        source.read_exact(&mut head[start..]).map_err(text)?;
        // The parser calls itself for each bracket.
        let open = head[start..].iter().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count();
        if open > DEEPEST {
            return Err("its header is not what NumPy writes for an array of numbers".into());
        }
        let header = NpyHeader::from_reader(&mut &head[..]).map_err(text)?;
        if header.order() == Order::Fortran && header.shape().len() > 1 {
            return Err("its elements lie in Fortran's order; save numpy.ascontiguousarray(x)".into());
        }
        let shape = header
            .shape()
            .iter()
            .map(|&n| usize::try_from(n).map_err(|_| "its shape is too large"))
            .collect::<Result<_, _>>()?;
        let descr = header.dtype().descr();
        let descr = descr.trim_matches('\'');
        let (element, big_endian) = element(descr).ok_or_else(|| other(descr))?;
        Ok(Self { shape, element, big_endian, header: head.len() as u64 })
    }

    /// How many elements there are; `None` where that is more than countable.
    pub fn elements(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))
    }

    /// Bytes behind the last element in a file of so many.
    pub fn behind(&self, file: u64) -> u64 {
        let elements = self.elements().map_or(u64::MAX, |elements| elements as u64);
        file.saturating_sub(self.header.saturating_add(elements.saturating_mul(self.element.size() as u64)))
    }

    /// The bytes of one element as text, without the zeros that fill it up.
    pub fn text(&self, bytes: &[u8]) -> String {
        let text = match self.element {
            Element::Characters(_) => bytes
                .chunks_exact(4)
                .map(|four| {
                    let four = [four[0], four[1], four[2], four[3]];
                    let code = if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) };
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                })
                .collect(),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        };
        text.trim_end_matches('\0').to_string()
    }

    /// Bytes of elements as numbers, appended; of text there are none.
    pub fn numbers(&self, bytes: &[u8], out: &mut Vec<f64>) {
        if self.element.is_text() {
            return;
        }
        let chunks = bytes.chunks_exact(self.element.size());
        out.extend(chunks.map(|chunk| {
            let mut eight = [0u8; 8];
            for (to, from) in eight.iter_mut().zip(chunk) {
                *to = *from;
            }
            if self.big_endian {
                eight[..chunk.len()].reverse();
            }
            let [a, b, c, d, ..] = eight;
            match self.element {
                Element::Bool => f64::from(u8::from(a != 0)),
                Element::Unsigned(_) => u64::from_le_bytes(eight) as f64,
                Element::Signed(size) => {
                    let unused = 64 - 8 * size as u32;
                    ((i64::from_le_bytes(eight) << unused) >> unused) as f64
                }
                Element::Float(8) => f64::from_le_bytes(eight),
                Element::Float(4) => f64::from(f32::from_le_bytes([a, b, c, d])),
                Element::Float(_) | Element::Characters(_) | Element::Bytes(_) => half(u16::from_le_bytes([a, b])),
            }
        }));
    }
}

/// IEEE 754's binary16 as a number.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * (-24f64).exp2(),
        31 => {
            if fraction == 0.0 {
                f64::INFINITY
            } else {
                f64::NAN
            }
        }
        _ => (1024.0 + fraction) * f64::from(exponent - 25).exp2(),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Why elements of a type are not read.
fn other(descr: &str) -> String {
    let shown = shown(descr);
    match descr.trim_start_matches(['<', '>', '|', '=']).chars().next() {
        Some('O') => "its elements are Python objects (type O); save numbers, or text by x.astype(str)".into(),
        Some('U' | 'S') => format!("its elements are texts of type {shown}, longer than the name of a class"),
        _ => format!("its elements are of type {shown}; save numbers, or text"),
    }
}

/// "<f4" is a float of four bytes, the least first.
fn element(descr: &str) -> Option<(Element, bool)> {
    let mut chars = descr.chars();
    let big_endian = chars.next()? == '>';
    let kind = chars.next()?;
    let size: usize = chars.as_str().parse().ok()?;
    let element = match (kind, size) {
        ('b', 1) => Element::Bool,
        ('u', 1 | 2 | 4 | 8) => Element::Unsigned(size),
        ('i', 1 | 2 | 4 | 8) => Element::Signed(size),
        ('f', 2 | 4 | 8) => Element::Float(size),
        ('U', 1..=LONGEST_TEXT) => Element::Characters(size),
        ('S', 1..=LONGEST_TEXT) => Element::Bytes(size),
        _ => return None,
    };
    Some((element, big_endian))
}

/// A file as NumPy writes it, version 1, for tests.
#[cfg(test)]
pub(super) fn file(descr: &str, shape: &str, fortran: bool, elements: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(elements);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(descr: &str, shape: &str, elements: &[u8]) -> Vec<f64> {
        let bytes = file(descr, shape, false, elements);
        let mut source = &bytes[..];
        let array = Array::read(&mut source).unwrap();
        let mut out = Vec::new();
        array.numbers(source, &mut out);
        assert_eq!(array.elements(), Some(out.len()));
        out
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        assert_eq!(numbers("|u1", "(3,)", &[0, 7, 255]), [0.0, 7.0, 255.0]);
        assert_eq!(numbers("|i1", "(2,)", &[255, 127]), [-1.0, 127.0]);
        assert_eq!(numbers("|b1", "(2,)", &[0, 1]), [0.0, 1.0]);
        assert_eq!(numbers(">i2", "(2,)", &[255, 254, 1, 0]), [-2.0, 256.0]);
        assert_eq!(numbers("<i8", "(1,)", &(-5i64).to_le_bytes()), [-5.0]);
        assert_eq!(numbers("<f4", "(1, 1)", &0.25f32.to_le_bytes()), [0.25]);
        assert_eq!(numbers(">f8", "(1,)", &(-1.5f64).to_be_bytes()), [-1.5]);
        assert_eq!(numbers("<f2", "(3,)", &[0, 0x3c, 0, 0xc0, 1, 0]), [1.0, -2.0, (-24f64).exp2()]);
    }

    #[test]
    fn texts_of_both_types_are_read_without_their_padding() {
        let texts = |descr: &str, elements: &[u8]| {
            let array = Array::read(&mut &file(descr, "(2,)", false, elements)[..]).unwrap();
            let mut numbers = Vec::new();
            array.numbers(elements, &mut numbers);
            assert!(array.element.is_text() && numbers.is_empty());
            elements.chunks_exact(array.element.size()).map(|bytes| array.text(bytes)).collect::<Vec<_>>()
        };
        assert_eq!(texts("|S3", b"catox\0"), ["cat", "ox"]);
        let wide = |order: fn(u32) -> [u8; 4]| ['ö', 'x', 'é', '\0'].map(|c| order(u32::from(c))).concat();
        assert_eq!(texts("<U2", &wide(u32::to_le_bytes)), ["öx", "é"]);
        assert_eq!(texts(">U2", &wide(u32::to_be_bytes)), ["öx", "é"]);
    }

    #[test]
    fn what_is_not_read_is_said() {
        let refusal = |bytes: &[u8]| Array::read(&mut &bytes[..]).unwrap_err();
        assert!(refusal(b"PK\x03\x04......").contains("no NumPy array"));
        assert!(refusal(&file("|O", "(3,)", false, &[])).contains("Python objects"));
        assert!(refusal(&file("<c8", "(3,)", false, &[])).contains("type <c8; save numbers"));
        let named = refusal(&file("[('a\u{1b}[31m', '<i4')]", "(3,)", false, &[]));
        assert!(!named.contains('\u{1b}'), "{named:?}");
        assert!(refusal(&file("<U5000", "(3,)", false, &[])).contains("longer than the name of a class"));
        assert!(refusal(&file("<U0", "(3,)", false, &[])).contains("<U0"));
        assert!(refusal(&file("<f4", "(3, 2)", true, &[])).contains("Fortran"));
        assert!(refusal(&file("<f4", &"(".repeat(50_000), false, &[])).contains("not what NumPy writes"));
        assert!(refusal(b"\x93NUMPY\x02\0\xff\xff\xff\xff").contains("far more"));
        assert!(refusal(&file("<f4", "(3,)", false, &[])[..20]).contains("header"));
    }
}
