//! Nonces of jobs. A job's address costs the program one hash for every bump it tries, so a nonce is chosen whose
//! first try succeeds.
use crate::addresses;
use lode_jobs::state::Ledger;
pub use lode_math::nonce::Window;
use solana_address::Address;

/// The `skip`th usable nonce of a ledger (0 the first) whose job address has bump 255. Posters that act at the same
/// time for one ledger take different `skip`s.
///
/// `None` if the window holds no such nonce: half of all nonces qualify, so that needs 60 or more jobs posted at once.
pub fn next_nonce(ledger: &Address, window: Window, skip: usize) -> Option<u64> {
    (1..=64)
        .filter_map(|ahead| window.top.checked_add(ahead))
        .filter(|nonce| window.take(*nonce).is_some())
        .filter(|nonce| addresses::jobs::job(ledger, *nonce).1 == u8::MAX)
        .nth(skip)
}

/// The nonces a ledger has taken, for [`next_nonce`].
pub fn window(ledger: &Ledger) -> Window {
    Window {
        top: ledger.nonce_top,
        taken: ledger.nonce_taken,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_next_nonce_gives_a_first_try_address_and_is_accepted_by_the_ledger() {
        for seed in 0..20u8 {
            let ledger = Address::new_from_array([seed; 32]);
            let mut window = Window::opened_at(1_780_272_000).unwrap();
            for _ in 0..30 {
                let nonce = next_nonce(&ledger, window, 0).unwrap();
                assert_eq!(addresses::jobs::job(&ledger, nonce).1, 255);
                window = window.take(nonce).unwrap();
            }
        }
    }

    #[test]
    fn simultaneous_posters_get_different_nonces_and_all_of_them_are_accepted_in_any_order() {
        let ledger = Address::new_from_array([7; 32]);
        let window = Window::opened_at(1_780_272_000).unwrap();
        let nonces: Vec<u64> = (0..16)
            .map(|skip| next_nonce(&ledger, window, skip).unwrap())
            .collect();
        assert!(nonces.windows(2).all(|pair| pair[0] < pair[1]));
        let mut last = window;
        for nonce in nonces.iter().rev() {
            last = last.take(*nonce).unwrap();
        }
    }

    #[test]
    fn nothing_is_offered_beyond_the_window() {
        let ledger = Address::new_from_array([7; 32]);
        let window = Window::opened_at(1_780_272_000).unwrap();
        assert_eq!(next_nonce(&ledger, window, 64), None);
        let full = Window {
            top: u64::MAX,
            taken: 1,
        };
        assert_eq!(next_nonce(&ledger, full, 0), None);
    }
}
