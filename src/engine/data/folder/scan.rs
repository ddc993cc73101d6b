//! A folder of pictures, looked at: which files are pictures, of which class and size.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::kind::{READ, ending};
use super::label_file::{self, LabelFile, Labels};
use super::listing::{Listed, Listing, list};
use super::open::{Look, Refusal, look, not_read};
use crate::data::classes::{presentable, sort, without_holes};
use crate::data::parallel::in_parallel;
use crate::data::shown::{shown, shown_path};
use crate::data::undecodable::told_by_system;
use crate::data::watch::Watch;
use crate::data::{DataError, LeftOut, Survey};
use crate::thousands::thousands;

/// A picture that can be read, as far as its header tells.
#[derive(Debug, PartialEq)]
pub struct FoundPicture {
    pub path: PathBuf,
    /// 0 where there are no classes.
    pub class: u32,
    pub look: Look,
}

/// What lies in a folder of pictures.
#[derive(Debug, Default)]
pub struct Scan {
    /// Names of the classes, each with a picture at least; empty when unlabelled.
    pub classes: Vec<String>,
    /// By class, and then by path.
    pub pictures: Vec<FoundPicture>,
    /// Files that should be pictures and are not, each with the reason: "it is truncated".
    pub broken: Vec<(String, String)>,
    /// Why a labels file gives no picture a class, if so.
    unlabelled: Option<String>,
    pub left_out: Vec<LeftOut>,
    pub notes: Vec<String>,
}

/// Names of folders that hold parts of a dataset rather than classes.
const SPLITS: [&str; 8] = ["train", "training", "test", "testing", "val", "valid", "validation", "dev"];

/// Looks through a folder. Labels are those of a labels file in it, else the sub-folders'.
///
/// # Errors
/// A folder that is missing or can't be read, and a labels file that is broken.
pub fn scan(folder: &Path, watch: &mut Watch) -> Result<Scan, DataError> {
    let missing = |problem: &str| Err(DataError::Missing { path: shown_path(folder), problem: problem.into() });
    match std::fs::metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return missing("there is no such folder; check data.path");
        }
        Err(error) => return Err(DataError::Unreadable { path: shown_path(folder), reason: told_by_system(&error) }),
        Ok(about) if about.is_dir() => {}
        Ok(about) if about.is_file() => {
            return missing("it is a file, and a folder of pictures is needed");
        }
        Ok(_) => return missing("it is no folder, and a folder of pictures is needed"),
    }
    let Listing { folders, files, left_out } = list(folder)?;
    let total = files.len();
    let label_file = label_file::find(folder)?;
    let label_file_used = label_file.as_ref().map(|labels| shown_path(labels.path()));
    let of_labels = |path: &Path| label_file.as_ref().is_some_and(|labels| labels.path() == path);
    let looks = in_parallel(files.iter(), total, "looking at", watch, |file| Ok(look(&file.path)))?;

    let mut scan = Scan { left_out, ..Scan::default() };
    let (mut pictures, mut unused) = (Vec::new(), Vec::new());
    for (file, look) in files.into_iter().zip(looks) {
        match look.unwrap_or_else(|reason| Err(Refusal::Unusable(reason))) {
            Ok(look) => pictures.push((file, look)),
            Err(_) if of_labels(&file.path) => {}
            Err(Refusal::NoPicture) if label_file::is_named_as_one(&file.path) => unused.push(file.path),
            Err(Refusal::NoPicture) if is_paperwork(&file.path) => {}
            Err(refusal) => scan.leave_out(&file.path, refusal),
        }
    }
    match label_file {
        Some(Labels::Classes(labels)) => scan.label_by_file(folder, pictures, labels),
        Some(Labels::NoClasses(path)) => {
            let said = format!("{} has no classes (`class` or `label`), so it is not used", shown_path(&path));
            scan.notes.push(said);
            scan.label_by_folder(pictures, folders);
        }
        None => scan.label_by_folder(pictures, folders),
    }
    for path in unused {
        let why = match label_file_used {
            Some(ref used) if path.parent() == Some(folder) => format!("{used} comes before it"),
            _ => "only one that lies in the folder itself is read".to_string(),
        };
        LeftOut::add(&mut scan.left_out, "label files", &why, shown_path(&path));
    }
    scan.drop_empty_classes();
    scan.classes = presentable(std::mem::take(&mut scan.classes));
    scan.remark_on_splits(folder);
    Ok(scan)
}

