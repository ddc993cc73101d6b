//! Clipping of the gradient by its global norm (Pascanu et al. 2013, "On the difficulty of training recurrent neural
//! networks", algorithm 1).

/// What gradients are multiplied by, so that their global norm is at most `max_grad_norm`; 0: any norm is allowed.
pub fn clipping(max_grad_norm: f64, grad_norm: f64) -> f64 {
    if max_grad_norm > 0.0 && grad_norm > max_grad_norm { max_grad_norm / grad_norm } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_made_shorter() {
        assert_eq!((clipping(1.0, 4.0), clipping(1.0, 0.5), clipping(0.0, 4.0)), (0.25, 1.0, 1.0));
    }
}
