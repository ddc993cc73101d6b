//! Which operations ran, so that gradients go back through them without candle's graph.
//!
//! Candle adds each gradient to zeros that it makes first: two more passes over the memory of every argument of every
//! operation, where nearly all of them get one gradient. So while [`record`] runs, the operations' results are variables, leaves
//! of candle's graph, and a tape of this thread notes how each was made. [`Tape::backward`] lets candle walk from the loss to
//! the leaves, and goes on from there by itself.
//!
//! Between the operations candle may compute what it likes (rows of the time embedding, joined vectors): such a *detour* is
//! given its gradient whole, when every operation that was given it has told its part, and candle walks on from there to
//! its leaves.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Result, Shape, Tensor, TensorId, Var};

use super::bundle::{Bundle, nothing};
use super::device;
use super::storage::Numbers;

thread_local! {
    /// What is noted, while [`record`] runs on this thread.
    static NOTED: RefCell<Option<Tape>> = const { RefCell::new(None) };
}

/// The operations that ran, in their order.
#[derive(Default)]
pub struct Tape {
    steps: Vec<Step>,
    /// Detours that an operation was given.
    detours: HashSet<TensorId>,
}

/// An operation that ran.
struct Step {
    result: Tensor,
    arguments: Vec<Tensor>,
    /// Detours among the arguments that no operation was given before.
    begun: Vec<TensorId>,
    backward: Box<Backward>,
}

/// Of the arguments, the result and its gradient makes the arguments' gradients, where they want one.
type Backward = dyn Fn(&[Tensor], &Tensor, &Tensor) -> Result<Vec<Option<Tensor>>>;

/// What `forward` returns, and the operations of these kernels that it ran on this thread, on a CPU.
pub fn record<R>(forward: impl FnOnce() -> R) -> (R, Tape) {
    /// Takes the tape away even if `forward` panics.
    struct Noting;
    impl Drop for Noting {
        fn drop(&mut self) {
            NOTED.take();
        }
    }
    NOTED.set(Some(Tape::default()));
    let noting = Noting;
    let result = forward();
    let tape = NOTED.take().unwrap_or_default();
    drop(noting);
    (result, tape)
}

/// The result of an operation of one argument.
///
/// # Errors
/// What the operation reports.
pub(super) fn apply1(op: impl CustomOp1 + Send + Sync + 'static, a: &Tensor) -> Result<Tensor> {
    if !noting(&[a]) {
        return a.apply_op1(op);
    }
    let result = {
        let a = Numbers::of(a);
        op.cpu_fwd(a.storage()?, a.layout)?
    };
    note(result, vec![a.clone()], move |a, y, dy| Ok(vec![op.bwd(&a[0], y, dy)?]))
}

/// The result of an operation of two arguments.
///
/// # Errors
/// What the operation reports.
pub(super) fn apply2(op: impl CustomOp2 + Send + Sync + 'static, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !noting(&[a, b]) {
        return a.apply_op2(b, op);
    }
    let result = {
        let (a, b) = (Numbers::of(a), Numbers::of(b));
        op.cpu_fwd(a.storage()?, a.layout, b.storage()?, b.layout)?
    };
    let arguments = vec![a.clone(), b.clone()];
    note(result, arguments, move |a, y, dy| Ok(<[_; 2]>::from(op.bwd(&a[0], &a[1], y, dy)?).into()))
}

/// The result of an operation of three arguments.
///
/// # Errors
/// What the operation reports.
pub(super) fn apply3(op: impl CustomOp3 + Send + Sync + 'static, a: &Tensor, b: &Tensor, c: &Tensor) -> Result<Tensor> {
    if !noting(&[a, b, c]) {
        return a.apply_op3(b, c, op);
    }
    let result = forward3(&op, [a, b, c])?;
    let arguments = vec![a.clone(), b.clone(), c.clone()];
    note(result, arguments, move |a, y, dy| Ok(<[_; 3]>::from(op.bwd(&a[0], &a[1], &a[2], y, dy)?).into()))
}