/// A path as a shell takes it.
fn for_the_shell(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%,:=~".contains(c);
    // A leading tilde would be taken for somebody's home.
    match !path.is_empty() && path.chars().all(plain) && !path.starts_with('~') {
        true => path.into(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// Is it what lies beside most sets of pictures, and is nobody's data: LICENSE, README.md, Thumbs.db?
fn is_paperwork(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    ["license", "licence", "notice", "copying", "readme", "data-card", "thumbs", "desktop"].contains(&stem.as_str())
}

impl Scan {
    fn leave_out(&mut self, path: &Path, refusal: Refusal) {
        let ending = ending(path);
        let what = match ending.as_str() {
            "" => "files without an ending".to_string(),
            ending => format!(".{} files", shown(ending)),
        };
        match refusal {
            Refusal::Unusable(reason) => self.broken.push((shown_path(path), reason)),
            Refusal::Other(called) => LeftOut::add(&mut self.left_out, &what, &not_read(called), shown_path(path)),
            Refusal::NoPicture => LeftOut::add(&mut self.left_out, &what, "no pictures", shown_path(path)),
            Refusal::NotAFile(kind) => LeftOut::add(&mut self.left_out, kind, "not opened", shown_path(path)),
        }
    }

    fn label_by_folder(&mut self, pictures: Vec<(Listed, Look)>, folders: Vec<String>) {
        let labelled = pictures.iter().any(|(file, _)| file.folder.is_some());
        if labelled {
            // Sorted as bytes in the listing; classes may sort as numbers.
            let mut sorted = folders.clone();
            sort(&mut sorted);
            let mut taken = vec![false; sorted.len()];
            let place = |name: &String| {
                let place = (0..sorted.len()).find(|&i| sorted[i] == *name && !taken[i]).unwrap_or(0);
                taken[place] = true;
                place as u32
            };
            let class_of: Vec<u32> = folders.iter().map(place).collect();
            for (Listed { path, folder }, look) in pictures {
                match folder {
                    Some(folder) => self.pictures.push(FoundPicture { path, class: class_of[folder], look }),
                    None => LeftOut::add(
                        &mut self.left_out,
                        "pictures beside the class folders",
                        "they have no class",
                        shown_path(&path),
                    ),
                }
            }
            self.classes = sorted;
            self.pictures.sort_by_key(|found| found.class);
        } else {
            self.pictures =
                pictures.into_iter().map(|(file, look)| FoundPicture { path: file.path, class: 0, look }).collect();
        }
    }

    fn label_by_file(&mut self, root: &Path, pictures: Vec<(Listed, Look)>, labels: LabelFile) {
        let paths: Vec<PathBuf> = pictures.iter().map(|(file, _)| file.path.clone()).collect();
        let shown_file = shown_path(&labels.path);
        let matched = labels.classes_of(root, &paths);
        if matched.classes.iter().all(Option::is_none)
            && let Some(first) = paths.first()
        {
            let from_here = shown_path(first.strip_prefix(root).unwrap_or(first));
            let mut said = format!("{shown_file} gives none of the {} pictures in this folder a class", paths.len());
            if let Some(name) = matched.ambiguous.first() {
                said +=
                    &format!("; several pictures are called {name}: write the path from the folder, as {from_here}");
            } else if let Some(name) = matched.no_picture.first() {
                said +=
                    &format!("; what it names, such as {name}, is hidden, damaged or no picture; there is {from_here}");
            } else if let Some(name) = matched.missing.first() {
                said +=
                    &format!("; it names files that are not there, such as {name}, and the pictures are {from_here} …");
            }
            self.unlabelled = Some(said);
        }
        for missing in matched.missing {
            LeftOut::add(&mut self.left_out, "lines", &format!("{shown_file} names files that are not there"), missing);
        }
        for name in matched.no_picture {
            let why = format!("{shown_file} names files that are hidden, damaged or no pictures");
            LeftOut::add(&mut self.left_out, "lines", &why, name);
        }
        for name in matched.ambiguous {
            let why = format!("{shown_file} names several pictures by one name; write the path from the folder");
            LeftOut::add(&mut self.left_out, "lines", &why, name);
        }
        if let Some(first) = matched.contradictions.first() {
            self.notes.push(format!(
                "{shown_file} gives a picture a class and later another, and the last one counts ({} times): {first}",
                thousands(matched.contradictions.len())
            ));
        }
        let mut classes: Vec<String> = matched.classes.iter().flatten().cloned().collect();
        classes.sort();
        classes.dedup();
        sort(&mut classes);
        for ((file, look), class) in pictures.into_iter().zip(matched.classes) {
            let class = class.and_then(|class| classes.iter().position(|known| *known == class));
            match class {
                Some(class) => self.pictures.push(FoundPicture { path: file.path, class: class as u32, look }),
                None => LeftOut::add(
                    &mut self.left_out,
                    "pictures",
                    &format!("{shown_file} gives them no class"),
                    shown_path(&file.path),
                ),
            }
        }
        self.pictures.sort_by_key(|found| found.class);
        self.notes.push(format!("the classes are those of {shown_file}"));
        self.classes = classes;
    }

    /// Empty classes are no classes.
    pub fn drop_empty_classes(&mut self) {
        if self.classes.is_empty() {
            return;
        }
        let mut labels: Vec<u32> = self.pictures.iter().map(|found| found.class).collect();
        let kept = without_holes(&mut labels);
        for (found, class) in self.pictures.iter_mut().zip(labels) {
            found.class = class;
        }
        self.classes = kept.iter().filter_map(|&class| self.classes.get(class as usize).cloned()).collect();
    }

    fn remark_on_splits(&mut self, folder: &Path) {
        let split = |name: &String| SPLITS.contains(&name.to_ascii_lowercase().as_str());
        if self.classes.len() < 2 || !self.classes.iter().all(split) {
            return;
        }
        // What is called so is for training, however much there is of it; else the largest part.
        let counts = self.counts();
        let is_for_training = |class: usize| self.classes[class].to_ascii_lowercase().starts_with("train");
        let best = (0..self.classes.len()).max_by_key(|&class| (is_for_training(class), counts[class], Reverse(class)));
        let part = best.map(|class| folder.join(&self.classes[class])).unwrap_or_default();
        // Classes of a labels file have no folder that could be named instead.
        if !part.is_dir() {
            return;
        }
        let (part, word) = (shown_path(&part), shown(&for_the_shell(&part.to_string_lossy())));
        self.notes.push(format!(
            "the classes are called {}; if these are parts of one dataset, train on one of them: difflab {word}, or \
             data.path = \"{part}\" in a config",
            self.classes.join(" and ")
        ));
    }

    /// How many pictures each class has, in the order of `classes`.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for found in &self.pictures {
            if let Some(count) = counts.get_mut(found.class as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Channels as stored: 1 where every picture is grey, else 3.
    pub fn channels(&self) -> usize {
        if self.pictures.iter().all(|found| found.look.grey) { 1 } else { 3 }
    }

    /// What was seen, for people.
    pub fn survey(&self, name: &str, folder: &Path) -> Survey {
        let mut left_out = Vec::new();
        for (path, reason) in &self.broken {
            LeftOut::add(&mut left_out, "files that can't be read", reason, path.clone());
        }
        left_out.extend(self.left_out.iter().cloned());
        Survey {
            name: name.into(),
            source: shown_path(folder),
            images: self.pictures.len(),
            classes: self.classes.iter().cloned().zip(self.counts()).collect(),
            sizes: Survey::sizes_of(self.pictures.iter().map(|found| (found.look.width, found.look.height))),
            channels: self.channels(),
            shows_grey: self.channels() == 1,
            left_out,
            notes: self.notes.clone(),
        }
    }

    /// The error of a folder without a picture that can be read.
    pub fn nothing(&self, folder: &Path) -> DataError {
        let path = shown_path(folder);
        if let Some(problem) = self.unlabelled.clone().filter(|_| self.broken.is_empty()) {
            return DataError::Unfit { problem };
        }
        let rest = self.left_out.iter().map(LeftOut::to_string).collect::<Vec<_>>().join("; ");
        if !self.broken.is_empty() {
            let broken = skipped(&self.broken, self.broken.len());
            return DataError::Unfit { problem: format!("{path}: no picture could be read; {broken}") };
        }
        let found = if rest.is_empty() { String::new() } else { format!("; there are {rest}") };
        let problem = format!("there are no pictures in this folder or its sub-folders (difflab reads {READ}){found}");
        DataError::Missing { path, problem }
    }
}

/// Broken files named in the warning; the rest is counted.
const MOST_NAMED: usize = 5;

/// "skipped 7 of 1,892 files: a.png: …; b.png: …; and 5 more".
pub fn skipped(broken: &[(String, String)], total: usize) -> String {
    let named: Vec<String> = broken.iter().take(MOST_NAMED).map(|(path, reason)| format!("{path}: {reason}")).collect();
    let mut text = format!("skipped {} of {total} files: {}", broken.len(), named.join("; "));
    if broken.len() > MOST_NAMED {
        text.push_str(&format!("; and {} more", broken.len() - MOST_NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;

    /// What is said of a folder with so many pictures in each of these.
    fn said(name: &str, parts: &[(&str, u8)]) -> String {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join(name);
        for (part, count) in parts {
            std::fs::create_dir_all(root.join(part)).unwrap();
            for i in 0..*count {
                GrayImage::from_pixel(2, 2, Luma([i])).save(root.join(part).join(format!("{i}.png"))).unwrap();
            }
        }
        scan(&root, &mut Watch::new(&mut |_| {})).unwrap().notes.join("\n")
    }

    #[test]
    fn of_the_parts_of_a_set_the_one_for_training_is_advised() {
        for parts in [
            &[("train", 2), ("valid", 2)][..],
            &[("test", 9), ("train", 2), ("val", 2)],
            &[("Test", 2), ("Train", 2)],
            &[("testing", 1), ("training", 1)],
        ] {
            let said = said("set", parts);
            let part = parts.iter().find(|(name, _)| name.to_lowercase().starts_with("train")).unwrap().0;
            assert!(said.contains("difflab ") && said.contains(&format!("/set/{part}, or data.path = \"")), "{said}");
            assert!(said.contains(&format!("/set/{part}\" in a config")), "{said}");
        }
        assert!(said("set", &[("test", 1), ("val", 3)]).contains("/set/val\""), "the larger of two others");
        assert!(said("my set", &[("test", 1), ("train", 1)]).contains("/my set/train', or data.path"));
        assert_eq!(said("set", &[("train", 1), ("cat", 1)]), "");
    }

    #[test]
    fn paths_are_quoted_where_a_shell_would_cut_them() {
        assert_eq!(for_the_shell("a/b-1.é"), "a/b-1.é");
        assert_eq!(for_the_shell("my cat's"), r"'my cat'\''s'");
        assert_eq!((for_the_shell("~x"), for_the_shell("a$b")), ("'~x'".into(), "'a$b'".into()));
    }
}
