//! The gateways of one store: which is asked first, and what is tried when one fails.

use crate::{Error, GatewayClient, Result, Retry};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A gateway that failed is asked last for so long.
const REST: Duration = Duration::from_secs(60);
/// A gateway whose connections break is tried so often in a row, as long as bytes come, before another is asked.
const STAYS: u32 = 3;

/// One gateway of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// Without a slash at its end.
    pub url: String,
    /// The market names it: it takes blobs. A mirror that only this machine knows does not.
    pub takes: bool,
}

impl Site {
    fn new(url: &str, takes: bool) -> Result<Self> {
        let bad = |reason: &str| Error::BadUrl {
            url: url.chars().take(200).collect(),
            reason: reason.into(),
        };
        let trimmed = url.trim_end_matches('/');
        let parsed = Url::parse(trimmed).map_err(|e| bad(&e.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(bad("it must begin with http:// or https://"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(bad("it must have neither `?` nor `#`"));
        }
        Ok(Self {
            url: trimmed.into(),
            takes,
        })
    }
}

/// The gateways that a market names, and mirrors besides; each once.
pub(crate) fn sites(named: &str, mirrors: &[String]) -> Result<Vec<Site>> {
    let mut sites: Vec<Site> = Vec::new();
    let named = named.split_ascii_whitespace().map(|url| (url, true));
    let mirrors = mirrors.iter().map(|url| (url.as_str(), false));
    for (url, takes) in named.chain(mirrors) {
        let site = Site::new(url, takes)?;
        if !sites.iter().any(|known| known.url == site.url) {
            sites.push(site);
        }
    }
    if !sites.iter().any(|site| site.takes) {
        return Err(Error::BadUrl {
            url: String::new(),
            reason: "no gateway is named".into(),
        });
    }
    Ok(sites)
}

/// The gateways that a market's account names, `url` as it holds them: padded with zeros, one or more, with spaces
/// between. Without slashes at their ends.
pub fn gateway_urls(url: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(url);
    let urls = text.trim_end_matches('\0').split_ascii_whitespace();
    urls.map(|url| url.trim_end_matches('/').to_owned())
        .collect()
}

/// When gateways failed last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rests(Arc<Mutex<HashMap<String, Instant>>>);

impl Rests {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        // whoever panicked with it in hand changed one entry or none
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It failed a while ago at most.
    pub(crate) fn rests(&self, site: &Site) -> bool {
        let failed = self.lock().get(&site.url).copied();
        failed.is_some_and(|at| at.elapsed() < REST)
    }

    pub(crate) fn failed(&self, site: &Site) {
        self.lock().insert(site.url.clone(), Instant::now());
    }

    pub(crate) fn answered(&self, site: &Site) {
        self.lock().remove(&site.url);
    }
}

/// What all clients of gateways share: their connections, the certificates of this machine, which take longer to read than
/// a blob to fetch, the mirrors that this machine knows, and which gateways failed lately. Cheap to clone; all clones
/// are one.
#[derive(Clone, Debug, Default)]
pub struct Gateways(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    http: OnceLock<reqwest::Client>,
    mirrors: Vec<String>,
    rests: Rests,
}

impl Gateways {
    /// With mirrors of whatever market is asked for: blobs are read from them too, after the gateways that the market
    /// names.
    ///
    /// # Errors
    /// [`Error::BadUrl`].
    pub fn with_mirrors(mirrors: Vec<String>) -> Result<Self> {
        for url in &mirrors {
            Site::new(url, false)?;
        }
        Ok(Self(Arc::new(Shared {
            mirrors,
            ..Shared::default()
        })))
    }

    /// The client of a market's store; `url` as the market's account holds it, zeros behind it.
    ///
    /// # Errors
    /// [`Error::BadUrl`].
    pub fn of(&self, url: &[u8]) -> Result<GatewayClient> {
        let shared = &*self.0;
        let named = gateway_urls(url).join(" ");
        let http = match shared.http.get() {
            Some(http) => http.clone(),
            None => {
                let made = http()?;
                shared.http.get_or_init(|| made).clone()
            }
        };
        let sites = sites(&named, &shared.mirrors)?;
        Ok(GatewayClient::of_sites(http, sites, shared.rests.clone()))
    }
}

/// The connections of a client.
pub(crate) fn http() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // A gateway answers itself: following it elsewhere would let it send us where it likes.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("lode/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Error::BadUrl {
            url: String::new(),
            reason: crate::client::chain(&e),
        })
}

