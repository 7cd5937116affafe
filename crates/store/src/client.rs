//! The client of a market's gateways.

use crate::authorization::{unix_now, ForgetRequest, PutRequest, AUTHORIZATION_SECONDS};
use crate::error::is_transient_status;
use crate::names;
use crate::sites::{self, Rests, Site, Tries};
use crate::{Attestation, BlobHash, Error, Hasher, Result, ATTESTATION_BYTES};
use bytes::Bytes;
use reqwest::header::{
    HeaderMap, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use reqwest::{Body, Method, Response, StatusCode};
use solana_address::Address;
use solana_signer::Signer;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

/// Uploads larger than this first ask how much is already there; smaller ones are just sent. No request sends less of a
/// larger one.
const SMALL: u64 = 64 * 1024;
/// What the first request of a larger upload sends. Each one that goes fast is followed by one of twice the size; what a
/// broken one sent in vain is all that is sent twice.
const FIRST_PIECE: u64 = 256 * 1024;
/// What one request sends at most.
const LARGEST_PIECE: u64 = 64 * 1024 * 1024;
/// A request that took less than this was fast, one that took longer than that was slow.
const FAST: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(10);
/// Bytes a second below which a connection counts as stalled.
const LEAST_PACE: u64 = 512;
/// So much more must be there for a transfer to count as having moved.
const LEAST_PROGRESS: u64 = 4 * 1024;
/// What one of several gateways may take to hand out an attestation: whoever asks is in a hurry, and the next one has it
/// too.
const ATTESTATION_TIME: Duration = Duration::from_secs(2);
/// Of a refusal, this many bytes are read.
const MOST_REASON: usize = 600;

/// How often a broken exchange is tried again. Progress starts the count anew.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries in a row without a byte of progress.
    pub tries: u32,
    /// Pause after the first failure; doubles with each further one.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// A connection on which nothing arrives for so long counts as broken; so does one that in this time brings less than
    /// 512 bytes a second.
    pub stall: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 6,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            stall: Duration::from_secs(30),
        }
    }
}

/// Who puts a blob, and for what: the gateway asks the chain whether that key may.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Signs each request.
    pub signer: &'a (dyn Signer + Send + Sync),
    /// The job.
    pub job: Address,
    /// Its current attempt.
    pub attempt: u8,
}

/// The bytes of a blob to put.
#[derive(Clone, Debug)]
pub enum Source {
    /// In memory.
    Bytes(Bytes),
    /// In a file, which must not change while it is sent.
    File(PathBuf),
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl Source {
    async fn size(&self) -> Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => Ok(tokio::fs::metadata(path)
                .await
                .map_err(Error::file(path))?
                .len()),
        }
    }

    async fn name(&self) -> Result<BlobHash> {
        match self {
            Self::Bytes(bytes) => Ok(BlobHash::of(bytes)),
            Self::File(path) => Ok(hashed(path).await?.0),
        }
    }

    /// A part of the bytes.
    async fn body(&self, part: Range<u64>) -> Result<Body> {
        match self {
            Self::Bytes(bytes) => {
                let at = |place| {
                    usize::try_from(place)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len())
                };
                Ok(Body::from(bytes.slice(at(part.start)..at(part.end))))
            }
            Self::File(path) => {
                let open = || async {
                    let mut file = tokio::fs::File::open(path).await?;
                    file.seek(std::io::SeekFrom::Start(part.start)).await?;
                    Ok(file.take(part.end.saturating_sub(part.start)))
                };
                let file = open().await.map_err(Error::file(path))?;
                Ok(Body::wrap_stream(ReaderStream::with_capacity(
                    file,
                    64 * 1024,
                )))
            }
        }
    }
}

/// A client of one store: of the gateways that a market names, and of mirrors. What one does not answer, answers wrongly or
/// does not have, the next is asked for; blobs are put to the first that takes them.
///
/// Cheap to clone. Every call may be cancelled by dropping it: a download keeps what it has for the next one, an upload
/// leaves at the gateway what arrived. A call takes as long as a gateway goes on sending; whoever has a deadline puts
/// `tokio::time::timeout` around it.
#[derive(Clone, Debug)]
pub struct GatewayClient {
    http: reqwest::Client,
    sites: Arc<[Site]>,
    rests: Rests,
    retry: Retry,
}

impl GatewayClient {
    /// A client of the gateways at `url`, as a market names them: one, or several with spaces between. Whoever asks several
    /// stores, or one again and again, has them from [`crate::Gateways`].
    ///
    /// # Errors
    /// [`Error::BadUrl`].
    pub fn new(url: &str) -> Result<Self> {
        let sites = sites::sites(url, &[])?;
        Ok(Self::of_sites(sites::http()?, sites, Rests::default()))
    }

