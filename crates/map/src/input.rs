//! What is mapped: files, or lines of a text.
use crate::{Error, Result};
use lode_runtime::Blob;
use lode_store::BlobHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// One input. The program is told of it in its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A file, which lies in `/in`.
    File {
        /// Its path below `/in`.
        name: String,
        /// Where it lies on this machine.
        path: PathBuf,
        /// SHA-256 of its bytes, in hex.
        sha256: String,
        /// Its bytes.
        size: u64,
    },
    /// A line: an argument as it is.
    Line(String),
}

impl Input {
    /// What the program is told.
    pub fn argument(&self) -> String {
        match self {
            Self::File { name, .. } => format!("/in/{name}"),
            Self::Line(text) => text.clone(),
        }
    }

    /// Bytes of it.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Line(text) => text.len() as u64,
        }
    }

    /// Name, place and blob of a file.
    pub(crate) fn file(&self) -> Result<Option<(&str, &Path, Blob)>> {
        let Self::File {
            name,
            path,
            sha256,
            size,
        } = self
        else {
            return Ok(None);
        };
        let hash: BlobHash = sha256.parse()?;
        let blob = Blob {
            sha256: hash.0,
            size: *size,
        };
        Ok(Some((name, path, blob)))
    }
}

/// The files of these paths, in the order given; a folder stands for all files below it, by their names.
///
/// # Errors
/// Paths that do not exist, names that `/in` cannot have, and one name for two files.
pub fn files(paths: &[PathBuf]) -> Result<Vec<Input>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut below = Vec::new();
            walk(path, &mut below)?;
            below.sort_by(|a, b| {
                let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
                bytes(a).cmp(&bytes(b))
            });
            if below.is_empty() {
                let folder = path.display();
                return Err(Error::asked(format!(
                    "The folder {folder} has no files: give one that has"
                )));
            }
            for file in below {
                let name = file.strip_prefix(path).unwrap_or(&file).to_path_buf();
                found.push(one(&name, file)?);
            }
        } else {
            found.push(one(path, path.clone())?);
        }
    }
    let mut names = BTreeSet::new();
    for input in &found {
        if !names.insert(input.argument()) {
            return Err(Error::asked(format!(
                "Two inputs would be {}: rename one, or give the folder that holds both",
                input.argument()
            )));
        }
    }
    Ok(found)
}

/// The files whose paths a text lists, one a line.
///
/// # Errors
/// As [`files`], and a list that cannot be read.
pub fn listed(list: &Path) -> Result<Vec<Input>> {
    files(&text(list)?.lines().map(PathBuf::from).collect::<Vec<_>>())
}

/// The lines of a text, each an input; empty ones are left out.
///
/// # Errors
/// A text that cannot be read.
pub fn lines(list: &Path) -> Result<Vec<Input>> {
    let text = text(list)?;
    let lines = text.lines().filter(|line| !line.is_empty());
    Ok(lines.map(|line| Input::Line(line.into())).collect())
}

fn text(list: &Path) -> Result<String> {
    std::fs::read_to_string(list).map_err(Error::reading(list))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::reading(folder))? {
        let path = entry.map_err(Error::reading(folder))?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// A file, called by the parts of `name` that are names: neither roots nor `..` lead out of `/in`.
fn one(name: &Path, path: PathBuf) -> Result<Input> {
    let parts: Option<Vec<&str>> = name
        .components()
        .filter_map(|part| match part {
            Component::Normal(text) => Some(text.to_str()),
            _ => None,
        })
        .collect();
    let parts = parts.filter(|parts| !parts.is_empty()).ok_or_else(|| {
        Error::asked(format!(
            "{} has a name that no job can read: rename it",
            path.display()
        ))
    })?;
    if !path.is_file() {
        return Err(Error::asked(format!(
            "There is no file {}: check the path",
            path.display()
        )));
    }
    let (hash, size) = BlobHash::of_file(&path)?;
    Ok(Input::File {
        name: parts.join("/"),
        path,
        sha256: hash.to_string(),
        size,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_is_its_files_by_name_and_files_keep_the_order_given() {
        let folder = tree(&["b", "a/2", "a/10", "c"]);
        let names = |inputs: &[Input]| inputs.iter().map(Input::argument).collect::<Vec<_>>();
        let all = files(&[folder.path().into()]).unwrap();
        assert_eq!(names(&all), ["/in/a/10", "/in/a/2", "/in/b", "/in/c"]);
        let two = [folder.path().join("c"), folder.path().join("b")];
        let list = folder.path().join("list");
        let text = two.iter().map(|path| format!("{}\n", path.display()));
        std::fs::write(&list, text.collect::<String>()).unwrap();
        let listed = listed(&list).unwrap();
        assert!(names(&listed)[0].ends_with("/c") && names(&listed)[1].ends_with("/b"));
        assert_eq!(listed, files(&two).unwrap());
    }

    #[test]
    fn names_that_meet_missing_files_and_empty_folders_are_refused() {
        let folder = tree(&["x/same", "y/same"]);
        let at = |name: &str| folder.path().join(name);
        let said = |paths: &[PathBuf]| files(paths).unwrap_err().to_string();
        assert!(said(&[at("x"), at("y")]).contains("Two inputs"));
        assert!(said(&[at("nothing")]).contains("There is no file"));
        std::fs::create_dir(at("z")).unwrap();
        assert!(said(&[at("z")]).contains("no files"));
    }

    #[test]
    fn lines_are_inputs_as_they_are_but_for_empty_ones() {
        let folder = tree(&[]);
        let list = folder.path().join("list");
        std::fs::write(&list, "one\n\n two \n").unwrap();
        let inputs = lines(&list).unwrap();
        assert_eq!(
            inputs,
            [Input::Line("one".into()), Input::Line(" two ".into())]
        );
        assert_eq!(inputs[1].argument(), " two ");
    }
}