/// Walks over the gateways of a store: the next one when one fails, all again after a pause. What a gateway refuses for
/// good it is not asked again.
pub(crate) struct Tries<'a> {
    rests: &'a Rests,
    retry: Retry,
    /// What is left of this round; the first is asked now. Never empty.
    round: VecDeque<(usize, &'a Site)>,
    /// Those that are worth another round.
    next: VecDeque<(usize, &'a Site)>,
    /// What each said last, in the order of the market.
    said: Vec<Option<Error>>,
    failed: u32,
    stays: u32,
}

impl<'a> Tries<'a> {
    /// Over some of a store's gateways, those that failed lately last.
    pub(crate) fn new(
        sites: impl Iterator<Item = &'a Site>,
        rests: &'a Rests,
        retry: Retry,
    ) -> Result<Self> {
        let mut round: Vec<_> = sites.enumerate().collect();
        round.sort_by_key(|(_, site)| rests.rests(site));
        if round.is_empty() {
            return Err(Error::BadUrl {
                url: String::new(),
                reason: "no gateway is named".into(),
            });
        }
        Ok(Self {
            rests,
            retry,
            said: round.iter().map(|_| None).collect(),
            round: round.into(),
            next: VecDeque::new(),
            failed: 0,
            stays: 0,
        })
    }

    /// The gateway to ask now.
    pub(crate) fn site(&self) -> Result<&'a Site> {
        let first = self.round.front().map(|(_, site)| *site);
        first.ok_or_else(|| Error::BadUrl {
            url: String::new(),
            reason: "no gateway is left".into(),
        })
    }

    /// The one that was asked answered.
    pub(crate) fn answered(&self) {
        if let Some((_, site)) = self.round.front() {
            self.rests.answered(site);
        }
    }

    /// Bytes came: the count of failures begins anew.
    pub(crate) fn progress(&mut self) {
        self.failed = 0;
    }

    /// Chooses who is asked next, and waits where all were asked; gives an error back where nothing is left to try: that
    /// of the gateway that knows most of the matter. Says whether it is another one than before.
    pub(crate) async fn again(&mut self, error: Error, progressed: bool) -> Result<bool> {
        if progressed {
            self.progress();
        }
        let alone = self.round.len() + self.next.len() < 2;
        if progressed && error.is_transient() && !alone && self.stays < STAYS {
            self.stays += 1;
            tokio::time::sleep(self.retry.first_pause).await;
            return Ok(false);
        }
        self.stays = 0;
        let Some((number, site)) = self.round.pop_front() else {
            return Err(error);
        };
        tracing::debug!(%error, gateway = site.url, "it fails");
        if error.is_fault() {
            self.rests.failed(site);
        }
        if error.is_transient() {
            self.next.push_back((number, site));
        }
        if let Some(said) = self.said.get_mut(number) {
            *said = Some(error);
        }
        if !self.round.is_empty() {
            return Ok(true);
        }
        self.failed = self.failed.saturating_add(1);
        if self.next.is_empty() || self.failed >= self.retry.tries {
            return Err(self.weightiest());
        }
        let pause = self
            .retry
            .first_pause
            .saturating_mul(1 << (self.failed - 1).min(16))
            .min(self.retry.longest_pause);
        tracing::debug!(tries = self.failed, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        self.round = std::mem::take(&mut self.next);
        Ok(self.round.front().is_none_or(|(next, _)| *next != number))
    }

    /// Of what was said: a fault of the bytes or a refusal, else that one does not answer, else that nobody has it.
    fn weightiest(&mut self) -> Error {
        let weight = |error: &Error| match error {
            Error::NotFound { .. } => 0,
            error if error.is_transient() => 1,
            _ => 2,
        };
        let said = self.said.iter_mut().filter_map(Option::take);
        let worst = said.reduce(|best, error| {
            if weight(&error) > weight(&best) {
                error
            } else {
                best
            }
        });
        worst.unwrap_or_else(|| Error::BadUrl {
            url: String::new(),
            reason: "no gateway was asked".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(status: u16) -> Error {
        Error::Refused {
            url: String::new(),
            status,
            reason: String::new(),
        }
    }

    fn missing() -> Error {
        Error::NotFound {
            what: String::new(),
            url: String::new(),
        }
    }

    fn two() -> Vec<Site> {
        sites("http://a http://b/", &[]).unwrap()
    }

    const RETRY: Retry = Retry {
        tries: 2,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(1),
        stall: Duration::from_secs(1),
    };

    #[test]
    fn a_market_names_one_gateway_or_several_and_mirrors_are_for_reading() {
        let mut account = [0; 96];
        let text = b"http://a/ http://b";
        account[..text.len()].copy_from_slice(text);
        assert_eq!(gateway_urls(&account), ["http://a", "http://b"]);
        let mirrors = ["http://b".to_owned(), "http://c/".to_owned()];
        let all = sites("http://a/ http://b", &mirrors).unwrap();
        let all: Vec<_> = all.iter().map(|s| (s.url.as_str(), s.takes)).collect();
        assert_eq!(
            all,
            [("http://a", true), ("http://b", true), ("http://c", false)]
        );
        for nobody in ["", "  ", "ftp://a", "http://a http://b/?x"] {
            assert!(
                matches!(sites(nobody, &mirrors), Err(Error::BadUrl { .. })),
                "{nobody}"
            );
        }
        assert!(Gateways::with_mirrors(vec!["c".into()]).is_err());
    }

    #[tokio::test]
    async fn all_are_asked_before_any_is_asked_again() {
        let (sites, rests) = (two(), Rests::default());
        let mut tries = Tries::new(sites.iter(), &rests, RETRY).unwrap();
        assert_eq!(tries.site().unwrap().url, "http://a");
        assert!(tries.again(refused(500), false).await.unwrap());
        assert_eq!(tries.site().unwrap().url, "http://b");
        // b does not have it, and is not asked again; a may recover
        assert!(tries.again(missing(), false).await.unwrap());
        assert_eq!(tries.site().unwrap().url, "http://a");
        let error = tries.again(refused(500), false).await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 500, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn who_failed_lately_is_asked_last_until_it_answers() {
        let (sites, rests) = (two(), Rests::default());
        let first = |rests| {
            let tries = Tries::new(sites.iter(), rests, RETRY).unwrap();
            tries.site().unwrap().url.clone()
        };
        let mut tries = Tries::new(sites.iter(), &rests, RETRY).unwrap();
        tries.again(refused(503), false).await.unwrap();
        assert_eq!(first(&rests), "http://b");
        // that a job is not known yet is no fault of a gateway
        tries.again(refused(425), false).await.unwrap();
        assert_eq!(first(&rests), "http://b");
        tries.answered();
        assert_eq!(first(&rests), "http://a");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_opened_again_while_bytes_come_but_not_for_ever() {
        let (sites, rests) = (two(), Rests::default());
        let mut tries = Tries::new(sites.iter(), &rests, RETRY).unwrap();
        for _ in 0..STAYS {
            assert!(!tries.again(refused(500), true).await.unwrap());
        }
        assert!(tries.again(refused(500), true).await.unwrap());
        assert_eq!(tries.site().unwrap().url, "http://b");
    }

    #[tokio::test]
    async fn the_weightiest_error_is_told() {
        let (sites, rests) = (two(), Rests::default());
        for (a, b, told) in [
            (missing(), missing(), 404),
            (missing(), refused(403), 403),
            (refused(409), refused(403), 409),
        ] {
            let mut tries = Tries::new(sites.iter(), &rests, RETRY).unwrap();
            tries.again(a, false).await.unwrap();
            let error = tries.again(b, false).await.unwrap_err();
            let status = match error {
                Error::NotFound { .. } => 404,
                Error::Refused { status, .. } => status,
                other => unreachable!("{other}"),
            };
            assert_eq!(status, told);
        }
    }
}