    pub(crate) fn of_sites(http: reqwest::Client, sites: Vec<Site>, rests: Rests) -> Self {
        Self {
            http,
            sites: sites.into(),
            rests,
            retry: Retry::default(),
        }
    }

    /// Clients of each gateway of this store alone.
    pub fn each(&self) -> Vec<Self> {
        let one = |site: &Site| Self {
            sites: [site.clone()].into(),
            ..self.clone()
        };
        self.sites.iter().map(one).collect()
    }

    /// Sets how often broken exchanges are tried again.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// URL of the first gateway, without a slash at its end.
    pub fn url(&self) -> &str {
        self.sites.first().map_or("", |site| site.url.as_str())
    }

    /// What tells this store from others in a file's name.
    fn short_name(&self) -> String {
        let urls: Vec<&str> = self.sites.iter().map(|site| site.url.as_str()).collect();
        let name = BlobHash::of(urls.join(" ").as_bytes()).to_string();
        name.chars().take(16).collect()
    }

    fn tries(&self) -> Result<Tries<'_>> {
        Tries::new(self.sites.iter(), &self.rests, self.retry)
    }

    /// Over those that take what is put.
    fn takers(&self) -> Result<Tries<'_>> {
        let takers = self.sites.iter().filter(|site| site.takes);
        Tries::new(takers, &self.rests, self.retry)
    }

    /// Size of a blob, or `None` where the store lacks it.
    pub async fn size(&self, blob: BlobHash) -> Result<Option<u64>> {
        let mut tries = self.tries()?;
        loop {
            let error = match self.size_once(tries.site()?, blob).await {
                Ok(size) => {
                    tries.answered();
                    return Ok(Some(size));
                }
                Err(error) => error,
            };
            match tries.again(error, false).await {
                Err(error) if error.is_not_found() => return Ok(None),
                moved => moved?,
            };
        }
    }

    /// Whether any gateway that takes blobs answers; asks for a blob, whether it is there or not.
    ///
    /// # Errors
    /// Why none does.
    pub async fn require_answer(&self, blob: BlobHash) -> Result<()> {
        let mut tries = self.takers()?;
        loop {
            match self.size_once(tries.site()?, blob).await {
                Ok(_) | Err(Error::NotFound { .. }) => {
                    tries.answered();
                    return Ok(());
                }
                Err(error) => tries.again(error, false).await?,
            };
        }
    }

    async fn size_once(&self, site: &Site, blob: BlobHash) -> Result<u64> {
        let request = self.request(site, Method::HEAD, &names::blob(&blob));
        let response = self.answer(site, request, 0).await?;
        if !response.status().is_success() {
            return Err(self.refusal(site, response).await);
        }
        // of a HEAD only the header tells; the body's own length is 0
        number(response.headers(), CONTENT_LENGTH.as_str())
            .ok_or_else(|| broken(site, "it does not say how large the blob is"))
    }

    /// A blob of at most `limit` bytes, in memory, its hash checked.
    pub async fn get(&self, blob: BlobHash, limit: u64) -> Result<Bytes> {
        let check = |bytes: &Bytes| match BlobHash::of(bytes) {
            found if found == blob => Ok(()),
            found => Err(Error::WrongHash {
                expected: blob,
                found,
            }),
        };
        self.get_small(&names::blob(&blob), limit, check).await
    }

    /// Fetches a blob of at most `limit` bytes into the file `to`, which appears only when it is whole and its hash
    /// is right. Something else that lies there goes away first. What a broken or cancelled call left beside it, in
    /// `<blob>.<store>.partial`, is used. Returns the size.
    pub async fn fetch(&self, blob: BlobHash, limit: u64, to: &Path) -> Result<u64> {
        if to.is_file() {
            let (found, size) = hashed(to).await?;
            if found == blob {
                return Ok(size);
            }
            tokio::fs::remove_file(to).await.map_err(Error::file(to))?;
        }
        let Some(partial) = Partial::lock(to, blob, &self.short_name()).await? else {
            return Ok(tokio::fs::metadata(to)
                .await
                .map_err(Error::file(to))?
                .len());
        };
        let mut file = tokio::fs::File::from_std(partial.file);
        let path = partial.path;
        let mut hasher = Hasher::default();
        let mut piece = vec![0; 64 * 1024];
        loop {
            match file.read(&mut piece).await.map_err(Error::file(&path))? {
                0 => break,
                n => hasher.update(piece.get(..n).unwrap_or_default()),
            }
        }
        // Whether some of the bytes are not of the gateway that is asked now, and whether such a mixture was wrong before.
        let (mut mixed, mut unmixed) = (hasher.bytes() > 0, false);
        let mut tries = self.tries()?;
        loop {
            let before = hasher.bytes();
            let site = tries.site()?;
            let downloaded = self
                .download(site, blob, limit, &mut file, &path, &mut hasher)
                .await;
            let error = match downloaded {
                Ok(()) => {
                    let found = hasher.name();
                    if found == blob {
                        tries.answered();
                        break;
                    }
                    restart(&mut file, &path, &mut hasher).await?;
                    // What an earlier call or another gateway left may have been wrong: only bytes of one go convict the
                    // one that sent them.
                    if std::mem::take(&mut mixed) {
                        unmixed = true;
                        continue;
                    }
                    Error::WrongHash {
                        expected: blob,
                        found,
                    }
                }
                Err(error @ Error::TooLarge { .. }) => {
                    restart(&mut file, &path, &mut hasher).await?;
                    error
                }
                Err(error) => error,
            };
            let moved = hasher.bytes() >= before.saturating_add(LEAST_PROGRESS);
            match tries.again(error, moved).await {
                Ok(true) if unmixed => restart(&mut file, &path, &mut hasher).await?,
                Ok(true) => mixed = hasher.bytes() > 0,
                Ok(false) => {}
                Err(error) => {
                    if matches!(error, Error::TooLarge { .. } | Error::WrongHash { .. }) {
                        remove(&path).await;
                    }
                    return Err(error);
                }
            }
        }
        let size = hasher.bytes();
        file.sync_all().await.map_err(Error::file(&path))?;
        tokio::fs::rename(&path, to)
            .await
            .map_err(Error::file(to))?;
        Ok(size)
    }

    /// One connection's worth of a download.
    async fn download(
        &self,
        site: &Site,
        blob: BlobHash,
        limit: u64,
        file: &mut tokio::fs::File,
        path: &Path,
        hasher: &mut Hasher,
    ) -> Result<()> {
        let too_large = || Error::TooLarge {
            what: format!("blob {blob}"),
            limit,
        };
        let mut request = self.request(site, Method::GET, &names::blob(&blob));
        if hasher.bytes() > 0 {
            request = request.header(RANGE, format!("bytes={}-", hasher.bytes()));
        }
        let mut response = self.answer(site, request, 0).await?;
        match response.status() {
            StatusCode::OK => restart(file, path, hasher).await?,
            StatusCode::PARTIAL_CONTENT => {
                let from = response
                    .headers()
                    .get(CONTENT_RANGE)
                    .and_then(|v| v.to_str().ok())
                    .and_then(|v| v.strip_prefix("bytes "))
                    .and_then(|v| v.split_once('-'))
                    .and_then(|(from, _)| from.parse::<u64>().ok());
                if from != Some(hasher.bytes()) {
                    return Err(broken(site, "it sends another part than the one asked for"));
                }
            }
            // There is nothing behind what we have: it is the whole blob, or it is wrong, which its hash tells.
            StatusCode::RANGE_NOT_SATISFIABLE if hasher.bytes() > 0 => return Ok(()),
            _ => return Err(self.refusal(site, response).await),
        }
        if let Some(rest) = response.content_length() {
            if hasher.bytes().saturating_add(rest) > limit {
                return Err(too_large());
            }
        }
        let mut pace = Pace::new(self.retry.stall);
        let received = loop {
            match self.chunk(site, &mut response).await {
                Ok(Some(bytes)) => {
                    if hasher.bytes().saturating_add(bytes.len() as u64) > limit {
                        return Err(too_large());
                    }
                    file.write_all(&bytes).await.map_err(Error::file(path))?;
                    hasher.update(&bytes);
                    if !pace.goes_on(bytes.len() as u64) {
                        break Err(broken(site, "it sends too slowly"));
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        file.flush().await.map_err(Error::file(path))?;
        received
    }

    /// Puts a blob to the first gateway that takes it, and returns its name. Bytes that reached the gateway before a
    /// connection broke are not sent again; a blob that is there already is not sent at all.
    pub async fn put(&self, writer: &Writer<'_>, source: impl Into<Source>) -> Result<BlobHash> {
        let source = source.into();
        let size = source.size().await?;
        let blob = source.name().await?;
        let mut tries = self.takers()?;
        let mut offset = (size <= SMALL).then_some(0);
        let (mut furthest, mut piece) = (0u64, FIRST_PIECE);
        loop {
            let (site, began) = (tries.site()?, Instant::now());
            let end = offset.map(|from: u64| from.saturating_add(piece).min(size));
            let answer = match (offset, end) {
                (Some(from), Some(end)) => {
                    self.send(site, writer, blob, &source, from..end, size)
                        .await
                }
                _ => self.ask_offset(site, writer, blob, size).await,
            };
            let mut progressed = false;
            let error = match answer {
                Ok(Upload::Done) => {
                    tries.answered();
                    return Ok(blob);
                }
                Ok(Upload::At(there)) if there < size => {
                    progressed = there >= furthest.saturating_add(LEAST_PROGRESS);
                    furthest = furthest.max(there);
                    if offset.is_none() || end == Some(there) {
                        if progressed {
                            tries.progress();
                        }
                        if offset.is_some() && began.elapsed() < FAST {
                            piece = piece.saturating_mul(2).min(LARGEST_PIECE);
                        } else if began.elapsed() > SLOW {
                            piece = (piece / 2).max(SMALL);
                        }
                        offset = Some(there);
                        continue;
                    }
                    broken(site, "it took only a part of what was sent")
                }
                Ok(Upload::At(_)) => broken(site, "it has every byte but not the blob"),
                Err(error) => error,
            };
            piece = (piece / 2).max(SMALL);
            if tries.again(error, progressed).await? {
                furthest = 0;
            }
            offset = None;
        }
    }

    /// Puts an output. A gateway that has never seen the job's spec, because another one took it, is given that first.
    pub async fn put_output(
        &self,
        writer: &Writer<'_>,
        spec: &Path,
        output: impl Into<Source>,
    ) -> Result<BlobHash> {
        let output = output.into();
        match self.put(writer, output.clone()).await {
            Err(Error::Refused { status: 424, .. }) => {}
            put => return put,
        }
        self.put(writer, spec).await?;
        self.put(writer, output).await
    }

    /// Sends a part of the bytes.
    async fn send(
        &self,
        site: &Site,
        writer: &Writer<'_>,
        blob: BlobHash,
        source: &Source,
        part: Range<u64>,
        size: u64,
    ) -> Result<Upload> {
        let length = part.end.saturating_sub(part.start);
        let mut request = self
            .put_request(site, writer, blob)?
            .header(CONTENT_LENGTH, length)
            .body(source.body(part.clone()).await?);
        if length < size {
            let last = part.end.saturating_sub(1);
            let range = format!("bytes {}-{last}/{size}", part.start);
            request = request.header(CONTENT_RANGE, range);
        }
        let answer = self.answer(site, request, length).await?;
        self.uploaded(site, answer).await
    }

    /// Asks how many bytes of an upload the gateway has.
    async fn ask_offset(
        &self,
        site: &Site,
        writer: &Writer<'_>,
        blob: BlobHash,
        size: u64,
    ) -> Result<Upload> {
        let request = self
            .put_request(site, writer, blob)?
            .header(CONTENT_LENGTH, 0)
            .header(CONTENT_RANGE, format!("bytes */{size}"));
        let answer = self.answer(site, request, 0).await?;
        self.uploaded(site, answer).await
    }

    fn put_request(
        &self,
        site: &Site,
        writer: &Writer<'_>,
        blob: BlobHash,
    ) -> Result<reqwest::RequestBuilder> {
        let signed = PutRequest {
            url: &site.url,
            job: writer.job,
            attempt: writer.attempt,
            blob,
            expires: unix_now().saturating_add(AUTHORIZATION_SECONDS),
        }
        .sign(writer.signer)?;
        Ok(self
            .request(site, Method::PUT, &names::blob(&blob))
            .header(AUTHORIZATION, signed.to_header())
            .header(CONTENT_TYPE, "application/octet-stream"))
    }

    /// What the answer to a PUT means: done, or this many bytes are there.
    async fn uploaded(&self, site: &Site, response: Response) -> Result<Upload> {
        match response.status() {
            StatusCode::OK | StatusCode::CREATED => Ok(Upload::Done),
            StatusCode::PERMANENT_REDIRECT => {
                let Some(range) = response.headers().get(RANGE) else {
                    return Ok(Upload::At(0));
                };
                range
                    .to_str()
                    .ok()
                    .and_then(|v| v.strip_prefix("bytes=0-"))
                    .and_then(|last| last.parse::<u64>().ok())
                    .and_then(|last| last.checked_add(1))
                    .map(Upload::At)
                    .ok_or_else(|| broken(site, "it does not say how much it has"))
            }
            _ => Err(self.refusal(site, response).await),
        }
    }

    /// A seat's attestation of an attempt, or `None` where there is none yet.
    pub async fn attestation(
        &self,
        job: &Address,
        attempt: u8,
        seat: u8,
    ) -> Result<Option<Attestation>> {
        let path = names::attestation(job, attempt, seat);
        let check = |bytes: &Bytes| Attestation::from_bytes(bytes).map(|_| ());
        let limit = ATTESTATION_BYTES as u64;
        match self.get_small(&path, limit, check).await {
            Ok(bytes) => Attestation::from_bytes(&bytes).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the store's gateways have as a seat's attestation of an attempt; of one that lies, the others' differs. Only
    /// whoever asks can tell which holds. Gateways that failed lately are asked only where no other answers.
    pub async fn attestations(
        &self,
        job: &Address,
        attempt: u8,
        seat: u8,
    ) -> Result<Vec<Attestation>> {
        let mut found = Vec::new();
        let mut answered = false;
        if self.sites.len() > 1 {
            let path = names::attestation(job, attempt, seat);
            let mut sites: Vec<&Site> = self.sites.iter().collect();
            sites.sort_by_key(|site| self.rests.rests(site));
            for site in sites {
                if answered && self.rests.rests(site) {
                    continue;
                }
                let got = self.get_once(site, &path, ATTESTATION_BYTES as u64);
                let got = tokio::time::timeout(ATTESTATION_TIME, got)
                    .await
                    .unwrap_or_else(|_| Err(broken(site, "no answer comes")));
                match &got {
                    Err(error) if error.is_fault() => self.rests.failed(site),
                    Err(error) if !error.is_not_found() => {}
                    _ => {
                        self.rests.answered(site);
                        answered = true;
                    }
                }
                let read = got.and_then(|bytes| Attestation::from_bytes(&bytes));
                found.extend(read.ok().filter(|one| !found.contains(one)));
            }
        }
        if !answered {
            found.extend(self.attestation(job, attempt, seat).await?);
        }
        Ok(found)
    }

    /// Puts a seat's attestation of an attempt. Its own signature is all the authority it needs. One gateway must take it;
    /// the others are offered it too, so that it outlives one of them.
    pub async fn put_attestation(
        &self,
        job: &Address,
        attempt: u8,
        seat: u8,
        attestation: &Attestation,
    ) -> Result<()> {
        let path = names::attestation(job, attempt, seat);
        let mut tries = self.takers()?;
        let took = loop {
            let site = tries.site()?;
            match self.attest_once(site, &path, attestation).await {
                Ok(()) => break site,
                Err(error) => tries.again(error, false).await?,
            };
        };
        tries.answered();
        let others = self.sites.iter().filter(|site| site.takes && *site != took);
        for site in others.filter(|site| !self.rests.rests(site)) {
            if let Err(error) = self.attest_once(site, &path, attestation).await {
                tracing::debug!(%error, gateway = site.url, "it does not take an attestation that another one has");
            }
        }
        Ok(())
    }

    async fn attest_once(&self, site: &Site, path: &str, attestation: &Attestation) -> Result<()> {
        let request = self
            .request(site, Method::PUT, path)
            .body(attestation.to_bytes().to_vec());
        self.done(site, request).await
    }

    /// Asks to forget all that is stored for a job whose account is closed, now and not after a week. Signed by the
    /// customer; each gateway is asked by itself, see [`Self::each`].
    pub async fn forget(&self, signer: &(dyn Signer + Send + Sync), job: Address) -> Result<()> {
        let mut tries = self.tries()?;
        loop {
            let site = tries.site()?;
            let signed = ForgetRequest {
                url: &site.url,
                job,
                expires: unix_now().saturating_add(AUTHORIZATION_SECONDS),
            }
            .sign(signer)?;
            let request = self
                .request(site, Method::DELETE, &names::job(&job))
                .header(AUTHORIZATION, signed.to_header());
            match self.done(site, request).await {
                Ok(()) => return Ok(()),
                Err(error) => tries.again(error, false).await?,
            };
        }
    }

    /// The request succeeds, or is refused.
    async fn done(&self, site: &Site, request: reqwest::RequestBuilder) -> Result<()> {
        let response = self.answer(site, request, 0).await?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(self.refusal(site, response).await)
        }
    }

    /// The body below a path, at most `limit` bytes, of the first gateway whose bytes pass the check.
    async fn get_small(
        &self,
        path: &str,
        limit: u64,
        check: impl Fn(&Bytes) -> Result<()>,
    ) -> Result<Bytes> {
        let mut tries = self.tries()?;
        loop {
            let got = self.get_once(tries.site()?, path, limit).await;
            match got.and_then(|bytes| check(&bytes).map(|()| bytes)) {
                Ok(bytes) => {
                    tries.answered();
                    return Ok(bytes);
                }
                Err(error) => tries.again(error, false).await?,
            };
        }
    }

    async fn get_once(&self, site: &Site, path: &str, limit: u64) -> Result<Bytes> {
        let request = self.request(site, Method::GET, path);
        let mut response = self.answer(site, request, 0).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(site, response).await);
        }
        let mut pace = Pace::new(self.retry.stall);
        let mut bytes = Vec::new();
        while let Some(more) = self.chunk(site, &mut response).await? {
            if (bytes.len() as u64).saturating_add(more.len() as u64) > limit {
                return Err(Error::TooLarge {
                    what: path.into(),
                    limit,
                });
            }
            bytes.extend_from_slice(&more);
            if !pace.goes_on(more.len() as u64) {
                return Err(broken(site, "it sends too slowly"));
            }
        }
        Ok(bytes.into())
    }

    fn request(&self, site: &Site, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/{path}", site.url))
    }

    /// The head of the answer to a request that sends `bytes`.
    async fn answer(
        &self,
        site: &Site,
        request: reqwest::RequestBuilder,
        bytes: u64,
    ) -> Result<Response> {
        let sending = Duration::from_secs(bytes / LEAST_PACE);
        let patience = self.retry.stall.saturating_add(sending);
        match tokio::time::timeout(patience, request.send()).await {
            Ok(answer) => answer.map_err(|e| broken(site, &chain(&e))),
            Err(_) => Err(broken(site, "no answer comes")),
        }
    }

    /// The next bytes of an answer.
    async fn chunk(&self, site: &Site, response: &mut Response) -> Result<Option<Bytes>> {
        match tokio::time::timeout(self.retry.stall, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|e| broken(site, &chain(&e))),
            Err(_) => Err(broken(site, "it stopped in the middle of an answer")),
        }
    }

    /// The gateway's own words.
    async fn refusal(&self, site: &Site, mut response: Response) -> Error {
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Error::NotFound {
                what: response.url().path().trim_start_matches('/').to_owned(),
                url: site.url.clone(),
            };
        }
        let mut reason = Vec::new();
        while let (Ok(Some(more)), true) = (
            self.chunk(site, &mut response).await,
            reason.len() < MOST_REASON,
        ) {
            reason.extend_from_slice(&more);
        }
        reason.truncate(MOST_REASON);
        let reason: String = String::from_utf8_lossy(&reason)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let reason = match reason.trim() {
            "" if is_transient_status(status.as_u16()) => "try again later".to_owned(),
            "" => "it gives no reason".to_owned(),
            words => words.to_owned(),
        };
        Error::Refused {
            url: site.url.clone(),
            status: status.as_u16(),
            reason,
        }
    }
}

