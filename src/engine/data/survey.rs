//! What a source holds, as far as can be told without decoding a picture.

use super::Dataset;
use crate::thousands::thousands;

/// What a source of images holds: counts, classes, sizes, and what would be left out and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// The name that the dataset would bear.
    pub name: String,
    /// Where it lies, in words.
    pub source: String,
    /// Images that will be loaded, as far as their headers tell.
    pub images: usize,
    /// Names of the classes, in the order of the labels, with their images; empty when unlabelled.
    pub classes: Vec<(String, usize)>,
    /// Widths and heights in pixels as they are shown, with their images; the most frequent first.
    pub sizes: Vec<((u32, u32), usize)>,
    /// Channels as stored: 1 where every image is stored without colour, else 3.
    pub channels: usize,
    /// Pixels were looked at, and none has a colour.
    pub shows_grey: bool,
    /// What will not be loaded, by kind.
    pub left_out: Vec<LeftOut>,
    /// What was chosen or guessed, a sentence each.
    pub notes: Vec<String>,
}

/// Files that are not loaded, of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// What they are: ".heic files", "files that are no pictures"; put behind the count.
    pub what: String,
    /// Why, and what to do, where there is more to say than that they are no pictures.
    pub why: String,
    pub count: usize,
    /// The first few of them.
    pub examples: Vec<String>,
}

/// Files named of each kind; the rest is counted.
const NAMED: usize = 5;

impl LeftOut {
    /// One more of this kind.
    pub(super) fn add(list: &mut Vec<LeftOut>, what: &str, why: &str, example: String) {
        let kind = match list.iter_mut().position(|kind| kind.what == what && kind.why == why) {
            Some(known) => &mut list[known],
            None => {
                list.push(LeftOut { what: what.into(), why: why.into(), count: 0, examples: Vec::new() });
                let last = list.len() - 1;
                &mut list[last]
            }
        };
        kind.count += 1;
        if kind.examples.len() < NAMED {
            kind.examples.push(example);
        }
    }
}

impl std::fmt::Display for LeftOut {
    /// "12 .heic files: difflab does not read HEIC; convert them to JPEG or PNG (cats/a.heic; cats/b.heic; …)".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut words: Vec<&str> = self.what.split(' ').collect();
        if self.count == 1
            && let Some(plural) = words.iter_mut().find(|word| word.ends_with('s') && !word.starts_with('.'))
        {
            *plural = plural.strip_suffix('s').unwrap_or(plural);
        }
        write!(f, "{} {}", thousands(self.count), words.join(" "))?;
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        let more = if self.count > self.examples.len() { "; …" } else { "" };
        write!(f, " ({}{more})", self.examples.join("; "))
    }
}

impl Survey {
    /// Of a dataset that is in memory.
    pub(super) fn of(dataset: &Dataset) -> Self {
        Self {
            name: dataset.name.clone(),
            source: dataset.source.clone(),
            images: dataset.len(),
            classes: dataset.classes.iter().cloned().zip(dataset.class_counts()).collect(),
            sizes: vec![((dataset.width as u32, dataset.height as u32), dataset.len())],
            channels: dataset.channels,
            shows_grey: dataset.channels == 1 || shows_grey(dataset.pixels.bytes()),
            left_out: Vec::new(),
            notes: dataset.warnings.clone(),
        }
    }

    /// Counts sizes, the most frequent first.
    pub(super) fn sizes_of(sizes: impl Iterator<Item = (u32, u32)>) -> Vec<((u32, u32), usize)> {
        let mut counts = std::collections::BTreeMap::new();
        for size in sizes {
            *counts.entry(size).or_insert(0) += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts
    }

    /// The one size that all images have, `(width, height)`, if they do.
    pub fn one_size(&self) -> Option<(u32, u32)> {
        match self.sizes[..] {
            [(size, _)] => Some(size),
            _ => None,
        }
    }

    /// The shorter side in pixels that half of the images reach: what they can be cropped and resized to
    /// without enlarging most of them. 0 where there are none.
    pub fn usual_side(&self) -> u32 {
        let mut sides: Vec<(u32, usize)> = self.sizes.iter().map(|&((w, h), count)| (w.min(h), count)).collect();
        sides.sort();
        let mut seen = 0;
        let half = self.images.div_ceil(2);
        let middle = sides.iter().find(|(_, count)| {
            seen += count;
            seen >= half
        });
        middle.map_or(0, |(side, _)| *side)
    }
}

/// Has no pixel of bytes in RGB a colour? Looks no further than the first that has.
pub(super) fn shows_grey(rgb: &[u8]) -> bool {
    !rgb.is_empty() && rgb.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_and_named_by_kind() {
        let mut list = Vec::new();
        for i in 0..12 {
            LeftOut::add(&mut list, ".heic files", "difflab does not read HEIC", format!("{i}.heic"));
        }
        LeftOut::add(&mut list, ".txt files", "", "notes.txt".into());
        LeftOut::add(&mut list, ".dds files", "", "a.dds".into());
        let text: Vec<String> = list.iter().map(LeftOut::to_string).collect();
        assert_eq!(
            text,
            [
                "12 .heic files: difflab does not read HEIC (0.heic; 1.heic; 2.heic; 3.heic; 4.heic; …)",
                "1 .txt file (notes.txt)",
                "1 .dds file (a.dds)"
            ]
        );
    }

    #[test]
    fn the_usual_side_is_the_shorter_one_of_the_middle_picture() {
        let sizes = [(64, 1), (640, 480), (480, 640), (480, 640), (4000, 3000)];
        let survey = Survey { images: 5, sizes: Survey::sizes_of(sizes.into_iter()), ..Survey::default() };
        assert_eq!(survey.sizes[0], ((480, 640), 2));
        assert_eq!((survey.usual_side(), survey.one_size()), (480, None));
        assert_eq!(Survey::default().usual_side(), 0);
    }
}
