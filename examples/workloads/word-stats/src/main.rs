//! Statistics of a long text.
//!
//! `word-stats [--format json|text] [--top N] [--out FOLDER] [FILE]` reads the file, or stdin without one, prints a
//! report and writes it to `FOLDER/report.json` or `FOLDER/report.txt` (`/out` unless told otherwise).
mod stats;

use stats::Report;
use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

struct Options {
    json: bool,
    top: usize,
    out: PathBuf,
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("word-stats: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let options = options(std::env::args().skip(1))?;
    let mut text = String::new();
    match &options.file {
        Some(file) => {
            text = std::fs::read_to_string(file)
                .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        }
        None => {
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| format!("stdin cannot be read: {error}"))?;
        }
    }
    let report = stats::report(&text, options.top);
    let (name, rendered) = if options.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        ("report.json", json + "\n")
    } else {
        ("report.txt", as_text(&report))
    };
    let path = options.out.join(name);
    std::fs::write(&path, &rendered)
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    print!("{rendered}");
    Ok(())
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        json: false,
        top: 12,
        out: PathBuf::from("/out"),
        file: None,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--format" => {
                options.json = match value()?.as_str() {
                    "json" => true,
                    "text" => false,
                    other => return Err(format!("`{other}` is no format: use json or text")),
                }
            }
            "--top" => {
                let text = value()?;
                options.top = text.parse().map_err(|_| format!("`{text}` is no number"))?;
            }
            "--out" => options.out = value()?.into(),
            other if other.starts_with('-') => return Err(format!("unknown option `{other}`")),
            other => options.file = Some(other.into()),
        }
    }
    Ok(options)
}

fn as_text(report: &Report) -> String {
    let mut to = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(to, "{name:<24}{value}");
    };
    let counts = |list: &[stats::Count]| {
        let parts: Vec<String> = list
            .iter()
            .map(|c| format!("{} {}", c.text, c.count))
            .collect();
        parts.join(", ")
    };
    line("bytes", report.bytes.to_string());
    line("characters", report.characters.to_string());
    line("lines", report.lines.to_string());
    line("paragraphs", report.paragraphs.to_string());
    line("sentences", report.sentences.to_string());
    line("words", report.words.to_string());
    line("distinct words", report.distinct_words.to_string());
    line(
        "words that occur once",
        report.words_that_occur_once.to_string(),
    );
    line("letters per word", report.letters_per_word.to_string());
    line("words per sentence", report.words_per_sentence.to_string());
    line(
        "longest sentence",
        format!("{} words", report.longest_sentence_words),
    );
    line("type-token ratio", report.type_token_ratio.to_string());
    line("Yule's K", report.yule_k.to_string());
    line("longest words", report.longest_words.join(", "));
    line("most frequent", counts(&report.most_frequent));
    line("most frequent pairs", counts(&report.most_frequent_pairs));
    line("letters", counts(&report.letters));
    let lengths: Vec<String> = report
        .length_histogram
        .iter()
        .enumerate()
        .filter(|(_, n)| **n > 0)
        .map(|(length, n)| format!("{length}: {n}"))
        .collect();
    line("words by length", lengths.join(", "));
    let near: Vec<String> = report
        .near_words
        .iter()
        .map(|pair| pair.join("/"))
        .collect();
    line("nearly the same", near.join(", "));
    to
}
