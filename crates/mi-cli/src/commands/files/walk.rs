//! Which files a push means, and their names on the drive.

use std::path::{Path, PathBuf};

use mi_core::drive::DrivePath;

use crate::fault::Fault;

/// In one push.
const FILES_MAX: usize = 10_000;

/// A file here and its name there.
#[derive(Debug, PartialEq, Eq)]
pub struct Pair {
    pub path: PathBuf,
    pub name: DrivePath,
}

/// A file goes under its base name.
pub fn one(path: &Path) -> Result<Pair, Fault> {
    let whole = std::fs::canonicalize(path).map_err(|fault| unreadable(path, fault))?;
    if whole.is_dir() {
        let message = format!("{} is a folder", path.display());
        return Err(Fault::usage(message, "-r puts all its files on the drive"));
    }
    // A link keeps its own name; `..` has none.
    let name = path.file_name().or(whole.file_name()).unwrap_or_default();
    Ok(Pair { path: path.to_owned(), name: named(Path::new(name))? })
}

/// A folder's files go under its name, folders kept; links in it are left out.
pub fn folder(path: &Path) -> Result<Vec<Pair>, Fault> {
    let whole = std::fs::canonicalize(path).map_err(|fault| unreadable(path, fault))?;
    if !whole.is_dir() {
        return Ok(vec![one(path)?]);
    }
    // `.` means what is in it.
    let top = path.file_name().map(PathBuf::from).unwrap_or_default();
    let mut pairs = Vec::new();
    let mut left = vec![(whole, top)];
    while let Some((folder, under)) = left.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|fault| unreadable(&folder, fault))? {
            let entry = entry.map_err(|fault| unreadable(&folder, fault))?;
            let kind = entry.file_type().map_err(|fault| unreadable(&entry.path(), fault))?;
            let under = under.join(entry.file_name());
            if kind.is_dir() {
                left.push((entry.path(), under));
            } else if kind.is_file() {
                pairs.push(Pair { path: entry.path(), name: named(&under)? });
            }
            if pairs.len() > FILES_MAX {
                return Err(Fault::usage(format!("more than {FILES_MAX} files"), "push its folders one by one"));
            }
        }
    }
    pairs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(pairs)
}

fn named(name: &Path) -> Result<DrivePath, Fault> {
    let wrong = |what: String| Fault::usage(format!("{}: {what}", name.display()), "--as gives it another name");
    let text = name.to_str().ok_or_else(|| wrong("the name is no valid text".to_owned()))?;
    text.parse().map_err(|fault: mi_core::drive::BadPath| wrong(fault.to_string()))
}

fn unreadable(path: &Path, fault: std::io::Error) -> Fault {
    Fault::io(format!("{} can't be read", path.display()), fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_keep_their_shape_and_links_stay_behind() {
        let home = tempfile::tempdir().unwrap();
        let src = home.path().join("src");
        std::fs::create_dir_all(src.join("deep")).unwrap();
        std::fs::write(src.join("a.go"), "").unwrap();
        std::fs::write(src.join("deep/b.go"), "").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", src.join("link")).unwrap();
        let names: Vec<String> = folder(&src).unwrap().iter().map(|pair| pair.name.to_string()).collect();
        assert_eq!(names, ["src/a.go", "src/deep/b.go"]);
        assert_eq!(one(&src.join("deep/b.go")).unwrap().name.as_str(), "b.go");
        assert!(one(&src).is_err());
        assert!(one(&src.join("missing")).is_err());
    }
}
