//! By what a file is told from another of the same name.

use std::fs::Metadata;

/// Device and number of a file, which it keeps when it is renamed; `None` where the standard library doesn't tell (Windows).
pub fn file_id(about: &Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((about.dev(), about.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = about;
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_keeps_its_number_under_another_name_and_no_other_has_it() {
        let place = tempfile::tempdir().unwrap();
        let (a, b, c) = (place.path().join("a"), place.path().join("b"), place.path().join("c"));
        let id = |path| file_id(&fs::metadata(path).unwrap()).unwrap();
        fs::write(&a, "").unwrap();
        let before = id(&a);
        fs::rename(&a, &b).unwrap();
        fs::write(&c, "").unwrap();
        assert_eq!(id(&b), before);
        assert_ne!(id(&c), before);
    }
}