/// The result of an operation of two arguments and those of a bundle, which it holds itself, and where it leaves their gradients.
///
/// # Errors
/// What the operation reports.
pub(super) fn apply_bundled(
    op: impl CustomOp3 + Send + Sync + 'static,
    a: &Tensor,
    b: &Tensor,
    bundle: &Arc<Bundle>,
) -> Result<Tensor> {
    let others = bundle.tensors();
    let all: Vec<&Tensor> = [a, b].into_iter().chain(others).collect();
    if !noting(&all) {
        return a.apply_op3(b, &bundle.token()?, op);
    }
    let nothing = nothing()?;
    let result = forward3(&op, [a, b, &nothing])?;
    let arguments: Vec<Tensor> = all.into_iter().cloned().collect();
    let bundle = bundle.clone();
    note(result, arguments, move |a, y, dy| {
        let (da, db, _) = op.bwd(&a[0], &a[1], &nothing, y, dy)?;
        Ok([da, db].into_iter().chain(bundle.take_all()).collect())
    })
}

fn forward3(op: &impl CustomOp3, arguments: [&Tensor; 3]) -> Result<(CpuStorage, Shape)> {
    let [a, b, c] = arguments.map(Numbers::of);
    op.cpu_fwd(a.storage()?, a.layout, b.storage()?, b.layout, c.storage()?, c.layout)
}

/// Whether what is made of these is noted.
fn noting(arguments: &[&Tensor]) -> bool {
    NOTED.with_borrow(Option::is_some) && arguments.iter().any(|a| a.track_op())
}

/// The result as a leaf, and on the tape.
fn note(
    (storage, shape): (CpuStorage, Shape),
    arguments: Vec<Tensor>,
    backward: impl Fn(&[Tensor], &Tensor, &Tensor) -> Result<Vec<Option<Tensor>>> + 'static,
) -> Result<Tensor> {
    let CpuStorage::F32(numbers) = storage else { candle_core::bail!("a kernel gave numbers that are not f32") };
    let result = Var::from_vec(numbers, shape, &Device::Cpu)?.into_inner();
    NOTED.with_borrow_mut(|tape| {
        let Some(tape) = tape else { return };
        let new = |a: &&Tensor| is_detour(a) && tape.detours.insert(a.id());
        let begun = arguments.iter().filter(new).map(Tensor::id).collect();
        tape.steps.push(Step { result: result.clone(), arguments, begun, backward: Box::new(backward) });
    });
    Ok(result)
}

/// Whether candle computed it of something that wants a gradient.
fn is_detour(tensor: &Tensor) -> bool {
    tensor.track_op() && !tensor.is_variable()
}

impl Tape {
    /// All gradients of a scalar that was computed while the tape was recorded. What an operation kept is let go as soon as
    /// the way back has passed it.
    ///
    /// # Errors
    /// When an operation on the way has no gradient.
    pub fn backward(self, loss: &Tensor) -> Result<GradStore> {
        let mut gradients = device::backward(loss)?;
        let numbers: HashMap<TensorId, usize> =
            self.steps.iter().enumerate().map(|(i, step)| (step.result.id(), i)).collect();
        let (mut partial, mut whole) = (HashMap::new(), Detours::default());
        for (i, step) in self.steps.into_iter().enumerate().rev() {
            if whole.last.is_some_and(|last| last >= i) {
                std::mem::take(&mut whole).walk(&mut gradients)?;
            }
            let Some(dy) = gradients.remove(&step.result) else { continue };
            let parts = (step.backward)(&step.arguments, &step.result, &dy)?;
            for (argument, part) in step.arguments.iter().zip(parts) {
                let Some(part) = part else { continue };
                if argument.is_variable() {
                    add(&mut gradients, argument.id(), part)?;
                } else if is_detour(argument) {
                    add_part(&mut partial, argument, part)?;
                }
            }
            // Operations before this one were not given them.
            for detour in step.begun {
                if let Some((tensor, gradient)) = partial.remove(&detour) {
                    whole.push(tensor, gradient, &numbers);
                }
            }
        }
        whole.walk(&mut gradients)?;
        Ok(gradients)
    }
}

