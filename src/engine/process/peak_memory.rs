//! The process's peak memory.

/// The most memory that this process has had in RAM at once, in bytes; `None` where the system
/// doesn't say it in a file (anything but Linux).
pub fn peak_resident_bytes() -> Option<u64> {
    high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// [`peak_resident_bytes`] in MiB, to the tenth.
pub fn peak_resident_mib() -> Option<f64> {
    peak_resident_bytes().map(|bytes| (10.0 * bytes as f64 / f64::from(1 << 20)).round() / 10.0)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        let status = "Name:\tdifflab\nVmPeak:\t  999 kB\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(high_water_mark(status), Some(123_456 * 1024));
        assert_eq!(high_water_mark("VmHWM: much kB"), None);
        assert_eq!(high_water_mark(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_was_used_is_in_the_peak() {
        let bytes = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_resident_bytes().unwrap() >= bytes.len() as u64);
        assert!(peak_resident_mib().unwrap() >= 64.0);
    }
}
