//! A receipt: one JSON line that says what came out of a run.

use crate::{sha256, Error, Invalid, Result, RUNTIME};
use serde::Deserialize;
use std::fmt::Write;

/// A blob by its name and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many bytes.
    pub size: u64,
}

impl Blob {
    /// The name and size of some bytes.
    pub fn of(bytes: &[u8]) -> Blob {
        Blob {
            sha256: sha256(bytes),
            size: bytes.len() as u64,
        }
    }
}

/// Most bytes of a receipt's line. Whoever stores receipts takes one of any job.
pub const MAX_RECEIPT_BYTES: usize = 16 << 20;

/// Most bytes of a receipt beside its files: hashes, numbers and names of members.
const HEAD_BYTES: u64 = 1 << 10;

/// Most bytes of a file in a receipt beside its path: hash, size, names of members.
const FILE_BYTES: u64 = 128;

/// The traps that a receipt may name; the number is the receipt's `code`. The engine knows the first seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trap {
    /// An access outside the memory.
    MemoryOutOfBounds = 1,
    /// An access outside a table.
    TableOutOfBounds = 2,
    /// An indirect call of a null entry.
    IndirectCallToNull = 3,
    /// An indirect call of a function of another type.
    BadSignature = 4,
    /// A signed division whose quotient does not fit.
    IntegerOverflow = 5,
    /// A division by zero.
    DivisionByZero = 6,
    /// A float that no integer can hold.
    BadConversion = 7,
    /// Files in `/out` of so many, or so long, paths that no receipt has room for them.
    ReceiptTooLong = 8,
}

impl Trap {
    pub(crate) const ALL: [Trap; 8] = [
        Trap::MemoryOutOfBounds,
        Trap::TableOutOfBounds,
        Trap::IndirectCallToNull,
        Trap::BadSignature,
        Trap::IntegerOverflow,
        Trap::DivisionByZero,
        Trap::BadConversion,
        Trap::ReceiptTooLong,
    ];
}

/// How a run ended, where every machine ends alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The program returned (0) or called `proc_exit` with this code.
    Exit(u32),
    /// It reached an `unreachable` instruction: how most languages abort.
    Unreachable,
    /// It did what WebAssembly forbids.
    Trap(Trap),
    /// Its fuel was used up.
    Fuel,
    /// The module does not pass [`crate::scan`].
    Invalid(Invalid),
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Exit(_) => "exit",
            End::Unreachable => "unreachable",
            End::Trap(_) => "trap",
            End::Fuel => "fuel",
            End::Invalid(_) => "invalid",
        }
    }

    fn code(self) -> Option<u32> {
        match self {
            End::Exit(code) => Some(code),
            End::Trap(trap) => Some(trap as u32),
            End::Invalid(reason) => Some(reason as u32),
            End::Unreachable | End::Fuel => None,
        }
    }

    fn from_parts(name: &str, code: Option<u32>) -> Option<End> {
        Some(match (name, code) {
            ("exit", Some(code)) => End::Exit(code),
            ("unreachable", None) => End::Unreachable,
            ("fuel", None) => End::Fuel,
            ("trap", Some(code)) => {
                End::Trap(Trap::ALL.into_iter().find(|trap| *trap as u32 == code)?)
            }
            ("invalid", Some(code)) => End::Invalid(
                Invalid::ALL
                    .into_iter()
                    .find(|reason| *reason as u32 == code)?,
            ),
            _ => return None,
        })
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Exit(code) => write!(f, "exit code {code}"),
            End::Unreachable => f.write_str("aborted (unreachable)"),
            End::Trap(trap) => write!(f, "trap: {trap:?}"),
            End::Fuel => f.write_str("out of fuel: the limit was reached"),
            End::Invalid(reason) => write!(f, "invalid module: {reason}"),
        }
    }
}

/// Bytes of a part of a path as it stands in a receipt.
pub(crate) fn written_bytes(part: &str) -> u64 {
    // The quotes stand around the whole path.
    (json_string(part).len() as u64).saturating_sub(2)
}

/// Whether a receipt has room for so many files whose paths take so many bytes together.
///
/// Reckoned with the most that a file can take beside its path, so that the answer hangs on the paths alone.
pub(crate) fn has_room(files: u64, path_bytes: u64) -> bool {
    let room = (MAX_RECEIPT_BYTES as u64).saturating_sub(HEAD_BYTES);
    files.saturating_mul(FILE_BYTES).saturating_add(path_bytes) <= room
}

