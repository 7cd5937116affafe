//! Text that is committed and compared. `LODE_RENEW=1` writes it anew: look at the difference before you commit it.
use std::path::Path;

/// Fails where the text is not what `tests/snapshots/NAME` has.
pub fn require_same(name: &str, found: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let path = folder.join(name);
    if std::env::var_os("LODE_RENEW").is_some() {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(path, found).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let mut both = committed.lines().zip(found.lines()).zip(1..);
    let first = both.find(|((was, is), _)| was != is);
    assert!(
        committed == found,
        "cli/tests/snapshots/{name} is not what is there now; first difference: {first:?}. If it is meant, renew it with LODE_RENEW=1"
    );
}