/// Tensors that candle computed, and their gradients.
#[derive(Default)]
struct Detours {
    tensors: Vec<Tensor>,
    gradients: Vec<Option<Tensor>>,
    /// The last operation on the tape whose result any was computed of.
    last: Option<usize>,
}

impl Detours {
    fn push(&mut self, tensor: Tensor, gradient: Tensor, numbers: &HashMap<TensorId, usize>) {
        let made_of = tensor.sorted_nodes().into_iter().filter_map(|leaf| numbers.get(&leaf.id()).copied()).max();
        self.last = self.last.max(made_of);
        self.tensors.push(tensor);
        self.gradients.push(Some(gradient));
    }

    /// On to the leaves that they were computed of.
    fn walk(self, gradients: &mut GradStore) -> Result<()> {
        if self.tensors.is_empty() {
            return Ok(());
        }
        let bundle = Bundle::new(self.tensors);
        let token = bundle.token()?;
        bundle.leave(self.gradients);
        gradients.extend(device::backward(&token)?)
    }
}

fn add(gradients: &mut GradStore, id: TensorId, part: Tensor) -> Result<()> {
    let sum = match gradients.get_id(id) {
        Some(others) => (others + part)?,
        None => part,
    };
    gradients.insert_id(id, sum);
    Ok(())
}

