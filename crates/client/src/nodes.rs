//! What owners declare of their nodes, in words: classes by name, countries by code; and filters made of them.

use crate::error::{Error, Result};
use lode_jobs::state::{NodeFilter, REGIONS};
use lode_staking::state::is_region;
use serde::{Deserialize, Serialize};

/// Classes that have a name, by their number.
pub const CLASSES: [&str; 4] = ["unknown", "phone", "desktop", "server"];
/// Classes that a filter can name lie below.
const CLASS_END: u8 = 8;

/// A class in words, or its number where it has no name.
pub fn class_name(class: u8) -> String {
    match CLASSES.get(usize::from(class)) {
        Some(name) => (*name).into(),
        None => class.to_string(),
    }
}

/// A class by name or number.
pub fn parse_class(text: &str) -> Result<u8> {
    let named = CLASSES
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text));
    let number = named.and_then(|index| u8::try_from(index).ok());
    number.or_else(|| text.parse().ok()).ok_or_else(|| {
        Error::Invalid(format!(
            "`{text}` is no class of machines: use {} or a number below 256",
            CLASSES.join(", ")
        ))
    })
}

/// A region in words; nothing where none is declared.
pub fn region_name(region: [u8; 2]) -> Option<String> {
    is_region(region).then(|| region.map(char::from).iter().collect())
}

/// A region by its ISO 3166 code, in capitals or not.
pub fn parse_region(text: &str) -> Result<[u8; 2]> {
    let code = <[u8; 2]>::try_from(text.to_ascii_uppercase().as_bytes()).ok();
    code.filter(|code| is_region(*code)).ok_or_else(|| {
        Error::Invalid(format!(
            "`{text}` is no region: use the two letters of ISO 3166, such as DE, US or GB"
        ))
    })
}

/// Which nodes may run a job, in words: what plans hold and commands are told. By default every node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodesWanted {
    /// Classes that may; none for any.
    pub classes: Vec<String>,
    /// Least processor cores.
    pub cores: u16,
    /// Least memory, MiB.
    pub memory_mib: u16,
    /// Regions that may; none for any.
    pub regions: Vec<String>,
    /// Regions that may not; not beside the former.
    pub not_regions: Vec<String>,
}

