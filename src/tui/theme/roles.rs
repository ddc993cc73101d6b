//! What a piece of the screen is.

use crate::config::ScheduleName;

/// What a piece of the screen is; its style follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What should be read.
    Text,
    /// Numbers that matter most: bold.
    Strong,
    /// Units, ticks, hints.
    Dim,
    /// Lines around panels, grid lines, dots between words: nothing that tells something.
    Border,
    /// Focus and the cursor t; nothing else.
    Accent,
    Train,
    /// The raw loss behind its smoothed line.
    TrainFaint,
    HeldOut,
    Noisy,
    Clean,
    Schedule(ScheduleName),
    /// A schedule that is not the run's.
    ScheduleFaint(ScheduleName),
    Good,
    Warning,
    Error,
}

const SCHEDULES: [ScheduleName; 6] = [
    ScheduleName::Linear,
    ScheduleName::ScaledLinear,
    ScheduleName::Cosine,
    ScheduleName::Sigmoid,
    ScheduleName::SigmoidJabri,
    ScheduleName::Given,
];

impl Role {
    /// How many there are.
    pub const COUNT: usize = 13 + 2 * SCHEDULES.len();

    /// Each of them, in the order of [`Role::index`].
    pub fn all() -> impl Iterator<Item = Role> {
        let plain = [
            Role::Text,
            Role::Strong,
            Role::Dim,
            Role::Border,
            Role::Accent,
            Role::Train,
            Role::TrainFaint,
            Role::HeldOut,
            Role::Noisy,
            Role::Clean,
            Role::Good,
            Role::Warning,
            Role::Error,
        ];
        plain
            .into_iter()
            .chain(SCHEDULES.into_iter().map(Role::Schedule))
            .chain(SCHEDULES.into_iter().map(Role::ScheduleFaint))
    }

    /// Its place among all, below [`Role::COUNT`].
    pub fn index(self) -> usize {
        let schedule = |name| match name {
            ScheduleName::Linear => 0,
            ScheduleName::ScaledLinear => 1,
            ScheduleName::Cosine => 2,
            ScheduleName::Sigmoid => 3,
            ScheduleName::SigmoidJabri => 4,
            ScheduleName::Given => 5,
        };
        match self {
            Role::Text => 0,
            Role::Strong => 1,
            Role::Dim => 2,
            Role::Border => 3,
            Role::Accent => 4,
            Role::Train => 5,
            Role::TrainFaint => 6,
            Role::HeldOut => 7,
            Role::Noisy => 8,
            Role::Clean => 9,
            Role::Good => 10,
            Role::Warning => 11,
            Role::Error => 12,
            Role::Schedule(name) => 13 + schedule(name),
            Role::ScheduleFaint(name) => 13 + SCHEDULES.len() + schedule(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_a_place_of_its_own() {
        let places: Vec<usize> = Role::all().map(Role::index).collect();
        assert_eq!(places, (0..Role::COUNT).collect::<Vec<_>>());
    }
}
