//! The client of a market's gateway.

use crate::authorization::{unix_now, PutRequest, AUTHORIZATION_SECONDS};
use crate::error::is_transient_status;
use crate::names;
use crate::{Attestation, BlobHash, Error, Hasher, Result, ATTESTATION_BYTES};
use bytes::Bytes;
use reqwest::header::{
    HeaderMap, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use reqwest::{Body, Method, Response, StatusCode};
use solana_address::Address;
use solana_signer::Signer;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection on which nothing arrives for this long counts as broken.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Uploads larger than this first ask how much is already there; smaller ones are just sent.
const SMALL: u64 = 64 * 1024;
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
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 6,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
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
            Self::File(path) => {
                let path = path.clone();
                let hashed = tokio::task::spawn_blocking(move || BlobHash::of_file(&path)).await;
                Ok(hashed
                    .map_err(|e| Error::file("blob")(std::io::Error::other(e)))??
                    .0)
            }
        }
    }

    /// The bytes from `offset` on.
    async fn body(&self, offset: u64) -> Result<Body> {
        match self {
            Self::Bytes(bytes) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                Ok(Body::from(bytes.slice(offset.min(bytes.len())..)))
            }
            Self::File(path) => {
                let open = || async {
                    let mut file = tokio::fs::File::open(path).await?;
                    file.seek(std::io::SeekFrom::Start(offset)).await?;
                    Ok(file)
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

/// Counts tries and waits between them.
struct Tries {
    retry: Retry,
    failed: u32,
}

impl Tries {
    fn new(retry: Retry) -> Self {
        Self { retry, failed: 0 }
    }

    fn progress(&mut self) {
        self.failed = 0;
    }

    /// Waits before the next try, or gives the error back where it is of no use or was the last.
    async fn again(&mut self, error: Error) -> Result<()> {
        self.failed = self.failed.saturating_add(1);
        if !error.is_transient() || self.failed >= self.retry.tries {
            return Err(error);
        }
        let pause = self
            .retry
            .first_pause
            .saturating_mul(1 << (self.failed - 1).min(16))
            .min(self.retry.longest_pause);
        tracing::debug!(%error, tries = self.failed, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// What all clients of gateways share: their connections, and the certificates of this machine, which take longer to read
/// than a blob to fetch.
#[derive(Debug, Default)]
pub struct Gateways(OnceLock<reqwest::Client>);

impl Gateways {
    /// The client of a market's store; `url` as the market's account holds it, zeros behind it.
    ///
    /// # Errors
    /// [`Error::BadUrl`].
    pub fn of(&self, url: &[u8]) -> Result<GatewayClient> {
        let url = String::from_utf8_lossy(url);
        let url = url.trim_end_matches('\0');
        let shared = match self.0.get() {
            Some(http) => http.clone(),
            None => {
                let made = http(url)?;
                self.0.get_or_init(|| made).clone()
            }
        };
        GatewayClient::with(shared, url)
    }
}

fn http(url: &str) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // A gateway answers itself: following it elsewhere would let it send us where it likes.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("lode/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Error::BadUrl {
            url: url.chars().take(200).collect(),
            reason: chain(&e),
        })
}

/// A client of one gateway. Cheap to clone. Every call may be cancelled by dropping it: a download keeps what it has
/// for the next one, an upload leaves at the gateway what arrived. A call takes as long as the gateway goes on sending;
/// whoever has a deadline puts `tokio::time::timeout` around it.
#[derive(Clone, Debug)]
pub struct GatewayClient {
    http: reqwest::Client,
    url: String,
    retry: Retry,
}

impl GatewayClient {
    /// A client of the gateway at `url`, as a market names it. Whoever asks several gateways, or one again and again,
    /// has them from [`Gateways`].
    pub fn new(url: &str) -> Result<Self> {
        Self::with(http(url)?, url)
    }

    fn with(http: reqwest::Client, url: &str) -> Result<Self> {
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
            http,
            url: trimmed.into(),
            retry: Retry::default(),
        })
    }

    /// Sets how often broken exchanges are tried again.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The gateway's URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Size of a blob, or `None` where the store lacks it.
    pub async fn size(&self, blob: BlobHash) -> Result<Option<u64>> {
        let mut tries = Tries::new(self.retry);
        loop {
            let answer = self
                .answer(self.request(Method::HEAD, &names::blob(&blob)))
                .await;
            match answer {
                Ok(response) if response.status() == StatusCode::NOT_FOUND => return Ok(None),
                Ok(response) if response.status().is_success() => {
                    // of a HEAD only the header tells; the body's own length is 0
                    return number(response.headers(), CONTENT_LENGTH.as_str())
                        .map(Some)
                        .ok_or_else(|| self.broken("it does not say how large the blob is"));
                }
                Ok(response) => tries.again(self.refusal(response).await).await?,
                Err(error) => tries.again(error).await?,
            }
        }
    }

    /// A blob of at most `limit` bytes, in memory, its hash checked.
    pub async fn get(&self, blob: BlobHash, limit: u64) -> Result<Bytes> {
        let bytes = self.get_small(&names::blob(&blob), limit).await?;
        let found = BlobHash::of(&bytes);
        if found != blob {
            return Err(Error::WrongHash {
                expected: blob,
                found,
            });
        }
        Ok(bytes)
    }

    /// Fetches a blob of at most `limit` bytes into the file `to`, which appears only when it is whole and its hash
    /// is right. What a broken or cancelled call left in `<to>.partial` is used. Returns the size.
    pub async fn fetch(&self, blob: BlobHash, limit: u64, to: &Path) -> Result<u64> {
        let Some(partial) = Partial::lock(to).await? else {
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
        let mut resumed = hasher.bytes() > 0;
        let mut tries = Tries::new(self.retry);
        loop {
            let before = hasher.bytes();
            match self
                .download(blob, limit, &mut file, &path, &mut hasher)
                .await
            {
                Ok(()) => {
                    let found = hasher.name();
                    if found == blob {
                        break;
                    }
                    restart(&mut file, &path, &mut hasher).await?;
                    // What an earlier call left may have been damaged: only bytes of one go convict the store.
                    if !std::mem::take(&mut resumed) {
                        remove(&path).await;
                        return Err(Error::WrongHash {
                            expected: blob,
                            found,
                        });
                    }
                }
                Err(error @ Error::TooLarge { .. }) => {
                    remove(&path).await;
                    return Err(error);
                }
                Err(error) => {
                    if hasher.bytes() > before {
                        tries.progress();
                    }
                    tries.again(error).await?;
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
        let mut request = self.request(Method::GET, &names::blob(&blob));
        if hasher.bytes() > 0 {
            request = request.header(RANGE, format!("bytes={}-", hasher.bytes()));
        }
        let mut response = self.answer(request).await?;
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
                    return Err(self.broken("it sends another part than the one asked for"));
                }
            }
            // There is nothing behind what we have: it is the whole blob, or it is wrong, which its hash tells.
            StatusCode::RANGE_NOT_SATISFIABLE if hasher.bytes() > 0 => return Ok(()),
            _ => return Err(self.refusal(response).await),
        }
        if let Some(rest) = response.content_length() {
            if hasher.bytes().saturating_add(rest) > limit {
                return Err(too_large());
            }
        }
        let received = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => {
                    if hasher.bytes().saturating_add(bytes.len() as u64) > limit {
                        return Err(too_large());
                    }
                    file.write_all(&bytes).await.map_err(Error::file(path))?;
                    hasher.update(&bytes);
                }
                Ok(None) => break Ok(()),
                Err(e) => break Err(self.broken(&chain(&e))),
            }
        };
        file.flush().await.map_err(Error::file(path))?;
        received
    }

    /// Puts a blob and returns its name. Bytes that reached the gateway before a connection broke are not sent again;
    /// a blob that is there already is not sent at all.
    pub async fn put(&self, writer: &Writer<'_>, source: impl Into<Source>) -> Result<BlobHash> {
        let source = source.into();
        let size = source.size().await?;
        let blob = source.name().await?;
        let mut tries = Tries::new(self.retry);
        let mut offset = (size <= SMALL).then_some(0);
        let mut furthest = 0;
        loop {
            let answer = match offset {
                Some(from) => self.send(writer, blob, &source, from, size).await,
                None => self.ask_offset(writer, blob, size).await,
            };
            let error = match answer {
                Ok(Upload::Done) => return Ok(blob),
                Ok(Upload::At(there)) if there < size => {
                    if there > furthest {
                        furthest = there;
                        tries.progress();
                    }
                    if offset.is_none() {
                        offset = Some(there);
                        continue;
                    }
                    self.broken("it took only a part of the blob")
                }
                Ok(Upload::At(_)) => self.broken("it has every byte but not the blob"),
                Err(error) => error,
            };
            tries.again(error).await?;
            offset = None;
        }
    }

    /// Sends the bytes from `from` on.
    async fn send(
        &self,
        writer: &Writer<'_>,
        blob: BlobHash,
        source: &Source,
        from: u64,
        size: u64,
    ) -> Result<Upload> {
        let mut request = self
            .put_request(writer, blob)?
            .header(CONTENT_LENGTH, size.saturating_sub(from))
            .body(source.body(from).await?);
        if from > 0 {
            let last = size.saturating_sub(1);
            request = request.header(CONTENT_RANGE, format!("bytes {from}-{last}/{size}"));
        }
        self.uploaded(self.answer(request).await?).await
    }

    /// Asks how many bytes of an upload the gateway has.
    async fn ask_offset(&self, writer: &Writer<'_>, blob: BlobHash, size: u64) -> Result<Upload> {
        let request = self
            .put_request(writer, blob)?
            .header(CONTENT_LENGTH, 0)
            .header(CONTENT_RANGE, format!("bytes */{size}"));
        self.uploaded(self.answer(request).await?).await
    }

    fn put_request(&self, writer: &Writer<'_>, blob: BlobHash) -> Result<reqwest::RequestBuilder> {
        let signed = PutRequest {
            url: &self.url,
            job: writer.job,
            attempt: writer.attempt,
            blob,
            expires: unix_now().saturating_add(AUTHORIZATION_SECONDS),
        }
        .sign(writer.signer)?;
        Ok(self
            .request(Method::PUT, &names::blob(&blob))
            .header(AUTHORIZATION, signed.to_header())
            .header(CONTENT_TYPE, "application/octet-stream"))
    }

    /// What the answer to a PUT means: done, or this many bytes are there.
    async fn uploaded(&self, response: Response) -> Result<Upload> {
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
                    .ok_or_else(|| self.broken("it does not say how much it has"))
            }
            _ => Err(self.refusal(response).await),
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
        match self.get_small(&path, ATTESTATION_BYTES as u64).await {
            Ok(bytes) => Attestation::from_bytes(&bytes).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a seat's attestation of an attempt. Its own signature is all the authority it needs.
    pub async fn put_attestation(
        &self,
        job: &Address,
        attempt: u8,
        seat: u8,
        attestation: &Attestation,
    ) -> Result<()> {
        let path = names::attestation(job, attempt, seat);
        let mut tries = Tries::new(self.retry);
        loop {
            let request = self
                .request(Method::PUT, &path)
                .body(attestation.to_bytes().to_vec());
            let error = match self.answer(request).await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => self.refusal(response).await,
                Err(error) => error,
            };
            tries.again(error).await?;
        }
    }

    /// The body below a path, at most `limit` bytes.
    async fn get_small(&self, path: &str, limit: u64) -> Result<Bytes> {
        let mut tries = Tries::new(self.retry);
        loop {
            match self.get_once(path, limit).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    async fn get_once(&self, path: &str, limit: u64) -> Result<Bytes> {
        let mut response = self.answer(self.request(Method::GET, path)).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response).await);
        }
        let mut bytes = Vec::new();
        while let Some(more) = response
            .chunk()
            .await
            .map_err(|e| self.broken(&chain(&e)))?
        {
            if (bytes.len() as u64).saturating_add(more.len() as u64) > limit {
                return Err(Error::TooLarge {
                    what: path.into(),
                    limit,
                });
            }
            bytes.extend_from_slice(&more);
        }
        Ok(bytes.into())
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.url))
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Response> {
        request.send().await.map_err(|e| self.broken(&chain(&e)))
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Unreachable {
            url: self.url.clone(),
            reason: reason.into(),
        }
    }

    /// The gateway's own words.
    async fn refusal(&self, mut response: Response) -> Error {
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Error::NotFound {
                what: response.url().path().trim_start_matches('/').to_owned(),
                url: self.url.clone(),
            };
        }
        let mut reason = Vec::new();
        while let (Ok(Some(more)), true) = (response.chunk().await, reason.len() < MOST_REASON) {
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
            url: self.url.clone(),
            status: status.as_u16(),
            reason,
        }
    }
}

enum Upload {
    Done,
    At(u64),
}

/// The file that a download grows in, held against every other download of the same blob on this machine.
struct Partial {
    file: std::fs::File,
    path: PathBuf,
}

impl Partial {
    /// Waits for the lock; `None` if meanwhile another download finished.
    async fn lock(to: &Path) -> Result<Option<Self>> {
        let mut path = to.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
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
fn chain(error: &dyn std::error::Error) -> String {
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
    use std::sync::{Arc, Mutex};
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
        std::fs::write(folder.path().join("blob.partial"), b"XX").unwrap();
        client.fetch(BlobHash::of(b"lode"), 4, &to).await.unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"lode");
        assert_eq!(heads.lock().unwrap().len(), 2);
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
