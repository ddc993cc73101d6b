//! An event of the file: a protocol buffer of tensorflow.Event, of which difflab writes and reads a few fields.

use super::wire::{WireField, fields, put};

/// What the first event of a file says.
const VERSION: &[u8] = b"brain.Event:2";

/// Numbers of fields, as TensorFlow's event.proto and summary.proto have them.
mod field {
    pub const WALL_TIME: u64 = 1;
    pub const STEP: u64 = 2;
    pub const FILE_VERSION: u64 = 3;
    pub const SUMMARY: u64 = 5;
    pub const SESSION_LOG: u64 = 7;
    /// Of a summary.
    pub const VALUE: u64 = 1;
    /// Of a value.
    pub const TAG: u64 = 1;
    pub const SIMPLE_VALUE: u64 = 2;
    pub const IMAGE: u64 = 4;
    /// Of an image.
    pub const HEIGHT: u64 = 1;
    pub const WIDTH: u64 = 2;
    pub const COLORSPACE: u64 = 3;
    pub const PNG: u64 = 4;
    /// Of a session's log.
    pub const STATUS: u64 = 1;
}

/// A session's status: it starts.
const START: u64 = 1;

/// A picture, as it is written.
pub struct LoggedPicture<'a> {
    pub png: &'a [u8],
    pub width: u32,
    pub height: u32,
    /// 1 grey, 2 grey with alpha, 3 RGB, 4 RGBA.
    pub colorspace: u64,
}

impl<'a> LoggedPicture<'a> {
    /// Of a PNG; `None` where it is none.
    pub fn of(png: &'a [u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
        // The signature, then IHDR: length, name, width, height, depth, colour type.
        if !png.starts_with(b"\x89PNG\r\n\x1a\n") || png.get(12..16)? != b"IHDR" {
            return None;
        }
        let colorspace = match png.get(25)? {
            0 => 1,
            4 => 2,
            2 | 3 => 3,
            _ => 4,
        };
        Some(Self { png, width: number(16)?, height: number(20)?, colorspace })
    }
}

/// The first event of a file. `wall_time` in seconds since 1970.
pub fn version(wall_time: f64) -> Vec<u8> {
    let mut event = begun(wall_time, None);
    put(&mut event, field::FILE_VERSION, WireField::Bytes(VERSION));
    event
}

/// From `step` on a reader forgets what it has read before: a run goes on from there.
pub fn session_starts(wall_time: f64, step: u64) -> Vec<u8> {
    let mut log = Vec::new();
    put(&mut log, field::STATUS, WireField::Varint(START));
    let mut event = begun(wall_time, Some(step));
    put(&mut event, field::SESSION_LOG, WireField::Bytes(&log));
    event
}

/// Numbers of one step, each with its tag.
pub fn scalars(wall_time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut message = Vec::new();
        put(&mut message, field::TAG, WireField::Bytes(tag.as_bytes()));
        put(&mut message, field::SIMPLE_VALUE, WireField::Fixed32((*value as f32).to_bits()));
        put(&mut summary, field::VALUE, WireField::Bytes(&message));
    }
    summarized(wall_time, step, &summary)
}

/// A picture of one step.
pub fn picture(wall_time: f64, step: u64, tag: &str, picture: &LoggedPicture) -> Vec<u8> {
    let mut image = Vec::new();
    put(&mut image, field::HEIGHT, WireField::Varint(picture.height.into()));
    put(&mut image, field::WIDTH, WireField::Varint(picture.width.into()));
    put(&mut image, field::COLORSPACE, WireField::Varint(picture.colorspace));
    put(&mut image, field::PNG, WireField::Bytes(picture.png));
    let (mut message, mut summary) = (Vec::new(), Vec::new());
    put(&mut message, field::TAG, WireField::Bytes(tag.as_bytes()));
    put(&mut message, field::IMAGE, WireField::Bytes(&image));
    put(&mut summary, field::VALUE, WireField::Bytes(&message));
    summarized(wall_time, step, &summary)
}

fn summarized(wall_time: f64, step: u64, summary: &[u8]) -> Vec<u8> {
    let mut event = begun(wall_time, Some(step));
    put(&mut event, field::SUMMARY, WireField::Bytes(summary));
    event
}

fn begun(wall_time: f64, step: Option<u64>) -> Vec<u8> {
    let mut event = Vec::new();
    put(&mut event, field::WALL_TIME, WireField::Fixed64(wall_time.to_bits()));
    if let Some(step) = step {
        put(&mut event, field::STEP, WireField::Varint(step));
    }
    event
}

