//! How much of the data training never sees.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// From here on a number of held-out images is more than anyone means: one in so many.
const TOO_MANY: usize = 5;
/// Whole numbers up to here are exact as f64.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// `data.held_out`: below 1 a share of the images, from 1 on their number (0: none).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum HeldOut {
    Count(usize),
    /// Between 0 and 1, once validated.
    Share(f64),
}

impl HeldOut {
    /// How many of so many images are held out; a share is rounded down.
    pub fn of(self, images: usize) -> usize {
        match self {
            HeldOut::Count(count) => count,
            HeldOut::Share(share) => (share * images as f64) as usize,
        }
    }

    /// A warning where so many images lose much of themselves to the held-out set, or have too few for one.
    pub fn doubt(self, images: usize) -> Option<String> {
        match self {
            HeldOut::Count(count) if count > images / TOO_MANY && count < images => Some(format!(
                "data.held_out = {count} keeps {count} of the {images} images out of training; set data.held_out = \
                 0.05, a share of them"
            )),
            // A share is meant as one, up to where most is held out.
            HeldOut::Share(share) if self.of(images) > images / 2 => Some(format!(
                "data.held_out = {share} keeps {} of the {images} images out of training; set data.held_out = 0.05, a \
                 share of them",
                self.of(images)
            )),
            HeldOut::Share(share) if self.of(images) == 0 => Some(format!(
                "data.held_out = {share} of {images} images is less than one: none is held out, and there is no \
                 held-out loss. Set data.held_out = 0 if that is meant, or data.held_out = 1"
            )),
            _ => None,
        }
    }

    /// Is it a number or a share of images?
    pub(super) fn is_possible(self) -> bool {
        match self {
            HeldOut::Count(_) => true,
            HeldOut::Share(share) => share > 0.0 && share < 1.0,
        }
    }
}

impl From<f64> for HeldOut {
    /// What is neither a whole number nor a share stays as it is, for validation to refuse.
    fn from(number: f64) -> Self {
        match number.fract() == 0.0 && (0.0..=LARGEST).contains(&number) {
            true => HeldOut::Count(number as usize),
            false => HeldOut::Share(number),
        }
    }
}

impl<'de> Deserialize<'de> for HeldOut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Display for HeldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeldOut::Count(count) => count.fmt(f),
            HeldOut::Share(share) => share.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn set(value: &str) -> Config {
        Config::default().with_overrides(&[format!("data.held_out={value}")]).unwrap()
    }

    #[test]
    fn below_one_it_is_a_share_and_from_one_on_a_number() {
        assert_eq!(set("0.1").data.held_out, HeldOut::Share(0.1));
        assert_eq!([set("1000"), set("0"), set("1"), set("3.0")].map(|c| c.data.held_out), {
            [1000, 0, 1, 3].map(HeldOut::Count)
        });
        assert_eq!([20, 200, 1500, 60_000].map(|n| HeldOut::Share(0.05).of(n)), [1, 10, 75, 3000]);
        assert_eq!(HeldOut::Share(0.05).of(19), 0);
        assert_eq!(HeldOut::Count(1000).of(200), 1000, "a number means what it says");
    }

    #[test]
    fn it_comes_back_as_it_was_written() {
        for (value, line) in [("1000", "held_out = 1000\n"), ("0.05", "held_out = 0.05\n"), ("0", "held_out = 0\n")] {
            let text = set(value).to_toml();
            assert!(text.contains(line), "{text}");
            assert_eq!(Config::from_toml(&text, "x").unwrap(), set(value));
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_both_ways_to_say_it() {
        for value in ["1.5", "-1", "-0.1", "nan", "inf", "1e300"] {
            let message = set(value).validate().unwrap_err().to_string();
            assert!(message.contains("data.held_out") && message.contains("0.05"), "{value}: {message}");
        }
    }

    #[test]
    fn the_default_is_at_most_a_tenth_of_any_data_and_a_large_number_is_doubted() {
        for images in [3, 10, 200, 1500, 60_000] {
            assert!(Config::default().data.held_out.of(images) <= images / 10);
        }
        let doubt = HeldOut::Count(1000).doubt(1500).unwrap();
        assert!(doubt.contains("1000 of the 1500 images") && doubt.contains("held_out = 0.05"), "{doubt}");
        assert_eq!(HeldOut::Count(1000).doubt(60_000), None);
        assert_eq!(HeldOut::Share(0.05).doubt(200), None);
        assert!(HeldOut::Share(0.05).doubt(10).unwrap().contains("none is held out"));
        assert_eq!(HeldOut::Count(0).doubt(10), None);
        let of_sixty = [HeldOut::Count(59), HeldOut::Share(0.999)].map(|held_out| held_out.doubt(60).unwrap());
        assert!(
            of_sixty.iter().all(|doubt| doubt.contains("keeps 59 of the 60 images out of training")),
            "{of_sixty:?}"
        );
        assert_eq!(HeldOut::Share(0.3).doubt(60), None, "a share is meant as one");
    }
}
