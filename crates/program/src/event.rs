//! Events.

use anchor_lang::bytemuck::Pod;
use anchor_lang::{sol_log_data, Event};
use core::mem::size_of;

/// An event as it is logged: its discriminator, then its bytes.
#[repr(C)]
struct Told<E> {
    tag: [u8; 8],
    event: E,
}

/// Logs the same bytes as `emit!` does for an `#[event(bytemuck)]`, without the heap.
#[inline(always)]
pub fn tell<E: Event + Pod>(event: E) {
    const {
        assert!(E::DISCRIMINATOR.len() == 8);
        assert!(size_of::<Told<E>>() == 8 + size_of::<E>());
    }
    let mut tag = [0; 8];
    tag.copy_from_slice(E::DISCRIMINATOR);
    let told = Told { tag, event };
    // SAFETY: both parts are plain bytes without padding, and by the assertion above there is none between them.
    let bytes = unsafe {
        core::slice::from_raw_parts((&raw const told).cast::<u8>(), size_of::<Told<E>>())
    };
    sol_log_data(&[bytes]);
}
