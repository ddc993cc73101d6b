//! The identity of data that is found out while others go on.

use std::sync::{Arc, OnceLock};
use std::thread;

use super::{DataIdentity, Dataset};

/// Which data these are: known, or soon.
#[derive(Clone, Debug)]
pub struct Identified(Arc<OnceLock<DataIdentity>>);

impl Identified {
    /// Known already.
    pub fn now(identity: DataIdentity) -> Self {
        Self(Arc::new(OnceLock::from(identity)))
    }

    /// Of the data that [`Dataset::split_held_out`] split by `seed` into these parts: a thread looks through them, so
    /// that training need not wait.
    pub fn later(train: &Dataset, held_out: &Dataset, seed: u64) -> Self {
        let later = Self(Arc::default());
        let find = {
            let (later, train, held_out) = (later.clone(), train.clone(), held_out.clone());
            move || _ = later.0.set(DataIdentity::of_parts(&train, &held_out, seed))
        };
        if thread::Builder::new().name("difflab-identity".into()).spawn(find).is_err() {
            return Self::now(DataIdentity::of_parts(train, held_out, seed));
        }
        later
    }

    /// The identity, once it is known.
    pub fn get(&self) -> &DataIdentity {
        self.0.wait()
    }
}

impl PartialEq for Identified {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_later_is_what_is_known_now() {
        let data = Dataset {
            name: "shades".into(),
            source: "made here".into(),
            height: 2,
            width: 2,
            channels: 1,
            pixels: (0..=255).flat_map(|value| [value; 4]).collect::<Vec<u8>>().into(),
            labels: Arc::new((0..=255).map(|value| value / 128).collect()),
            classes: vec!["dark".into(), "light".into()],
            warnings: Vec::new(),
        };
        let now = Identified::now(DataIdentity::of(&data));
        for held_out in [0, 3, 200] {
            let (train, held_out) = data.clone().split_held_out(held_out, 7).unwrap();
            assert_eq!(Identified::later(&train, &held_out, 7).get(), now.get());
        }
    }
}
