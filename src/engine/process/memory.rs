//! How much memory there is, and how much of it is this process's.

/// Bytes that the system says could be had without swapping; `None` where it doesn't say.
pub fn free_memory() -> Option<u64> {
    kib_after(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// Bytes of memory that the machine has; `None` where the system doesn't say.
pub fn total_memory() -> Option<u64> {
    kib_after(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// Bytes that this process has in RAM now; `None` where the system doesn't say.
pub fn resident_memory() -> Option<u64> {
    kib_after(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The number of kiB behind `name`, in bytes.
fn kib_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_in_bytes() {
        assert_eq!(kib_after("MemFree: 1 kB\nMemAvailable:   2048 kB\n", "MemAvailable:"), Some(2 << 20));
        assert_eq!(kib_after("MemAvailable: much kB", "MemAvailable:"), None);
        assert_eq!(kib_after("", "VmRSS:"), None);
    }
}
