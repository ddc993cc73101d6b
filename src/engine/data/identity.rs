//! Which data these are: enough to tell them apart from others, and to say in what they differ.

use std::thread;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Dataset, Pixels, dataset};
use crate::thousands::thousands;

/// Differences of one kind that are named; the rest is counted.
const NAMED: usize = 5;

/// What is known of a dataset without keeping it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Number of images.
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// The classes in the order of the labels; empty when unlabelled.
    pub classes: Vec<ClassOfData>,
    /// sha256 of all images and labels in their order, in hexadecimal.
    pub content: String,
    /// The same images in any order, under any labels, give the same: the sum of their sha256 (the first 128
    /// bits of each), in hexadecimal.
    pub pictures: String,
}

/// A class, as a dataset has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassOfData {
    pub name: String,
    /// How many images it has.
    pub images: usize,
    /// Its images as [`DataIdentity::pictures`] has all; `None` in checkpoints of an older difflab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<String>,
    /// The first 128 bits of the sha256 of its images in their order, in hexadecimal; `None` likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

impl ClassOfData {
    /// Of the digests of its images, in their order.
    fn of<'a>(name: &str, digests: impl Iterator<Item = &'a [u8; 32]> + Clone) -> Self {
        let mut order = Sha256::new();
        digests.clone().for_each(|digest| order.update(digest));
        Self {
            name: name.into(),
            images: digests.clone().count(),
            pictures: Some(in_any_order(digests)),
            order: Some(hexadecimal(&order.finalize()[..16])),
        }
    }
}