/// A file that the program left in `/out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFile {
    /// Path below `/out`.
    pub path: String,
    /// Its bytes.
    pub blob: Blob,
}

/// What came out of a run. [`Receipt::line`] is its only form; the hash of that line is the result on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Hash of the spec.
    pub spec: [u8; 32],
    /// Most units, as the job says.
    pub limit: u64,
    /// How the run ended.
    pub end: End,
    /// Fuel that was used, at most what was given; all that was given for a trap and where fuel ran out.
    pub fuel: u64,
    /// Units billed.
    pub units: u64,
    /// SHA-256 of the memory at the end, where it is the same on every machine.
    pub memory: Option<[u8; 32]>,
    /// What was written to stdout.
    pub stdout: Blob,
    /// What was written to stderr.
    pub stderr: Blob,
    /// The files in `/out`, by the bytes of their paths.
    pub files: Vec<ReceiptFile>,
}

impl Receipt {
    /// The receipt as one line of JSON, without a line break: fixed order, no spaces, strings as in RFC 8785.
    pub fn line(&self) -> Vec<u8> {
        let mut out = String::new();
        let code = self
            .end
            .code()
            .map_or_else(|| "null".to_owned(), |code| code.to_string());
        let memory = self.memory.map_or_else(
            || "null".to_owned(),
            |hash| format!("\"{}\"", hex::encode(hash)),
        );
        // Writing to a `String` cannot fail.
        let _ = write!(
            out,
            r#"{{"v":1,"runtime":{RUNTIME},"spec":"{}","limit":{},"end":"{}","code":{code},"fuel":{},"units":{},"memory":{memory},"stdout":{{{}}},"stderr":{{{}}},"files":["#,
            hex::encode(self.spec),
            self.limit,
            self.end.name(),
            self.fuel,
            self.units,
            blob_members(&self.stdout),
            blob_members(&self.stderr),
        );
        for (at, file) in self.files.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(
                out,
                r#"{comma}{{"path":{},{}}}"#,
                json_string(&file.path),
                blob_members(&file.blob)
            );
        }
        out.push_str("]}");
        out.into_bytes()
    }

    /// The result hash: SHA-256 of the line.
    pub fn result_hash(&self) -> [u8; 32] {
        sha256(&self.line())
    }

    /// Reads a line that [`Receipt::line`] wrote, and no other bytes.
    ///
    /// # Errors
    /// [`Error::Receipt`].
    pub fn parse(line: &[u8]) -> Result<Receipt> {
        let refuse = |why: String| Error::Receipt(why);
        only_objects(line).map_err(refuse)?;
        let fields: Fields =
            serde_json::from_slice(line).map_err(|error| Error::Receipt(error.to_string()))?;
        let receipt = Receipt {
            spec: hash(&fields.spec).map_err(refuse)?,
            limit: fields.limit,
            end: End::from_parts(&fields.end, fields.code)
                .ok_or_else(|| refuse(format!("the end {:?} is not known", fields.end)))?,
            fuel: fields.fuel,
            units: fields.units,
            memory: fields
                .memory
                .map(|text| hash(&text))
                .transpose()
                .map_err(refuse)?,
            stdout: fields.stdout.blob().map_err(refuse)?,
            stderr: fields.stderr.blob().map_err(refuse)?,
            files: fields
                .files
                .into_iter()
                .map(|file| {
                    Ok(ReceiptFile {
                        blob: Blob {
                            sha256: hash(&file.sha256).map_err(refuse)?,
                            size: file.size,
                        },
                        path: file.path,
                    })
                })
                .collect::<Result<_>>()?,
        };
        match receipt.line() == line {
            true => Ok(receipt),
            false => Err(refuse("it is not in canonical form".to_owned())),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "v")]
    _v: u64,
    #[serde(rename = "runtime")]
    _runtime: u64,
    spec: String,
    limit: u64,
    end: String,
    code: Option<u32>,
    fuel: u64,
    units: u64,
    memory: Option<String>,
    stdout: BlobFields,
    stderr: BlobFields,
    files: Vec<FileFields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobFields {
    sha256: String,
    size: u64,
}

