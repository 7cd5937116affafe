//! Bytes with some replaced, some left out and some put in.

/// Damages bytes at each place: what happens there is told by the second number, and with what by the third.
pub fn damage(bytes: &[u8], hits: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, how, value) in hits {
        let at = at % (bytes.len() + 1);
        match how % 3 {
            0 if at < bytes.len() => bytes[at] = *value,
            1 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => bytes.insert(at, *value),
        }
    }
    bytes
}
