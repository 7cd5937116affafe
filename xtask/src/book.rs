//! `cargo xtask book`: the guides as a book, in `target/book`. No page may be missing from it, no link may lead nowhere, in the
//! sources as in what was made of them.

use crate::setup;
use crate::shell::{root, run, step};
use anyhow::{ensure, Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Checks the pages, makes the book, and checks what it leads to.
pub fn make() -> Result<()> {
    setup::mdbook()?;
    step("making the book");
    check()?;
    let book = root().join("target/book");
    run(Command::new("mdbook")
        .args(["build", "docs", "--dest-dir"])
        .arg(&book))?;
    check_book(&book)
}

/// Every page stands in the summary, every link leads to a file, and to a heading where it names one.
fn check() -> Result<()> {
    let docs = root().join("docs");
    let summary = read(&docs.join("SUMMARY.md"))?;
    let mut broken = Vec::new();
    let mut all = found(&docs, "md")?;
    for page in &all {
        let name = page.strip_prefix(&docs).unwrap_or(page).display();
        if name.to_string() != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            broken.push(format!("docs/{name} is not in docs/SUMMARY.md"));
        }
    }
    all.extend(["README.md", "SECURITY.md"].map(|name| root().join(name)));
    for page in all {
        let name = page.strip_prefix(root()).unwrap_or(&page).display();
        let folder = page.parent().unwrap_or(&docs);
        for (link, place) in links(&read(&page)?) {
            let target = if link.is_empty() {
                page.clone()
            } else {
                folder.join(&link)
            };
            if !target.exists() {
                broken.push(format!("{name} links to {link}, which is not there"));
            } else if !place.is_empty()
                && target.extension().is_some_and(|end| end == "md")
                && !headings(&read(&target)?).contains(&place)
            {
                broken.push(format!(
                    "{name} links to {link}#{place}, and there is no such heading"
                ));
            }
        }
    }
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

/// Every link of every page of a book leads to a file in it, and to a place where it names one.
fn check_book(book: &Path) -> Result<()> {
    let book = &plain(book);
    let mut places: BTreeMap<PathBuf, (String, BTreeSet<String>)> = BTreeMap::new();
    for page in found(book, "html")? {
        let html = read(&page)?;
        let ids = attributes(&html, &["id", "name"]).collect();
        places.insert(page, (html, ids));
    }
    let mut broken = Vec::new();
    for (page, (html, _)) in &places {
        let name = page.strip_prefix(book).unwrap_or(page).display();
        for link in attributes(html, &["href", "src"]) {
            let (path, place) = link.split_once('#').unwrap_or((&link, ""));
            if path.contains(':') || path.starts_with("//") {
                continue;
            }
            let target = match path {
                "" => page.clone(),
                path => plain(&page.with_file_name("").join(path)),
            };
            let is_there = match places.get(&target) {
                Some((_, ids)) => place.is_empty() || ids.contains(place),
                None => target.is_file(),
            };
            if !is_there {
                broken.push(format!(
                    "{name} of the book links to {link}, which is not there"
                ));
            }
        }
    }
    ensure!(
        places.len() > 1,
        "{} has no pages: mdbook wrote none",
        book.display()
    );
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The values of attributes in HTML.
fn attributes<'a>(html: &'a str, names: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    names.iter().flat_map(move |name| {
        let begins = format!(" {name}=\"");
        // where a server puts the whole is no link
        let tags = html.split('<').filter(|tag| !tag.starts_with("base "));
        let values = tags.skip(1).filter_map(move |tag| {
            let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
            let (_, value) = tag.split_once(begins.as_str())?;
            Some(value.split('"').next()?.replace("&amp;", "&"))
        });
        values.collect::<Vec<_>>()
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// All files below a folder that end so.
fn found(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == end) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What a page links to in this repository: the file, nothing for the page itself, and the place in it.
fn links(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in page.split("](").skip(1) {
        let Some((target, _)) = part.split_once(')') else {
            continue;
        };
        if !target.contains("://") && !target.contains(' ') {
            let (path, place) = target.split_once('#').unwrap_or((target, ""));
            found.push((path.to_string(), place.to_string()));
        }
    }
    found
}

/// What the headings of a page are called in links to them.
fn headings(page: &str) -> Vec<String> {
    let mut fenced = false;
    let lines = page.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced && line.starts_with('#')
    });
    lines
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
                _ => None,
            });
            kept.collect()
        })
        .collect()
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
        let found = links(page);
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(
            found,
            [("b.md", ""), ("d.md", "e"), ("", "i"), ("k.svg", "")]
        );
    }

    #[test]
    fn headings_are_called_as_links_call_them() {
        let page =
            "# What's `it`?\n\n```\n# no heading\n```\n## Who may call what\n### a_b C-d, 1\n";
        assert_eq!(
            headings(page),
            ["whats-it", "who-may-call-what", "a_b-c-d-1"]
        );
    }

    #[test]
    fn a_link_of_the_book_to_no_file_or_no_place_is_named() {
        let book = std::env::temp_dir().join(format!("lode-book-{}", std::process::id()));
        std::fs::create_dir_all(book.join("deep")).unwrap();
        let write = |name: &str, html: &str| std::fs::write(book.join(name), html).unwrap();
        write("book.css", "");
        write(
            "index.html",
            "<link rel=\"x\" href=\"book.css\"><h1 id=\"top\">A</h1><a href=\"deep/page.html#here\">a</a>\
             <a href=\"#top\">b</a><a href=\"https://c.example\">c</a>",
        );
        write(
            "deep/page.html",
            "<h2 id=\"here\">B</h2><a class=\"d\" href=\"../index.html\">d</a>",
        );
        check_book(&book).unwrap();
        write(
            "deep/page.html",
            "<a href=\"../README.html\">e</a><img src=\"none.svg\"><a href=\"#there\">f</a>",
        );
        let error = check_book(&book).unwrap_err().to_string();
        std::fs::remove_dir_all(&book).unwrap();
        for link in [
            "../README.html",
            "none.svg",
            "#there",
            "deep/page.html#here",
        ] {
            assert!(
                error.contains(&format!("links to {link}, which is not there")),
                "{error}"
            );
        }
    }
}
