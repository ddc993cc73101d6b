//! As much of protocol buffers' wire format as an event needs: fields with a number, and of four kinds.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WireField<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Adds a field to a message.
pub fn put(message: &mut Vec<u8>, number: u64, field: WireField) {
    let key = |kind: u64| number << 3 | kind;
    match field {
        WireField::Varint(value) => {
            put_varint(message, key(0));
            put_varint(message, value);
        }
        WireField::Fixed64(value) => {
            put_varint(message, key(1));
            message.extend(value.to_le_bytes());
        }
        WireField::Bytes(bytes) => {
            put_varint(message, key(2));
            put_varint(message, bytes.len() as u64);
            message.extend(bytes);
        }
        WireField::Fixed32(value) => {
            put_varint(message, key(5));
            message.extend(value.to_le_bytes());
        }
    }
}

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// The fields of a message with their numbers, in order; ends where it is none.
pub fn fields(message: &[u8]) -> impl Iterator<Item = (u64, WireField<'_>)> {
    let mut rest = message;
    std::iter::from_fn(move || next(&mut rest))
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<(u64, WireField<'a>)> {
    let key = varint(rest)?;
    let field = match key & 7 {
        0 => WireField::Varint(varint(rest)?),
        1 => WireField::Fixed64(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?)),
        2 => {
            let length = varint(rest)?;
            WireField::Bytes(take(rest, usize::try_from(length).ok()?)?)
        }
        5 => WireField::Fixed32(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?)),
        _ => return None,
    };
    Some((key >> 3, field))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_have_the_bytes_of_the_format_s_own_documentation() {
        let mut message = Vec::new();
        put(&mut message, 1, WireField::Varint(150));
        put(&mut message, 2, WireField::Bytes(b"testing"));
        assert_eq!(message, b"\x08\x96\x01\x12\x07testing");
        put(&mut message, 5, WireField::Fixed32(1.0f32.to_bits()));
        put(&mut message, 1, WireField::Fixed64(1.0f64.to_bits()));
        assert_eq!(&message[12..], b"\x2d\0\0\x80\x3f\x09\0\0\0\0\0\0\xf0\x3f");
    }

    proptest! {
        #[test]
        fn what_is_put_is_found_and_any_bytes_end(number in 1u64..1000, value: u64, bytes: Vec<u8>, noise: Vec<u8>) {
            let mut message = Vec::new();
            let written =
                [WireField::Varint(value), WireField::Bytes(&bytes), WireField::Fixed64(value), WireField::Fixed32(value as u32)];
            written.iter().for_each(|field| put(&mut message, number, *field));
            let read: Vec<_> = fields(&message).collect();
            prop_assert_eq!(read, written.map(|field| (number, field)));
            prop_assert!(fields(&noise).count() <= noise.len());
        }
    }
}
