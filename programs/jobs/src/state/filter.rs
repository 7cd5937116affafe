//! [`NodeFilter`]: which nodes may run a job, by what their owners declare of them.

use crate::error::JobsError;
use anchor_lang::prelude::*;
use lode_staking::state::{is_region, Node};

/// Regions that a filter has room for.
pub const REGIONS: usize = 7;
const _: () = assert!(core::mem::size_of::<NodeFilter>() == 6 + 2 * REGIONS);

/// Which nodes may run a job, by what their owners declare: nobody proves it. All zero takes every node.
///
/// A node that declares nothing passes no filter that asks for it: of whoever leaves the region open nobody knows that it
/// lies outside of those that are denied, either.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    bytemuck::Pod,
    bytemuck::Zeroable,
    AnchorSerialize,
    AnchorDeserialize,
    IdlType,
)]
pub struct NodeFilter {
    /// Classes that pass, bit n for class n; 0 for any.
    pub classes: u8,
    /// 1: `regions` do not pass and all others do; 0: they pass and no others do.
    pub denies: u8,
    /// Least processor cores.
    pub cores: u16,
    /// Least memory, MiB.
    pub memory_mib: u16,
    /// Up to [`REGIONS`] ISO 3166 alpha-2 codes, one after the other, then 0; none for any region.
    pub regions: [u8; 14],
}

impl NodeFilter {
    /// Takes every node.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// The codes of its regions.
    pub fn codes(&self) -> impl Iterator<Item = [u8; 2]> + '_ {
        let (codes, _) = self.regions.as_chunks::<2>();
        codes.iter().copied().take_while(|code| *code != [0; 2])
    }

    /// It has one form for each meaning: codes without gaps, and a denial only of something.
    pub fn require_valid(&self) -> Result<()> {
        if self.is_any() {
            return Ok(());
        }
        let (codes, _) = self.regions.as_chunks::<2>();
        let given = self.codes().count();
        let well_formed = codes.iter().enumerate().all(|(i, code)| {
            if i < given {
                is_region(*code)
            } else {
                *code == [0; 2]
            }
        });
        require!(
            well_formed && (self.denies == 0 || self.denies == 1 && given > 0),
            JobsError::BadFilter
        );
        Ok(())
    }

    /// The node declares what is asked for.
    #[inline]
    pub fn require(&self, node: &Node) -> Result<()> {
        // a class beyond the mask passes only where any does
        require!(
            self.classes == 0 || node.class < 8 && self.classes >> node.class & 1 == 1,
            JobsError::ClassNotTaken
        );
        require!(node.cores >= self.cores, JobsError::TooFewCores);
        require!(
            node.memory_mib >= u32::from(self.memory_mib),
            JobsError::TooLittleMemory
        );
        require!(
            self.regions[0] == 0 || self.takes_region(node.region),
            JobsError::RegionNotTaken
        );
        Ok(())
    }

    /// A region passes a filter that names some.
    #[inline(never)]
    fn takes_region(&self, region: [u8; 2]) -> bool {
        let named = self.codes().any(|code| code == region);
        region != [0; 2] && named != (self.denies == 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;

    fn node(class: u8, cores: u16, memory_mib: u32, region: &[u8; 2]) -> Node {
        let mut node = Node::zeroed();
        (node.class, node.cores, node.memory_mib) = (class, cores, memory_mib);
        node.region = *region;
        node
    }

    fn regions(denies: u8, codes: &[u8]) -> NodeFilter {
        let mut filter = NodeFilter {
            denies,
            ..NodeFilter::default()
        };
        filter.regions[..codes.len()].copy_from_slice(codes);
        filter
    }

    #[test]
    fn an_empty_filter_takes_every_node() {
        let any = NodeFilter::default();
        assert!(any.is_any());
        any.require_valid().unwrap();
        for node in [node(0, 0, 0, &[0; 2]), node(255, u16::MAX, u32::MAX, b"ZZ")] {
            any.require(&node).unwrap();
        }
    }

    #[test]
    fn each_attribute_is_refused_by_its_own_name_and_passes_at_its_bound() {
        let filter = NodeFilter {
            classes: 0b1010,
            cores: 4,
            memory_mib: 2_048,
            ..regions(0, b"DEFR")
        };
        filter.require_valid().unwrap();
        filter.require(&node(1, 4, 2_048, b"FR")).unwrap();
        filter.require(&node(3, 9, 65_536, b"DE")).unwrap();
        for (node, error) in [
            (node(0, 4, 2_048, b"FR"), JobsError::ClassNotTaken),
            (node(2, 4, 2_048, b"FR"), JobsError::ClassNotTaken),
            (node(8, 4, 2_048, b"FR"), JobsError::ClassNotTaken),
            (node(255, 4, 2_048, b"FR"), JobsError::ClassNotTaken),
            (node(1, 3, 2_048, b"FR"), JobsError::TooFewCores),
            (node(1, 4, 2_047, b"FR"), JobsError::TooLittleMemory),
            (node(1, 4, 2_048, b"US"), JobsError::RegionNotTaken),
            (node(1, 4, 2_048, b"RD"), JobsError::RegionNotTaken),
        ] {
            assert_eq!(filter.require(&node), Err(error.into()));
        }
    }

    #[test]
    fn who_declares_no_region_passes_neither_an_allow_nor_a_deny_list() {
        let (allow, deny) = (regions(0, b"DEFR"), regions(1, b"DEFR"));
        for (region, allowed, denied) in [
            (b"DE", true, false),
            (b"FR", true, false),
            (b"US", false, true),
            (&[0; 2], false, false),
        ] {
            let node = node(0, 0, 0, region);
            assert_eq!(allow.require(&node).is_ok(), allowed);
            assert_eq!(deny.require(&node).is_ok(), denied);
        }
    }

    #[test]
    fn a_filter_has_one_form_and_room_for_seven_regions() {
        let full = regions(1, b"DEFRUSCNINBRZA");
        full.require_valid().unwrap();
        assert!(full.require(&node(0, 0, 0, b"ZA")).is_err());
        assert_eq!(full.codes().count(), REGIONS);
        for bad in [
            regions(1, b""),
            regions(2, b"DE"),
            regions(0, b"de"),
            regions(0, b"D1"),
            regions(0, b"D"),
            regions(0, b"\0\0DE"),
            regions(0, b"DE\0\0FR"),
            regions(0, b"DE\0R"),
        ] {
            assert!(bad.require_valid().is_err(), "{bad:?}");
        }
    }
}
