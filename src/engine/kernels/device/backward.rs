//! The way back through candle's graph, with the gradients of the weights taken out of its hands.
//!
//! Candle adds each gradient to zeros that it makes first: a kernel and a memory more for every argument of every operation.
//! A weight is the argument of one operation, as a rule, so its gradient is put aside as it is. On a GPU that keeps up with
//! a network of small layers only if it is told little, these calls count.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, TensorId};

thread_local! {
    /// Gradients of variables, while [`backward`] runs on this thread.
    static ASIDE: RefCell<Option<HashMap<TensorId, Tensor>>> = const { RefCell::new(None) };
}

/// All gradients of a scalar.
///
/// # Errors
/// When an operation on the way has no gradient.
pub fn backward(loss: &Tensor) -> Result<GradStore> {
    ASIDE.with_borrow_mut(|aside| *aside = Some(HashMap::new()));
    let gradients = loss.backward();
    let aside = ASIDE.with_borrow_mut(Option::take);
    let mut gradients = gradients?;
    for (id, gradient) in aside.into_iter().flatten() {
        let sum = match gradients.get_id(id) {
            Some(others) => (others + gradient)?,
            None => gradient,
        };
        gradients.insert_id(id, sum);
    }
    Ok(gradients)
}

/// Keeps the gradient of a variable aside, where [`backward`] runs on this thread; else gives it back, for candle.
pub(super) fn put_aside(argument: &Tensor, gradient: Tensor) -> Result<Option<Tensor>> {
    if !argument.is_variable() {
        return Ok(Some(gradient));
    }
    ASIDE.with_borrow_mut(|aside| {
        let Some(aside) = aside else { return Ok(Some(gradient)) };
        let sum = match aside.remove(&argument.id()) {
            Some(others) => (others + gradient)?,
            None => gradient,
        };
        aside.insert(argument.id(), sum);
        Ok(None)
    })
}