fn add_part(parts: &mut HashMap<TensorId, (Tensor, Tensor)>, argument: &Tensor, part: Tensor) -> Result<()> {
    let sum = match parts.remove(&argument.id()) {
        Some((_, others)) => (others + part)?,
        None => part,
    };
    parts.insert(argument.id(), (argument.clone(), sum));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::config::Precision::F32;
    use crate::kernels::{self, Padding, ResidualBlock};
    use crate::random::{Stream, generator, normal};

    fn numbers(seed: u64, shape: &[usize]) -> Vec<f32> {
        normal(&mut generator(seed, Stream::Noise, 0), shape.iter().product())
    }

    /// Variables of these shapes.
    fn variables(shapes: &[&[usize]]) -> Vec<Var> {
        let of =
            |(i, shape): (usize, &&[usize])| Var::from_vec(numbers(i as u64, shape), *shape, &Device::Cpu).unwrap();
        shapes.iter().enumerate().map(of).collect()
    }

    /// Asserts that both ways back find the same gradients of all variables.
    fn agree(variables: &[Var], loss: impl Fn(&[&Tensor]) -> Result<Tensor>) {
        let tensors: Vec<&Tensor> = variables.iter().map(Var::as_tensor).collect();
        let theirs = loss(&tensors).unwrap();
        let (ours, tape) = record(|| loss(&tensors).unwrap());
        assert!(!tape.steps.is_empty());
        let value = |loss: &Tensor| loss.to_scalar::<f32>().unwrap();
        assert_eq!(value(&ours), value(&theirs));
        let (ours, theirs) = (tape.backward(&ours).unwrap(), theirs.backward().unwrap());
        assert_eq!(ours.get_ids().count(), theirs.get_ids().count(), "no results among the variables stay");
        for (i, variable) in variables.iter().enumerate() {
            let all = |of: &GradStore| of.get(variable).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let (ours, theirs) = (all(&ours), all(&theirs));
            let most = theirs.iter().fold(0f32, |most, x| most.max(x.abs()));
            assert!(most > 0.0, "nothing depends on variable {i}");
            let off = ours.iter().zip(&theirs).fold(0f32, |off, (a, b)| off.max((a - b).abs()));
            assert!(off <= 1e-6 * most, "variable {i}: {off} of {most}");
        }
    }

    #[test]
    fn detours_over_candle_get_their_gradients_whole_before_they_pass_them_on() {
        let of: [&[usize]; 10] =
            [&[2, 6, 6, 16], &[3, 3, 16, 16], &[16], &[2, 8], &[8, 32], &[32], &[16], &[16], &[3, 3, 16, 16], &[16]];
        agree(&variables(&of), |v| {
            let [x, w, b, time, w_time, b_time, scale, shift, w2, b2] = v[..] else { unreachable!() };
            // Candle's own operations make weight and bias of the normalizations from it, twice.
            let rows = kernels::silu(&kernels::linear(time, w_time, b_time, F32)?)?;
            let h = kernels::conv2d(x, w, b, 1, Padding::Same, F32)?;
            let (weight, bias) = kernels::film(&rows, scale, shift)?;
            let first = kernels::norm_silu_conv2d(&h, (&weight, &bias), 4, 1e-5, w2, b2, F32)?;
            let (weight, bias) = kernels::film(&(&rows * 0.5)?, scale, shift)?;
            let second = kernels::group_norm(&first, &weight, &bias, 4, 1e-5, true)?;
            // A result that candle takes apart, and one that is in the loss itself.
            let third = kernels::add(&second, &(first.narrow(0, 0, 2)? * 2.0)?)?;
            let fourth = kernels::concat_channels(&third, &h)?;
            let error = kernels::squared_error(&fourth, &Tensor::zeros_like(&fourth.detach())?)?;
            (error * Tensor::new(&[1f32, 3.0], &Device::Cpu)?)?.sum_all()? + (rows.sqr()?.mean_all()? * 0.1)?
        });
    }

    #[test]
    fn one_argument_in_three_places_and_one_used_by_operations_far_apart() {
        let of: [&[usize]; 2] = [&[2, 4, 4, 8], &[2, 8, 8, 8]];
        agree(&variables(&of), |v| {
            let h = kernels::silu(v[0])?;
            let attended = kernels::attention(&h, &h, &h, 2, F32)?;
            let large = kernels::upsample_nearest2x(&kernels::add(&attended, &h)?)?;
            kernels::squared_error(&kernels::silu(&large)?, &kernels::silu(v[1])?)?.sum_all()
        });
    }

    #[test]
    fn a_block_hands_on_the_gradients_of_the_parameters_that_it_holds() {
        let of: [&[usize]; 12] = [
            &[2, 6, 6, 16],
            &[2, 6, 6, 16],
            &[32],
            &[32],
            &[3, 3, 32, 16],
            &[16],
            &[16],
            &[16],
            &[3, 3, 16, 16],
            &[16],
            &[1, 1, 32, 16],
            &[16],
        ];
        agree(&variables(&of), |v| {
            let block = ResidualBlock {
                norm1: (v[2], v[3]),
                // A detour, which the token stands for elsewhere.
                conv1: (v[4], &(v[5] * 2.0)?),
                norm2: (v[6], v[7]),
                conv2: (v[8], v[9]),
                shortcut: Some((v[10], v[11])),
                groups: 4,
                eps: 1e-5,
                output_scale_factor: 1.5,
                precision: F32,
            };
            kernels::residual_block(v[0], Some(v[1]), &block)?.sqr()?.mean_all()
        });
    }

    #[test]
    fn nothing_is_noted_outside_nor_of_what_wants_no_gradient() {
        let x = &variables(&[&[2, 3]])[0];
        let result = catch_unwind(AssertUnwindSafe(|| record(|| -> usize { panic!("on purpose") })));
        assert!(result.is_err());
        let y = kernels::silu(x).unwrap();
        assert!(y.track_op() && !y.is_variable(), "a node of candle's graph");
        let (y, tape) = record(|| kernels::silu(&x.as_detached_tensor()).unwrap());
        assert!(!y.track_op() && tape.steps.is_empty());
        let (y, tape) = record(|| kernels::silu(x).unwrap());
        assert!(y.is_variable() && tape.steps.len() == 1);
    }
}