fn broken(site: &Site, reason: &str) -> Error {
    Error::Unreachable {
        url: site.url.clone(),
        reason: reason.into(),
    }
}

/// Whether a connection brings enough to be worth waiting for.
struct Pace {
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    fn new(window: Duration) -> Self {
        Self {
            window,
            since: Instant::now(),
            bytes: 0,
        }
    }

    /// Takes note of bytes; false when a whole window brought too few.
    fn goes_on(&mut self, more: u64) -> bool {
        self.bytes = self.bytes.saturating_add(more);
        if self.since.elapsed() < self.window {
            return true;
        }
        let enough = self.bytes >= self.window.as_secs().saturating_mul(LEAST_PACE);
        *self = Self::new(self.window);
        enough
    }
}

enum Upload {
    Done,
    At(u64),
}

/// The file that a download grows in, held against every other download of the same blob from the same store on this
/// machine: one that sends slowly keeps nobody waiting who has the blob from elsewhere.
struct Partial {
    file: std::fs::File,
    path: PathBuf,
}

impl Partial {
    /// Waits for the lock; `None` if meanwhile another download finished.
    async fn lock(to: &Path, blob: BlobHash, store: &str) -> Result<Option<Self>> {
        // a cache's `trim` takes the name up to its first dot for the blob's
        let path = to.with_file_name(format!("{blob}.{store}.partial"));
        loop {
            if to.is_file() {
                return Ok(None);
            }
            let file = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(Error::file(&path))?;
            match file.try_lock() {
                // The holder before us may have renamed the file that we opened: then it is no longer the partial one.
                Ok(()) if is_at(&file, &path) => return Ok(Some(Self { file, path })),
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(std::fs::TryLockError::Error(e)) => return Err(Error::file(&path)(e)),
            }
        }
    }
}