/// What a file says of one step: the step and the tags. `None` of events that hold neither numbers nor pictures.
pub fn step_and_tags(event: &[u8]) -> Option<(u64, Vec<String>)> {
    let (mut step, mut tags) = (0, None);
    for (number, value) in fields(event) {
        match (number, value) {
            (field::STEP, WireField::Varint(found)) => step = found,
            (field::SUMMARY, WireField::Bytes(summary)) => tags = Some(tags_of(summary)),
            _ => {}
        }
    }
    Some((step, tags?))
}

fn tags_of(summary: &[u8]) -> Vec<String> {
    let value = |(number, field)| match (number, field) {
        (field::VALUE, WireField::Bytes(value)) => Some(value),
        _ => None,
    };
    let tag = |value| {
        fields(value).find_map(|(number, field)| match (number, field) {
            (field::TAG, WireField::Bytes(tag)) => Some(String::from_utf8_lossy(tag).into_owned()),
            _ => None,
        })
    };
    fields(summary).filter_map(value).filter_map(tag).collect()
}

#[cfg(test)]
pub mod reading {
    //! A small reader, for tests.

    use super::*;

    /// What a file says of one step under one tag.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Said {
        Number(f32),
        /// Width, height and bytes of the PNG.
        Picture(u64, u64, usize),
    }

    /// (step, tag, what is said), and wall_time.
    pub fn said(event: &[u8]) -> Vec<(u64, String, Said)> {
        let step = fields(event)
            .find_map(|(n, f)| if let (field::STEP, WireField::Varint(s)) = (n, f) { Some(s) } else { None });
        let mut all = Vec::new();
        for (number, summary) in fields(event) {
            let (field::SUMMARY, WireField::Bytes(summary)) = (number, summary) else { continue };
            for (_, value) in fields(summary) {
                let WireField::Bytes(value) = value else { panic!("a value is a message") };
                let (mut tag, mut what) = (String::new(), None);
                for (number, field) in fields(value) {
                    match (number, field) {
                        (field::TAG, WireField::Bytes(text)) => tag = String::from_utf8(text.to_vec()).unwrap(),
                        (field::SIMPLE_VALUE, WireField::Fixed32(bits)) => {
                            what = Some(Said::Number(f32::from_bits(bits)))
                        }
                        (field::IMAGE, WireField::Bytes(image)) => {
                            let of = |wanted| fields(image).find(|(n, _)| *n == wanted).unwrap().1;
                            let number = |wanted| if let WireField::Varint(n) = of(wanted) { n } else { 0 };
                            let WireField::Bytes(png) = of(field::PNG) else { panic!("a PNG is bytes") };
                            what = Some(Said::Picture(number(field::WIDTH), number(field::HEIGHT), png.len()));
                        }
                        _ => panic!("field {number}"),
                    }
                }
                all.push((step.unwrap(), tag, what.unwrap()));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::reading::{Said, said};
    use super::*;

    #[test]
    fn events_have_the_bytes_of_event_proto() {
        assert_eq!(version(1.0), b"\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0dbrain.Event:2");
        // wall_time, step 300, summary { value { tag "a", simple_value 1.0 } }.
        let event = scalars(1.0, 300, &[("a", 1.0)]);
        assert_eq!(event, b"\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02\x2a\x0a\x0a\x08\x0a\x01a\x15\0\0\x80\x3f");
        assert_eq!(session_starts(1.0, 7), b"\x09\0\0\0\0\0\0\xf0\x3f\x10\x07\x3a\x02\x08\x01");
        assert_eq!(step_and_tags(&event), Some((300, vec!["a".to_string()])));
        assert_eq!(step_and_tags(&version(1.0)), None);
    }

    #[test]
    fn a_picture_s_size_and_colours_are_those_of_its_png() {
        let mut png = Vec::new();
        let image = image::RgbImage::from_pixel(5, 3, image::Rgb([9, 8, 7]));
        image.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        let shown = LoggedPicture::of(&png).unwrap();
        assert_eq!((shown.width, shown.height, shown.colorspace), (5, 3, 3));
        let event = picture(0.0, 2, "samples/preview", &shown);
        assert_eq!(said(&event), [(2, "samples/preview".into(), Said::Picture(5, 3, png.len()))]);
        assert!(LoggedPicture::of(b"GIF89a").is_none() && LoggedPicture::of(&png[..20]).is_none());
    }
}
