//! `difflab doctor --device DEVICE`: does the device compute what the CPU does?

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde::Serialize;

use super::device;
use crate::bench::{Compared, TOLERANCE, agreement};
use crate::speak;

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    device: &'a str,
    tolerance: f64,
    operations: &'a [Compared],
    agrees: bool,
}

/// Compares, and prints what came out.
///
/// # Errors
/// When there is no such device, an operation fails there, or one is too far from the CPU's.
pub fn run(name: &str, json: bool) -> Result<()> {
    let device = device::open(name)?;
    let spinner = ProgressBar::new_spinner();
    let operations = agreement(&device, |what| {
        spinner.set_message(format!("comparing: {what}"));
        spinner.tick();
    })?;
    spinner.finish_and_clear();
    let wrong = operations.iter().filter(|compared| !compared.agrees()).count();
    let text = if json {
        let report = Report { device: name, tolerance: TOLERANCE, operations: &operations, agrees: wrong == 0 };
        serde_json::to_string_pretty(&report).context("writing the report as JSON")? + "\n"
    } else {
        table(name, &operations)
    };
    speak::print(&text)?;
    if wrong > 0 {
        bail!("{wrong} of {} operations differ on {name} from the CPU by more than {TOLERANCE:.0e}", operations.len());
    }
    Ok(())
}

fn table(name: &str, operations: &[Compared]) -> String {
    let mut text = format!(
        "{name} against the CPU: the largest difference of result and gradients, as a share of the largest number (at most \
         {TOLERANCE:.0e})\n\n"
    );
    let width = operations.iter().map(|compared| compared.name.chars().count()).max().unwrap_or(0);
    for compared in operations {
        let word = if compared.agrees() { "" } else { "  differs" };
        text += &format!("  {:width$}  {:.1e}{word}\n", compared.name, compared.worst());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_what_differs() {
        let compared = |name: &str, d| Compared { name: name.into(), differences: vec![("result".into(), d)] };
        let text = table("cuda:0", &[compared("SiLU", 1e-7), compared("attention", 0.5)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines, ["  SiLU       1.0e-7", "  attention  5.0e-1  differs"]);
    }
}