fn is_at(file: &std::fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Name and size of a file's bytes.
async fn hashed(path: &Path) -> Result<(BlobHash, u64)> {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || BlobHash::of_file(&path)).await;
    hashed.map_err(|e| Error::file("blob")(std::io::Error::other(e)))?
}

/// Begins a download anew.
async fn restart(file: &mut tokio::fs::File, path: &Path, hasher: &mut Hasher) -> Result<()> {
    file.set_len(0).await.map_err(Error::file(path))?;
    file.seek(std::io::SeekFrom::Start(0))
        .await
        .map_err(Error::file(path))?;
    *hasher = Hasher::default();
    Ok(())
}

async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await {
        tracing::warn!(path = %path.display(), %error, "a useless partial download stays on disk");
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// An error with its causes, without the URL that the sentence around it names already.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Gateways;
    use std::sync::Mutex;
    use tokio::net::TcpListener;

    /// A server that answers each connection with the next of these bytes and closes. Collects the requests' heads.
    async fn scripted(answers: Vec<Vec<u8>>) -> (GatewayClient, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.unwrap());
                }
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                socket.write_all(&answer).await.unwrap();
            }
        });
        let retry = Retry {
            tries: 3,
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(5),
            ..Retry::default()
        };
        (GatewayClient::new(&url).unwrap().with_retry(retry), heads)
    }

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        [
            format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").as_bytes(),
            body,
        ]
        .concat()
    }

    #[tokio::test]
    async fn a_broken_download_goes_on_where_it_stopped() {
        let (client, heads) = scripted(vec![
            answer("200 OK\r\ncontent-length: 10", b"0123"),
            answer(
                "206 Partial Content\r\ncontent-length: 6\r\ncontent-range: bytes 4-9/10",
                b"45",
            ),
            answer(
                "206 Partial Content\r\ncontent-length: 4\r\ncontent-range: bytes 6-9/10",
                b"6789",
            ),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("blob");
        let size = client
            .fetch(BlobHash::of(b"0123456789"), 10, &to)
            .await
            .unwrap();
        assert_eq!(size, 10);
        assert_eq!(std::fs::read(&to).unwrap(), b"0123456789");
        let heads = heads.lock().unwrap().clone();
        assert!(!heads[0].contains("range:"));
        assert!(heads[1].contains("range: bytes=4-"));
        assert!(heads[2].contains("range: bytes=6-"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_download_begins_anew_when_what_an_earlier_one_left_is_damaged() {
        let (client, heads) = scripted(vec![
            answer(
                "206 Partial Content\r\ncontent-length: 2\r\ncontent-range: bytes 2-3/4",
                b"de",
            ),
            answer("200 OK\r\ncontent-length: 4", b"lode"),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("blob");
        let blob = BlobHash::of(b"lode");
        let left = format!("{blob}.{}.partial", client.short_name());
        std::fs::write(folder.path().join(left), b"XX").unwrap();
        client.fetch(blob, 4, &to).await.unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"lode");
        assert_eq!(heads.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_file_that_lies_there_is_taken_only_where_it_is_the_blob() {
        let (client, heads) = scripted(vec![answer("200 OK\r\ncontent-length: 4", b"lode")]).await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("stdout");
        std::fs::write(&to, b"of another job").unwrap();
        for _ in 0..2 {
            let size = client.fetch(BlobHash::of(b"lode"), 4, &to).await.unwrap();
            assert_eq!(size, 4);
            assert_eq!(std::fs::read(&to).unwrap(), b"lode");
        }
        assert_eq!(heads.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_store_that_stops_keeps_nobody_from_the_same_blob_of_another() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let slow = GatewayClient::new(&url).unwrap();
        let (good, _) = scripted(vec![answer("200 OK\r\ncontent-length: 4", b"lode")]).await;
        let folder = tempfile::tempdir().unwrap();
        let (blob, to) = (BlobHash::of(b"lode"), folder.path().join("blob"));
        let stuck = {
            let to = to.clone();
            tokio::spawn(async move { slow.fetch(blob, 4, &to).await })
        };
        let (mut socket, _) = listener.accept().await.unwrap();
        let begun = answer("200 OK\r\ncontent-length: 4", b"lo");
        socket.write_all(&begun).await.unwrap();
        let fetched = tokio::time::timeout(Duration::from_secs(5), good.fetch(blob, 4, &to));
        assert_eq!(fetched.await.unwrap().unwrap(), 4);
        assert_eq!(std::fs::read(&to).unwrap(), b"lode");
        stuck.abort();
    }

    #[tokio::test]
    async fn a_gateway_that_holds_its_answer_keeps_nobody_from_the_attestations_of_the_next() {
        // whoever connects is let in by the system, and nobody ever answers
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = format!("http://{}", listener.local_addr().unwrap());
        let attestation = Attestation {
            verdict: 1,
            signature: [7; 64].into(),
        };
        let one = answer("200 OK\r\ncontent-length: 65", &attestation.to_bytes());
        let (good, _) = scripted(vec![one.clone(), one]).await;
        let both = GatewayClient::new(&format!("{dead} {}", good.url())).unwrap();
        let begun = Instant::now();
        for _ in 0..2 {
            let found = both.attestations(&Address::default(), 0, 0).await.unwrap();
            assert_eq!(found, [attestation]);
        }
        // the second time it is not asked
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test]
    async fn wrong_bytes_never_reach_the_file() {
        let (client, _) = scripted(vec![
            answer("200 OK\r\ncontent-length: 4", b"mode"),
            answer("200 OK\r\ncontent-length: 4", b"mode"),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("blob");
        let error = client
            .fetch(BlobHash::of(b"lode"), 4, &to)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::WrongHash { .. }), "{error}");
        let error = client.get(BlobHash::of(b"lode"), 4).await.unwrap_err();
        assert!(matches!(error, Error::WrongHash { .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_body_longer_than_allowed_is_cut_off_declared_or_not() {
        let (client, _) = scripted(vec![
            answer("200 OK\r\ncontent-length: 4", b"lode"),
            answer("200 OK", b"lode"),
            answer("200 OK", b"lode"),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("blob");
        for _ in 0..2 {
            let error = client
                .fetch(BlobHash::of(b"lode"), 3, &to)
                .await
                .unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        }
        let error = client.get(BlobHash::of(b"lode"), 3).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_gateway_that_stays_broken_is_given_up_with_a_sentence() {
        let dead = answer("200 OK\r\ncontent-length: 4", b"");
        let (client, heads) = scripted(vec![dead; 3]).await;
        let folder = tempfile::tempdir().unwrap();
        let error = client
            .fetch(BlobHash::of(b"lode"), 4, &folder.path().join("blob"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("does not answer"), "{error}");
        assert_eq!(heads.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_missing_blob_and_a_refusal_are_not_tried_again() {
        let (client, heads) = scripted(vec![
            answer("404 Not Found\r\ncontent-length: 0", b""),
            answer("403 Forbidden\r\ncontent-length: 4", b"no\x07!"),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("blob");
        let blob = BlobHash::of(b"lode");
        assert!(client.fetch(blob, 4, &to).await.unwrap_err().is_not_found());
        let error = client.fetch(blob, 4, &to).await.unwrap_err();
        assert!(
            error.to_string().ends_with("refuses (403): no !"),
            "{error}"
        );
        assert_eq!(heads.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (client, heads) = scripted(vec![answer(
            "302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0",
            b"",
        )])
        .await;
        let error = client.get(BlobHash::of(b"lode"), 4).await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 302, .. }),
            "{error}"
        );
        assert_eq!(heads.lock().unwrap().len(), 1);
    }

    #[test]
    fn only_http_addresses_are_stores() {
        for wrong in [
            "",
            "ftp://a",
            "file:///etc",
            "a.b",
            "http://a/?x=1",
            "http://a/#x",
        ] {
            assert!(
                matches!(GatewayClient::new(wrong), Err(Error::BadUrl { .. })),
                "{wrong}"
            );
        }
        let gateways = Gateways::default();
        let mut padded = [0; 96];
        let url = b"http://127.0.0.1:8800/";
        padded[..url.len()].copy_from_slice(url);
        let shared = gateways.of(&padded).unwrap();
        assert_eq!(shared.url(), "http://127.0.0.1:8800");
        assert!(matches!(gateways.of(&[0; 96]), Err(Error::BadUrl { .. })));
        let client = GatewayClient::new("http://127.0.0.1:8800/").unwrap();
        assert_eq!(client.url(), "http://127.0.0.1:8800");
    }
}
