//! What the screen costs: drawing, memory, the answer to a key, and the training's throughput.
//!
//! ```text
//! cargo bench --bench lab              everything, about five minutes
//! cargo bench --bench lab -- drawing   only what needs no training: frames and memory
//! ```
//!
//! Prints Markdown tables, as they stand in `docs/benchmarks.md`.

mod drawing;
mod program;

fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
    if wanted("drawing") {
        drawing::measure();
    }
    if wanted("keys") {
        program::key_to_frame();
    }
    if wanted("throughput") {
        program::throughput();
    }
}

/// Sorted; the value at `share` of the way, 0 to 1.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}
