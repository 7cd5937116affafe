//! `cargo xtask book`: the guides as a book, in `target/book`. No page may be missing from it, no link may lead nowhere.

use crate::setup;
use crate::shell::{root, run, step};
use anyhow::{ensure, Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks the pages and makes the book.
pub fn make() -> Result<()> {
    setup::mdbook()?;
    step("making the book");
    check()?;
    run(Command::new("mdbook")
        .args(["build", "docs", "--dest-dir"])
        .arg(root().join("target/book")))
}

/// Every page stands in the summary, every link leads to a file.
fn check() -> Result<()> {
    let docs = root().join("docs");
    let summary = read(&docs.join("SUMMARY.md"))?;
    let mut broken = Vec::new();
    for page in pages(&docs)? {
        let name = page
            .strip_prefix(&docs)
            .unwrap_or(&page)
            .display()
            .to_string();
        if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            broken.push(format!("docs/{name} is not in docs/SUMMARY.md"));
        }
        let folder = page.parent().unwrap_or(&docs);
        for link in links(&read(&page)?) {
            if !folder.join(&link).exists() {
                broken.push(format!("docs/{name} links to {link}, which is not there"));
            }
        }
    }
    for link in links(&read(&root().join("README.md"))?) {
        if !root().join(&link).exists() {
            broken.push(format!("README.md links to {link}, which is not there"));
        }
    }
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn pages(docs: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    let mut folders = vec![docs.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// What a page links to in this repository, without places within a page.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in page.split("](").skip(1) {
        let Some((target, _)) = part.split_once(')') else {
            continue;
        };
        let target = target.split('#').next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") && !target.contains(' ') {
            found.push(target.to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_page_is_missing_and_no_link_leads_nowhere() {
        check().unwrap();
    }

    #[test]
    fn links_are_found_and_those_elsewhere_left_alone() {
        let page = "[a](b.md) and [c](d.md#e), [f](https://g.example), [h](#i), ![j](k.svg)";
        assert_eq!(links(page), ["b.md", "d.md", "k.svg"]);
    }
}
