//! What can be explained.

/// One topic, in the order of the lessons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Forward,
    Time,
    Loss,
    TrainingStep,
    Bound,
    SamplingStep,
    Guidance,
    Plane,
    Data,
}

impl Topic {
    pub const ALL: [Self; 9] = [
        Self::Forward,
        Self::Time,
        Self::Loss,
        Self::TrainingStep,
        Self::Bound,
        Self::SamplingStep,
        Self::Guidance,
        Self::Plane,
        Self::Data,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Time => "time",
            Self::Loss => "loss",
            Self::TrainingStep => "training-step",
            Self::Bound => "bound",
            Self::SamplingStep => "sampling-step",
            Self::Guidance => "guidance",
            Self::Plane => "plane",
            Self::Data => "data",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Forward => "The forward process",
            Self::Time => "What t means",
            Self::Loss => "The loss",
            Self::TrainingStep => "One training step by hand",
            Self::Bound => "The loss per timestep and the variational bound",
            Self::SamplingStep => "One sampling step",
            Self::Guidance => "Classifier-free guidance",
            Self::Plane => "Score and velocity in the plane",
            Self::Data => "The data",
        }
    }

    /// What it says, in one line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Forward => "how noise comes in: one step of the chain, the closed form, and one pixel through it",
            Self::Time => "t as SNR, log-SNR and σ, and where signal and noise are equal",
            Self::Loss => "what the network is asked and answers, L_simple, the bound's term, score matching",
            Self::TrainingStep => "a batch, its gradient, clipping, AdamW's moments and the change of one weight",
            Self::Bound => "what a cell of the heatmap is, and the sum over t in bits/dim",
            Self::SamplingStep => "the sampler's update from t to s with its coefficients, for one pixel",
            Self::Guidance => "the conditional and the unconditional answer, and what guidance makes of them",
            Self::Plane => "score and velocity at a point in the plane, and its way from noise to data",
            Self::Data => "classes, means, the histogram of the pixels, and the standard deviation",
        }
    }

    /// Is it told by a path and the losses of a run alone, without data and network?
    pub fn needs_no_data(self) -> bool {
        matches!(self, Self::Time | Self::Bound)
    }

    /// By its name, or by the beginning of one that no other has; `t` is time, which it stands for.
    ///
    /// # Errors
    /// A sentence with the names: those that begin so, or the nearest.
    pub fn find(given: &str) -> Result<Self, String> {
        let wanted = given.to_lowercase().replace([' ', '_'], "-");
        if let Some(topic) = Self::ALL.into_iter().find(|topic| topic.name() == wanted) {
            return Ok(topic);
        }
        let begin: Vec<Self> = Self::ALL.into_iter().filter(|topic| topic.name().starts_with(&wanted)).collect();
        let names = Self::ALL.map(Self::name).join(", ");
        match begin.as_slice() {
            _ if wanted.is_empty() => return Err(format!("no topic is named; there are {names}")),
            _ if wanted == "t" => return Ok(Self::Time),
            [] => {}
            [topic] => return Ok(*topic),
            several => {
                let several: Vec<String> = several.iter().map(|topic| format!("`{}`", topic.name())).collect();
                return Err(format!("several topics begin so: {}", several.join(", ")));
            }
        }
        let distance = |topic: &Self| strsim::damerau_levenshtein(&wanted, topic.name());
        let nearest = Self::ALL.into_iter().min_by_key(distance).unwrap_or(Self::Forward);
        Err(format!("there is no such topic; did you mean `{}`? There are {names}", nearest.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_by_what_tells_them_apart() {
        for topic in Topic::ALL {
            assert_eq!(Topic::find(topic.name()), Ok(topic));
        }
        assert_eq!(Topic::find("Sampling"), Ok(Topic::SamplingStep));
        assert_eq!(Topic::find("training step"), Ok(Topic::TrainingStep));
        let message = Topic::find("guidence").unwrap_err();
        assert!(message.contains("`guidance`"), "{message}");
        assert_eq!((Topic::find("t"), Topic::find("tr")), (Ok(Topic::Time), Ok(Topic::TrainingStep)));
        assert!(Topic::find("").unwrap_err().starts_with("no topic is named; there are forward, "));
    }
}