impl DataIdentity {
    /// Looks at every image once, on all cores: about a gigabyte a second on each.
    pub fn of(data: &Dataset) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self::by_digests(data, &digests(data, threads), &data.labels)
    }

    /// That of the data which [`Dataset::split_held_out`] split into these parts, on the calling thread.
    pub(super) fn of_parts(train: &Dataset, held_out: &Dataset, seed: u64) -> Self {
        let is_held_out = dataset::held_out(train.len() + held_out.len(), held_out.len(), seed);
        let digests = merged(&is_held_out, digests(train, 1), digests(held_out, 1));
        Self::by_digests(train, &digests, &merged(&is_held_out, &*train.labels, &*held_out.labels))
    }

    /// Of `data`, or of data of which they are a part, with the digests and labels of all images.
    fn by_digests(data: &Dataset, digests: &[[u8; 32]], labels: &[u32]) -> Self {
        let mut content = Sha256::new();
        for digest in digests {
            content.update(digest);
        }
        for label in labels {
            content.update(label.to_le_bytes());
        }
        let mut of_class = vec![Vec::new(); data.classes.len()];
        for (digest, &label) in digests.iter().zip(labels) {
            if let Some(class) = of_class.get_mut(label as usize) {
                class.push(digest);
            }
        }
        let classes = data.classes.iter().zip(of_class);
        Self {
            images: digests.len(),
            height: data.height,
            width: data.width,
            channels: data.channels,
            classes: classes.map(|(name, of_class)| ClassOfData::of(name, of_class.iter().copied())).collect(),
            content: hexadecimal(&content.finalize()),
            pictures: in_any_order(digests.iter()),
        }
    }

    /// In what `now` differs from these, a phrase each; empty when they are the same data.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut told = Vec::new();
        if self.shape() != now.shape() {
            told.push(format!("the images were {}, now they are {}", self.size(), now.size()));
        }
        let same_pictures = self.pictures == now.pictures && self.images == now.images;
        if self.names().ne(now.names()) {
            told.extend(self.classes_that_changed(now, same_pictures));
        } else {
            told.extend(self.counts_that_changed(now));
        }
        told.extend(self.called_otherwise(now));
        if self.images != now.images {
            told.push(format!("there were {} images, now there are {}", thousands(self.images), thousands(now.images)));
        }
        if told.is_empty() && self.content != now.content {
            told.push(self.content_that_changed(now, same_pictures));
        }
        told
    }

    /// Whole classes whose images bear another name now.
    fn called_otherwise(&self, now: &Self) -> Option<String> {
        let new_name = |before: &ClassOfData| {
            let same = |after: &&ClassOfData| before.pictures.is_some() && after.pictures == before.pictures;
            let mut heirs = now.classes.iter().filter(same);
            // Where two classes have the same images, one may have kept its name.
            let first = heirs.clone().next()?;
            heirs.all(|after| after.name != before.name).then_some(first.name.as_str())
        };
        let renamed = self.classes.iter().filter_map(|before| Some((before.name.as_str(), new_name(before)?)));
        let told: Vec<String> =
            renamed.map(|(before, after)| format!("the images of {before} are called {after} now")).collect();
        (!told.is_empty()).then(|| named(&told.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// Classes, their names and their counts are the same; what they hold, or its order, is not.
    fn content_that_changed(&self, now: &Self, same_pictures: bool) -> String {
        let known = |data: &Self| data.classes.iter().all(|class| class.pictures.is_some() && class.order.is_some());
        if self.classes.is_empty() && same_pictures {
            return "the same images come in another order, as after renaming files".into();
        } else if self.classes.is_empty() || !known(self) || !known(now) {
            return match same_pictures {
                true => "the same images come in another order, or under other labels".into(),
                false => "as many images, but not the same ones (the hash of their content differs)".into(),
            };
        }
        let classes = || self.classes.iter().zip(&now.classes);
        let other = classes().filter(|(before, after)| before.pictures != after.pictures);
        let other: Vec<&str> = other.map(|(before, _)| before.name.as_str()).collect();
        let moved = classes().filter(|(before, after)| before.order != after.order);
        let moved: Vec<&str> = moved.map(|(before, _)| before.name.as_str()).collect();
        match (other.is_empty(), moved.is_empty()) {
            (false, _) if same_pictures => {
                format!(
                    "the same images under other labels: as many as before are called {}, but others",
                    named(&other)
                )
            }
            (false, _) => format!("as many images, but not the same ones in {}", named(&other)),
            (true, false) => {
                format!("the same images of {} come in another order, as after renaming files", named(&moved))
            }
            (true, true) => "the same images of every class come in the same order, but mixed otherwise with those of \
                             other classes"
                .into(),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(|class| class.name.as_str())
    }

    fn shape(&self) -> (usize, usize, usize) {
        (self.height, self.width, self.channels)
    }

    /// "32×32 RGB".
    fn size(&self) -> String {
        let colours = match self.channels {
            1 => " grey".to_string(),
            3 => " RGB".to_string(),
            channels => format!(" with {channels} channels"),
        };
        format!("{}×{}{colours}", self.width, self.height)
    }

    /// The names of classes are others, or stand in another order.
    fn classes_that_changed(&self, now: &Self, same_pictures: bool) -> Vec<String> {
        let missing: Vec<&str> = self.names().filter(|name| now.names().all(|other| other != *name)).collect();
        let added: Vec<&str> = now.names().filter(|name| self.names().all(|other| other != *name)).collect();
        let mut told = Vec::new();
        let renamed = same_pictures && !missing.is_empty() && missing.len() == added.len();
        if self.classes.is_empty() {
            told.push(format!("there were no classes, now there are {}: {}", added.len(), named(&added)));
        } else if now.classes.is_empty() {
            told.push(format!("there were {} classes ({}), now there are none", missing.len(), named(&missing)));
        } else if renamed {
            told.push(format!(
                "the same images have other classes: {} {} gone, {} {} new",
                named(&missing),
                is_or_are(&missing),
                named(&added),
                is_or_are(&added)
            ));
        } else {
            if !missing.is_empty() {
                told.push(format!("{} {} {} gone", classes(&missing), named(&missing), is_or_are(&missing)));
            }
            if !added.is_empty() {
                told.push(format!("{} {} {} new", classes(&added), named(&added), is_or_are(&added)));
            }
        }
        // The network knows classes by their number.
        let moved = self.names().zip(now.names()).enumerate().find(|(_, (before, after))| before != after);
        if let Some((number, (before, after))) = moved {
            told.push(format!("class {number} of the network was {before}, and would be called {after}"));
        }
        told
    }

    /// The names are the same; how many images each has is not.
    fn counts_that_changed(&self, now: &Self) -> Option<String> {
        let changed = self.classes.iter().zip(&now.classes).filter(|(before, after)| before.images != after.images);
        let changed: Vec<String> = changed
            .map(|(before, after)| {
                format!("{} had {}, now {}", before.name, thousands(before.images), thousands(after.images))
            })
            .collect();
        let words: Vec<&str> = changed.iter().map(String::as_str).collect();
        (!words.is_empty()).then(|| named(&words))
    }
}

/// "apple, banana", or the first few "and 12 more".
fn named(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The sha256 of every image.
fn digests(data: &Dataset, threads: usize) -> Vec<[u8; 32]> {
    let len = data.image_len().max(1);
    match &data.pixels {
        Pixels::Bytes(bytes) => each(bytes, len, threads, |hash, image| hash.update(image)),
        Pixels::Floats(floats) | Pixels::Latents { plain: floats, .. } => each(floats, len, threads, |hash, image| {
            image.iter().for_each(|number| hash.update(number.to_le_bytes()));
        }),
    }
}

/// Hashes every `len` numbers, on so many threads.
fn each<T: Sync>(
    numbers: &[T],
    len: usize,
    threads: usize,
    feed: impl Fn(&mut Sha256, &[T]) + Copy + Send,
) -> Vec<[u8; 32]> {
    let images = numbers.len() / len;
    let share = images.div_ceil(threads).max(1) * len;
    let mut digests = vec![[0; 32]; images];
    thread::scope(|scope| {
        for (numbers, digests) in numbers.chunks(share).zip(digests.chunks_mut(share / len)) {
            scope.spawn(move || {
                for (image, digest) in numbers.chunks_exact(len).zip(digests) {
                    let mut hash = Sha256::new();
                    feed(&mut hash, image);
                    *digest = hash.finalize().into();
                }
            });
        }
    });
    digests
}

/// What belongs to each image, in the order of the marks: from the second where one is set, else from the first.
fn merged<T: Copy>(marks: &[bool], first: impl AsRef<[T]>, second: impl AsRef<[T]>) -> Vec<T> {
    let (mut first, mut second) = (first.as_ref().iter(), second.as_ref().iter());
    marks.iter().filter_map(|&mark| if mark { second.next() } else { first.next() }).copied().collect()
}

/// The sum of the first 128 bits of each, in hexadecimal.
fn in_any_order<'a>(digests: impl Iterator<Item = &'a [u8; 32]>) -> String {
    let sum = digests.fold(0u128, |sum, digest| {
        let (head, _) = digest.split_at(16);
        sum.wrapping_add(u128::from_le_bytes(head.try_into().unwrap_or_default()))
    });
    format!("{sum:032x}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_or_are(names: &[&str]) -> &'static str {
    if names.len() == 1 { "is" } else { "are" }
}

fn classes(names: &[&str]) -> &'static str {
    if names.len() == 1 { "the class" } else { "the classes" }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// One image a value, of 2×2 grey pixels.
    fn data(values: &[u8], labels: &[u32], classes: &[&str]) -> Dataset {
        Dataset {
            name: "fruit".into(),
            source: "made here".into(),
            height: 2,
            width: 2,
            channels: 1,
            pixels: values.iter().flat_map(|&value| [value; 4]).collect::<Vec<u8>>().into(),
            labels: Arc::new(labels.to_vec()),
            classes: classes.iter().map(|name| name.to_string()).collect(),
            warnings: vec![],
        }
    }

    const VALUES: [u8; 6] = [20, 21, 120, 121, 220, 221];
    const LABELS: [u32; 6] = [0, 0, 1, 1, 2, 2];
    const FRUIT: [&str; 3] = ["apple", "banana", "cherry"];

    fn fruit() -> DataIdentity {
        DataIdentity::of(&data(&VALUES, &LABELS, &FRUIT))
    }

    fn now(values: &[u8], labels: &[u32], classes: &[&str]) -> String {
        fruit().differences(&DataIdentity::of(&data(values, labels, classes))).join("; ")
    }

    #[test]
    fn parts_are_known_by_what_they_were_split_from() {
        for (whole, seed) in [(data(&VALUES, &LABELS, &FRUIT), 1), (data(&VALUES, &[], &[]), 2)] {
            let (train, held_out) = whole.clone().split_held_out(2, seed).unwrap();
            assert_eq!(DataIdentity::of_parts(&train, &held_out, seed), DataIdentity::of(&whole));
        }
    }

    #[test]
    fn the_same_data_are_the_same_wherever_they_lie() {
        let elsewhere = Dataset { source: "/moved".into(), name: "f".into(), ..data(&VALUES, &LABELS, &FRUIT) };
        assert_eq!(fruit(), DataIdentity::of(&elsewhere));
        assert_eq!(fruit().differences(&DataIdentity::of(&elsewhere)), Vec::<String>::new());
    }

    #[test]
    fn a_renamed_class_is_named_and_so_is_the_one_that_would_bear_its_name() {
        // The folder apple renamed to zebra: banana's label becomes apple's.
        let text = now(&[120, 121, 220, 221, 20, 21], &LABELS, &["banana", "cherry", "zebra"]);
        assert!(text.contains("apple is gone, zebra is new"), "{text}");
        assert!(text.contains("class 0 of the network was apple, and would be called banana"), "{text}");
        let text = now(&VALUES, &LABELS, &["apple", "blueberry", "cherry"]);
        assert!(text.contains("banana is gone, blueberry is new") && text.contains("class 1"), "{text}");
    }

    #[test]
    fn an_added_and_a_missing_class_are_named() {
        let text =
            now(&[1, 20, 21, 120, 121, 220, 221], &[0, 1, 1, 2, 2, 3, 3], &["ananas", "apple", "banana", "cherry"]);
        assert!(text.contains("the class ananas is new") && text.contains("was apple"), "{text}");
        assert!(text.contains("there were 6 images, now there are 7"), "{text}");
        let text = now(&[20, 21, 120, 121], &[0, 0, 1, 1], &["apple", "banana"]);
        assert!(text.contains("the class cherry is gone"), "{text}");
        assert!(now(&VALUES, &[], &[]).contains("there were 3 classes (apple, banana, cherry), now there are none"));
    }

    #[test]
    fn other_counts_sizes_contents_and_orders_are_told_apart() {
        let text = now(&[20, 21, 22, 120, 121, 220, 221], &[0, 0, 0, 1, 1, 2, 2], &FRUIT);
        assert!(text.contains("apple had 2, now 3") && text.contains("6 images, now there are 7"), "{text}");
        let text = now(&[20, 21, 120, 121, 220, 222], &LABELS, &FRUIT);
        assert_eq!(text, "as many images, but not the same ones in cherry");
        let text = now(&[21, 20, 120, 121, 220, 221], &LABELS, &FRUIT);
        assert_eq!(text, "the same images of apple come in another order, as after renaming files");
        let text = now(&[20, 120, 21, 121, 220, 221], &[0, 1, 0, 1, 2, 2], &FRUIT);
        assert!(text.contains("mixed otherwise"), "{text}");
        let unlabelled = |values: &[u8]| DataIdentity::of(&data(values, &[], &[]));
        let text = unlabelled(&VALUES).differences(&unlabelled(&[21, 20, 120, 121, 220, 221])).join("; ");
        assert_eq!(text, "the same images come in another order, as after renaming files");
        let larger = Dataset { height: 4, width: 1, ..data(&VALUES, &LABELS, &FRUIT) };
        let text = fruit().differences(&DataIdentity::of(&larger)).join("; ");
        assert!(text.contains("the images were 2×2 grey, now they are 1×4 grey"), "{text}");
    }

    #[test]
    fn classes_that_were_swapped_and_labels_that_were_shifted_are_named() {
        // The folders apple and banana have changed their names.
        let text = now(&[120, 121, 20, 21, 220, 221], &LABELS, &FRUIT);
        assert_eq!(text, "the images of apple are called banana now, the images of banana are called apple now");
        let text = now(&VALUES, &[2, 0, 0, 1, 1, 2], &FRUIT);
        assert_eq!(
            text,
            "the same images under other labels: as many as before are called apple, banana, cherry, but others"
        );
        let text = now(&VALUES, &[1, 1, 2, 2, 0, 0], &FRUIT);
        assert!(text.contains("of apple are called banana") && text.contains("of cherry are called apple"), "{text}");
        // Of unlike counts, too.
        let before = DataIdentity::of(&data(&VALUES, &[0, 1, 1, 1, 1, 1], &["apple", "banana"]));
        let after = DataIdentity::of(&data(&VALUES, &[1, 0, 0, 0, 0, 0], &["apple", "banana"]));
        let text = before.differences(&after).join("; ");
        assert!(text.contains("apple had 1, now 5") && text.contains("of banana are called apple now"), "{text}");
    }

    #[test]
    fn an_older_identity_reads_and_is_told_apart_by_what_it_has() {
        let text = r#"{"images": 2, "height": 2, "width": 2, "channels": 1, "classes": [{"name": "a", "images": 2}],
                       "content": "00", "pictures": "11"}"#;
        let older: DataIdentity = serde_json::from_str(text).unwrap();
        let now = DataIdentity::of(&data(&[1, 2], &[0, 0], &["a"]));
        assert!(older.differences(&now)[0].contains("not the same ones (the hash"));
        let same_pictures = DataIdentity { pictures: now.pictures.clone(), ..older.clone() };
        assert!(same_pictures.differences(&now)[0].contains("another order, or under other labels"));
        let same = DataIdentity { content: now.content.clone(), ..same_pictures };
        assert_eq!(same.differences(&now), Vec::<String>::new());
        assert_eq!(serde_json::to_value(&older).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn an_image_twice_is_not_no_image_and_labels_count() {
        let twice = DataIdentity::of(&data(&[1, 1, 2, 2], &[], &[]));
        let other = DataIdentity::of(&data(&[3, 3, 4, 4], &[], &[]));
        assert_ne!(twice.pictures, other.pictures);
        let swapped = DataIdentity::of(&data(&VALUES, &[1, 1, 0, 0, 2, 2], &FRUIT));
        assert_eq!(swapped.pictures, fruit().pictures);
        assert!(fruit().differences(&swapped).join("").contains("the images of apple are called banana now"));
    }

    #[test]
    fn points_have_an_identity_too_and_it_is_kept_as_json() {
        let points = |seed: f32| Dataset { pixels: vec![seed, 0.5, -0.5, 1.0].into(), ..data(&[], &[], &[]) };
        let points = |seed| Dataset { height: 1, width: 1, channels: 2, ..points(seed) };
        let identity = DataIdentity::of(&points(0.25));
        assert_eq!(identity.images, 2);
        assert_ne!(identity.content, DataIdentity::of(&points(0.26)).content);
        let text = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<DataIdentity>(&text).unwrap(), identity);
    }
}
