//! What a network is told beside its input: the time, and the class where it knows classes.

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use super::embedding::{ClassEmbedding, TimeEmbedding, TimeFeatures};
use super::pass::{Pass, Told};
use crate::kernels;

/// Both embeddings, into the same D numbers.
pub(super) struct Conditioning {
    pub time_features: TimeFeatures,
    pub time_embedding: TimeEmbedding,
    /// `None`: unconditional.
    pub class_embedding: Option<ClassEmbedding>,
}

impl Conditioning {
    /// The embedding for every block.
    pub fn told(&self, t: &Tensor, class_labels: Option<&Tensor>, pass: &mut Pass) -> Result<Told> {
        let all = self.embed(t, class_labels, pass)?;
        let other = match pass.retimed {
            Some((block, t)) => Some((block, self.embed(t, class_labels, &mut Pass::default())?)),
            None => None,
        };
        Ok(Told { all, other })
    }

    /// The embedding of time and class behind the SiLU that every block begins with, `[N, D]`: taken once for all
    /// of them.
    fn embed(&self, t: &Tensor, class_labels: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        let features = self.time_features.forward(t)?;
        pass.show(|| "time_proj".into(), &features);
        let mut embedding = self.time_embedding.forward(&features)?;
        pass.show(|| "time_embedding".into(), &embedding);
        match (&self.class_embedding, class_labels) {
            (Some(table), Some(labels)) => {
                ensure!(labels.dims() == t.dims(), "{:?} class labels for {:?} times", labels.dims(), t.dims());
                embedding = (embedding + table.forward(labels)?)?;
            }
            (None, None) => {}
            (Some(_), None) => bail!("this network is class-conditional: it needs a class label for each sample"),
            (None, Some(_)) => bail!("this network is unconditional: it takes no class labels"),
        }
        Ok(kernels::silu(&embedding)?)
    }
}
