//! Ports for networks that are started beside each other.

use std::fs::{File, TryLockError};
use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Below the ports that an operating system hands out by itself, to whoever connects somewhere or asks for any port.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// What this process has taken: an open file each, whose lock ends with the process.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port on loopback where nobody listens, and that no other process which asks here is given until this one has ended:
/// whoever takes it may listen there later, or have another program do it.
///
/// # Errors
/// The folder for temporary files cannot be written, or no port is left.
pub fn free_port() -> io::Result<u16> {
    let folder = std::env::temp_dir().join("lode-ports");
    std::fs::create_dir_all(&folder)?;
    // Processes that ask at the same time begin at different ports.
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let begin = now.map_or(0, |since| since.subsec_nanos()) ^ std::process::id().rotate_left(16);
    for i in 0..u32::from(COUNT) {
        let offset = begin.wrapping_add(i) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or_default();
        let file = match File::create(folder.join(port.to_string())) {
            Ok(file) => file,
            // another user's
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Somebody else's, who never asked here.
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            continue;
        }
        TAKEN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(file);
        return Ok(port);
    }
    Err(io::Error::other("no port is left on this machine"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_given_twice_and_somebody_can_listen_on_each() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        let listening: Vec<TcpListener> = ports
            .iter()
            .map(|port| TcpListener::bind(("127.0.0.1", *port)).unwrap())
            .collect();
        assert_eq!(listening.len(), 50);
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 50);
        assert!(ports.iter().all(|port| *port < 32_768));
        // the lock of another process would be as this one of another file
        let held = std::env::temp_dir()
            .join("lode-ports")
            .join(ports[0].to_string());
        let again = File::create(held).unwrap();
        assert!(matches!(again.try_lock(), Err(TryLockError::WouldBlock)));
    }
}
