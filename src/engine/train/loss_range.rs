//! Between which values the loss was while nothing was logged.

/// The least and the largest of some losses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossRange(Option<(f64, f64)>);

impl LossRange {
    /// With one loss more.
    pub fn with(self, loss: f64) -> Self {
        let (least, most) = self.0.unwrap_or((loss, loss));
        Self(Some((least.min(loss), most.max(loss))))
    }

    /// Least and most; `None` of none.
    pub fn parts(&self) -> Option<(f64, f64)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_range_of_what_was_taken_in() {
        assert_eq!(LossRange::default().parts(), None);
        let range = [0.5, 0.2, 0.9, 0.3].into_iter().fold(LossRange::default(), LossRange::with);
        assert_eq!(range.parts(), Some((0.2, 0.9)));
    }
}
