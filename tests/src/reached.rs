//! Which mutants a test reaches. The programs that `cargo xtask mutants` compiles log the number of every place that can
//! be mutated; where `LODE_REACHED` names a file, each test's numbers are written there, a line each.

use litesvm::types::TransactionResult;
use litesvm::LiteSVM;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;

/// How the program logs a place: a mark, then its number.
const MARK: &str = "Program log: 0x6c6f6465, 0x";

fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || {
        let path = std::env::var_os("LODE_REACHED")?;
        let file = File::options().create(true).append(true).open(path);
        Some(file.unwrap())
    };
    FILE.get_or_init(open).as_ref()
}

/// The same SVM; its logs are not cut off where places are written down.
pub(crate) fn whole_logs(svm: LiteSVM) -> LiteSVM {
    match file() {
        Some(_) => svm.with_log_bytes_limit(None),
        None => svm,
    }
}

/// Writes down the places that a transaction reached and no other of this test did.
pub(crate) fn record(sent: &TransactionResult) {
    thread_local!(static KNOWN: RefCell<BTreeSet<u32>> = const { RefCell::new(BTreeSet::new()) });
    let Some(mut file) = file() else { return };
    let logs = match sent {
        Ok(meta) => &meta.logs,
        Err(failed) => &failed.meta.logs,
    };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let mut lines = String::new();
    for line in logs {
        let Some(number) = line
            .strip_prefix(MARK)
            .and_then(|rest| rest.split(',').next())
        else {
            continue;
        };
        let number = u32::from_str_radix(number, 16).unwrap();
        if KNOWN.with_borrow_mut(|known| known.insert(number)) {
            lines += &format!("{test} {number}\n");
        }
    }
    file.write_all(lines.as_bytes()).unwrap();
}
