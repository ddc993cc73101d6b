//! One process that works with no other.

use anyhow::Result;

use super::collective::Collective;

/// The only rank there is: what it gives it gets back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn host(&self) -> String {
        "this machine".into()
    }

    fn barrier(&self) -> Result<()> {
        Ok(())
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }

    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![bytes])
    }

    fn all_gather_floats(&self, floats: Vec<f32>, _counts: Vec<usize>) -> Result<Vec<f32>> {
        Ok(floats)
    }

    fn all_to_all(&self, floats: Vec<f32>, _to: Vec<usize>, _from: Vec<usize>) -> Result<Vec<f32>> {
        Ok(floats)
    }

    fn abort(&self, code: u8) -> ! {
        std::process::exit(code.into())
    }

    fn leave(&self) -> Result<()> {
        Ok(())
    }
}