impl BlobFields {
    pub(crate) fn blob(self) -> std::result::Result<Blob, String> {
        Ok(Blob {
            sha256: hash(&self.sha256)?,
            size: self.size,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileFields {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) size: u64,
}

/// 64 lower-case hex digits.
pub(crate) fn hash(text: &str) -> std::result::Result<[u8; 32], String> {
    let mut hash = [0; 32];
    match hex::decode_to_slice(text, &mut hash) {
        Ok(()) if hex::encode(hash) == text => Ok(hash),
        _ => Err(format!("{text:?} is not 64 lower-case hex digits")),
    }
}

/// Derived readers take an array in the place of an object; these files do not.
pub(crate) fn only_objects(json: &[u8]) -> std::result::Result<(), String> {
    let value: serde_json::Value =
        serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let all_objects = |key: &str| {
        value
            .get(key)
            .and_then(serde_json::Value::as_array)
            .is_none_or(|list| list.iter().all(serde_json::Value::is_object))
    };
    let object_or_null = |key: &str| {
        value
            .get(key)
            .is_none_or(|inner| inner.is_object() || inner.is_null())
    };
    let fine = value.is_object()
        && ["module", "stdin", "stdout", "stderr"]
            .into_iter()
            .all(object_or_null)
        && ["inputs", "files"].into_iter().all(all_objects);
    match fine {
        true => Ok(()),
        false => Err("a list stands where an object must".to_owned()),
    }
}

fn blob_members(blob: &Blob) -> String {
    format!(
        r#""sha256":"{}","size":{}"#,
        hex::encode(blob.sha256),
        blob.size
    )
}

/// A JSON string as RFC 8785 writes it.
fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            spec: [0x11; 32],
            limit: 100,
            end: End::Exit(3),
            fuel: 5,
            units: 71,
            memory: Some([0xab; 32]),
            stdout: Blob::of(b"abc"),
            stderr: Blob::of(b""),
            files: vec![ReceiptFile {
                path: "a\"\\\u{1}\n\u{7f}\u{20ac}/b".to_owned(),
                blob: Blob::of(b"x"),
            }],
        }
    }

    /// The most that a receipt says fits it where there is room, and one file more has none.
    #[test]
    fn a_receipt_with_room_for_its_files_is_no_longer_than_it_may_be() {
        for path in [
            "\u{1}".repeat(4_000),
            "a".to_owned(),
            "\u{20ac}\"\\".repeat(300),
        ] {
            let each = written_bytes(&path);
            let most = (1..).find(|files| !has_room(*files, files * each)).unwrap() - 1;
            let file = ReceiptFile {
                path,
                blob: Blob {
                    sha256: [0xff; 32],
                    size: (1 << 53) - 1,
                },
            };
            let receipt = Receipt {
                limit: u64::MAX,
                end: End::Unreachable,
                fuel: u64::MAX,
                units: u64::MAX,
                stdout: file.blob,
                stderr: file.blob,
                files: vec![file; most as usize],
                ..receipt()
            };
            let length = receipt.line().len();
            assert!(length <= MAX_RECEIPT_BYTES, "{length}");
        }
        assert!(!has_room(u64::MAX, u64::MAX));
    }

    #[test]
    fn the_line_is_these_bytes() {
        let line = String::from_utf8(receipt().line()).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"v":1,"runtime":1,"spec":"1111111111111111111111111111111111111111111111111111111111111111","limit":100,"#,
                r#""end":"exit","code":3,"fuel":5,"units":71,"#,
                r#""memory":"abababababababababababababababababababababababababababababababab","#,
                r#""stdout":{"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3},"#,
                r#""stderr":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"#,
                r#""files":[{"path":"a\"\\\u0001\n"#,
                "\u{7f}\u{20ac}",
                r#"/b","sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size":1}]}"#,
            )
        );
    }

    #[test]
    fn a_line_is_read_back_and_other_bytes_are_not() {
        let line = receipt().line();
        assert_eq!(Receipt::parse(&line).unwrap(), receipt());
        let spaced = String::from_utf8(line.clone())
            .unwrap()
            .replace(":5,", ": 5,");
        assert!(Receipt::parse(spaced.as_bytes()).is_err());
        let other = String::from_utf8(line).unwrap().replace("exit", "trap");
        assert_eq!(
            Receipt::parse(other.as_bytes()).unwrap().end,
            End::Trap(Trap::IndirectCallToNull)
        );
    }
}
