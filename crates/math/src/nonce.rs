//! Nonces of a ledger: each accepted once, out of order within a window of 64, never again afterwards.

/// The highest nonce taken, and which of the 64 up to it are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Highest nonce that was taken.
    pub top: u64,
    /// Bit `i` set: `top - i` is taken.
    pub taken: u64,
}

impl Window {
    /// The window of a ledger opened at `now`: its nonces begin above `unix time << 20`, so that no address of an
    /// earlier ledger at the same place ever returns, if that one closed as [`may_close_at`](Self::may_close_at) has it.
    /// `None` for a time before 1970.
    pub fn opened_at(now: i64) -> Option<Self> {
        Some(Self {
            top: u64::try_from(now).ok()?.checked_mul(1 << 20)?,
            taken: u64::MAX,
        })
    }

    /// Whether what is opened at `now` or later begins above all that was taken here.
    pub fn may_close_at(self, now: i64) -> bool {
        Self::opened_at(now).is_some_and(|next| next.top >= self.top)
    }

    /// The window with `nonce` taken, or `None` if it is taken already or lies outside `top - 63 ..= top + 64`.
    #[inline]
    pub fn take(self, nonce: u64) -> Option<Self> {
        if nonce > self.top {
            let ahead = nonce - self.top;
            if ahead > 64 {
                return None;
            }
            let moved = if ahead == 64 { 0 } else { self.taken << ahead };
            return Some(Self {
                top: nonce,
                taken: moved | 1,
            });
        }
        let behind = self.top - nonce;
        if behind > 63 || self.taken >> behind & 1 == 1 {
            return None;
        }
        Some(Self {
            top: self.top,
            taken: self.taken | 1 << behind,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_nonce_is_taken_once_and_only_near_the_top(nonces in prop::collection::vec(0u64..400, 1..300)) {
            let mut window = Window { top: 100, taken: 1 };
            let mut seen = BTreeSet::from([100u64]);
            for nonce in nonces {
                let near = nonce + 63 >= window.top && nonce <= window.top + 64;
                let taken = window.take(nonce);
                // what was never seen and lies near the top is accepted; nothing else is
                prop_assert_eq!(taken.is_some(), near && !seen.contains(&nonce));
                if let Some(next) = taken {
                    window = next;
                    seen.insert(nonce);
                }
            }
        }
    }

    #[test]
    fn a_new_ledger_begins_above_all_that_an_old_one_can_have_reached() {
        let now = 1_780_272_000;
        let first = Window::opened_at(now).unwrap();
        assert_eq!(first.top, 1_780_272_000 << 20);
        // neither where it begins nor below: another one may have begun there
        assert!((0..200).all(|below| first.take(first.top - below).is_none()));
        assert!(first.may_close_at(now));
        // what took one closes when the next one begins above that
        let used = first.take(first.top + 1).unwrap();
        assert!(!used.may_close_at(now) && !used.may_close_at(now - 1));
        assert!(used.may_close_at(now + 1));
        assert!(!used.may_close_at(-1));
        // a million jobs a second would be needed to reach the next second's ledger
        assert!(Window::opened_at(1_780_272_001).unwrap().top - first.top == 1 << 20);
        assert_eq!(Window::opened_at(-1), None);
    }
}
