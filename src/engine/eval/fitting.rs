//! Are some data what a judge reads? Their classes may be called so by chance: a file of labels has numbers, whatever they
//! stand for.

use anyhow::Result;
use candle_core::Device;

use super::judge::Judge;
use crate::data::Dataset;
use crate::train::images;

/// Images that are looked at.
const LOOKED_AT: usize = 200;
/// Of fewer, nothing is concluded.
const FEW: usize = 30;

/// Does the judge read at least half of these images as they are labelled? Where too few have labels it is taken for
/// granted.
///
/// # Errors
/// Images of a shape that the judge doesn't take.
pub fn reads(judge: &Judge, data: &Dataset) -> Result<bool> {
    let indices = data.spread(LOOKED_AT);
    let labels = data.class_of(&indices);
    if labels.len() < FEW || labels.len() != indices.len() {
        return Ok(true);
    }
    let read = judge.classify(&images(data, &indices, &Device::Cpu)?)?;
    let right = read.iter().zip(&labels).filter(|(read, label)| **read == **label as usize).count();
    Ok(2 * right >= labels.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DataConfig;
    use crate::data;
    use crate::eval::JudgeOf;

    #[test]
    fn each_judge_reads_its_own_data_and_not_the_other_ones() {
        let load = |name: &str| data::load(&DataConfig { dataset: name.into(), ..DataConfig::default() }).unwrap();
        let (digits, clothes) = (load("mnist-10k"), load("fashion-mnist-10k"));
        let judges = JudgeOf::ALL.map(|of| Judge::load(of).unwrap());
        assert!(reads(&judges[0], &digits).unwrap() && reads(&judges[1], &clothes).unwrap());
        assert!(!reads(&judges[0], &clothes).unwrap() && !reads(&judges[1], &digits).unwrap());
        let few = digits.split_held_out(20, 0).unwrap().1;
        assert!(reads(&judges[1], &few).unwrap(), "too few to say");
    }
}