impl NodesWanted {
    /// The filter that a market or a job holds.
    ///
    /// # Errors
    /// A class or region that there is not, too many regions, and regions both allowed and denied.
    pub fn filter(&self) -> Result<NodeFilter> {
        let mut filter = NodeFilter {
            cores: self.cores,
            memory_mib: self.memory_mib,
            ..NodeFilter::default()
        };
        for name in &self.classes {
            let class = parse_class(name)?;
            if class >= CLASS_END {
                return Err(Error::Invalid(format!(
                    "Jobs cannot ask for class {class}, only for those below {CLASS_END}"
                )));
            }
            filter.classes |= 1 << class;
        }
        let denies = !self.not_regions.is_empty();
        if denies && !self.regions.is_empty() {
            return Err(Error::Invalid(
                "Regions are either allowed or denied: name only the one or the other".into(),
            ));
        }
        filter.denies = u8::from(denies);
        let mut codes = Vec::new();
        for name in self.regions.iter().chain(&self.not_regions) {
            let code = parse_region(name)?;
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        let bytes = codes.as_flattened();
        filter
            .regions
            .get_mut(..bytes.len())
            .ok_or_else(|| {
                Error::Invalid(format!(
                    "A filter has room for {REGIONS} regions, not for {}: name fewer",
                    codes.len()
                ))
            })?
            .copy_from_slice(bytes);
        Ok(filter)
    }
}

impl From<&NodeFilter> for NodesWanted {
    fn from(filter: &NodeFilter) -> Self {
        let classes = (0..CLASS_END).filter(|class| filter.classes >> class & 1 == 1);
        let codes = filter.codes().filter_map(region_name).collect();
        let (regions, not_regions) = match filter.denies {
            0 => (codes, Vec::new()),
            _ => (Vec::new(), codes),
        };
        Self {
            classes: classes.map(class_name).collect(),
            cores: filter.cores,
            memory_mib: filter.memory_mib,
            regions,
            not_regions,
        }
    }
}

impl std::fmt::Display for NodesWanted {
    /// `phone or desktop, at least 4 cores, in DE or FR`; `any` for every node.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.classes.is_empty() {
            parts.push(self.classes.join(" or "));
        }
        if self.cores > 0 {
            parts.push(format!("at least {} cores", self.cores));
        }
        if self.memory_mib > 0 {
            parts.push(format!("at least {} MiB", self.memory_mib));
        }
        if !self.regions.is_empty() {
            parts.push(format!("in {}", self.regions.join(" or ")));
        }
        if !self.not_regions.is_empty() {
            parts.push(format!("not in {}", self.not_regions.join(" or ")));
        }
        if parts.is_empty() {
            parts.push("any".into());
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).into()).collect()
    }

    #[test]
    fn words_make_a_filter_that_says_the_same_words() {
        let wanted = NodesWanted {
            classes: words(&["phone", "desktop"]),
            cores: 4,
            memory_mib: 2_048,
            regions: words(&["DE", "FR"]),
            not_regions: vec![],
        };
        let filter = wanted.filter().unwrap();
        assert_eq!((filter.classes, filter.denies), (0b110, 0));
        assert_eq!(&filter.regions[..5], b"DEFR\0");
        filter.require_valid().unwrap();
        assert_eq!(NodesWanted::from(&filter), wanted);
        assert_eq!(
            wanted.to_string(),
            "phone or desktop, at least 4 cores, at least 2048 MiB, in DE or FR"
        );
        let denies = NodesWanted {
            not_regions: words(&["us", "CN", "US"]),
            ..NodesWanted::default()
        };
        let filter = denies.filter().unwrap();
        assert_eq!((filter.denies, &filter.regions[..5]), (1, &b"USCN\0"[..]));
        assert_eq!(NodesWanted::from(&filter).to_string(), "not in US or CN");
    }

    #[test]
    fn nothing_asked_is_every_node() {
        let any = NodesWanted::default();
        assert!(any.filter().unwrap().is_any());
        assert_eq!(any.to_string(), "any");
    }

    #[test]
    fn what_no_filter_can_say_is_refused_in_a_sentence() {
        let with = |change: fn(&mut NodesWanted)| {
            let mut wanted = NodesWanted::default();
            change(&mut wanted);
            wanted.filter().unwrap_err().to_string()
        };
        assert!(with(|w| w.classes = words(&["toaster"])).contains("no class"));
        assert!(with(|w| w.classes = words(&["8"])).contains("below 8"));
        assert!(with(|w| w.regions = words(&["Germany"])).contains("ISO 3166"));
        assert!(with(|w| w.regions = words(&["ÄÖ"])).contains("ISO 3166"));
        let eight = with(|w| {
            w.regions = words(&["A", "B", "C", "D", "E", "F", "G", "H"])
                .iter()
                .map(|x| format!("{x}{x}"))
                .collect()
        });
        assert!(eight.contains("room for 7"), "{eight}");
        let both = with(|w| (w.regions, w.not_regions) = (words(&["DE"]), words(&["US"])));
        assert!(both.contains("either"), "{both}");
    }

    #[test]
    fn classes_and_regions_have_names() {
        assert_eq!(parse_class("Server").unwrap(), 3);
        assert_eq!(parse_class("200").unwrap(), 200);
        assert!(parse_class("256").is_err());
        assert_eq!((class_name(1), class_name(9)), ("phone".into(), "9".into()));
        assert_eq!(parse_region("gb").unwrap(), *b"GB");
        assert_eq!(region_name([0; 2]), None);
        assert_eq!(region_name(*b"GB").unwrap(), "GB");
    }
}
