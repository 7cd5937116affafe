//! A server between agents and their servers, on loopback, that fails as the world does.
use anyhow::Result;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::Router;
use bytes::Bytes;
use rand::Rng;
use serde_json::Value;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Largest body that is passed on.
const MOST_BYTES: usize = 64 << 20;
/// How often a blockhash is remembered, and how many are.
const REMEMBER: Duration = Duration::from_millis(500);
const REMEMBERED: usize = 120;

/// One of how many requests each thing happens to; 0: to none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// The request gets nowhere.
    pub dropped: u64,
    /// The request gets there, its answer does not come back.
    pub lost: u64,
    /// The answer takes up to two seconds.
    pub delayed: u64,
    /// A question for the latest blockhash is answered with the oldest one that is remembered, up to a minute old.
    pub stale: u64,
}

/// Something that happens to one of every so many requests, and nobody knows to which of them: to each with the same
/// chance, but even a short soak has its share, where independent draws would now and then leave it without any.
#[derive(Debug)]
struct Fault {
    one_of: u64,
    /// How many of the present ones are gone, and which of them is struck.
    present: Mutex<(u64, u64)>,
    happened: AtomicU64,
}

impl Fault {
    fn new(one_of: u64) -> Self {
        Self {
            one_of,
            present: Mutex::default(),
            happened: AtomicU64::new(0),
        }
    }

    /// Whether it happens to this request; counted if so.
    fn strikes(&self) -> bool {
        if self.one_of == 0 {
            return false;
        }
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let (gone, struck) = *present;
        let struck = if gone == 0 {
            rand::thread_rng().gen_range(0..self.one_of)
        } else {
            struck
        };
        *present = ((gone + 1) % self.one_of, struck);
        let strikes = gone == struck;
        if strikes {
            self.count();
        }
        strikes
    }

    fn count(&self) {
        self.happened.fetch_add(1, Ordering::Relaxed);
    }

    fn happened(&self) -> u64 {
        self.happened.load(Ordering::Relaxed)
    }
}

/// How often what failed.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Requests in all.
    pub requests: u64,
    /// See [`Rates::dropped`]; also what came while the server was away.
    pub dropped: u64,
    /// See [`Rates::lost`].
    pub lost: u64,
    /// See [`Rates::delayed`].
    pub delayed: u64,
    /// See [`Rates::stale`].
    pub stale: u64,
}

/// The proxy.
pub struct Proxy {
    target: String,
    client: reqwest::Client,
    away: AtomicBool,
    requests: AtomicU64,
    dropped: Fault,
    lost: Fault,
    delayed: Fault,
    stale: Fault,
    hashes: Mutex<VecDeque<(Instant, Value)>>,
}

impl Proxy {
    /// Starts one before `target`; its URL.
    pub async fn start(
        target: String,
        rates: Rates,
    ) -> Result<(Arc<Self>, String, JoinHandle<()>)> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let proxy = Arc::new(Self {
            target,
            client: reqwest::Client::new(),
            away: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            dropped: Fault::new(rates.dropped),
            lost: Fault::new(rates.lost),
            delayed: Fault::new(rates.delayed),
            stale: Fault::new(rates.stale),
            hashes: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(proxy.clone());
        let serving = tokio::spawn(async move {
            // Ends only with its task.
            let _ = axum::serve(listener, router).await;
        });
        Ok((proxy, url, serving))
    }

    /// The server behind it is away, or back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// What failed so far.
    pub fn faults(&self) -> Faults {
        Faults {
            requests: self.requests.load(Ordering::Relaxed),
            dropped: self.dropped.happened(),
            lost: self.lost.happened(),
            delayed: self.delayed.happened(),
            stale: self.stale.happened(),
        }
    }

    /// Keeps the answer to a question for the latest blockhash; the oldest that is kept.
    fn remember(&self, answer: &Value) -> Option<Value> {
        let mut kept = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.back().is_none_or(|(at, _)| at.elapsed() >= REMEMBER) {
            kept.push_back((Instant::now(), answer.clone()));
        }
        if kept.len() > REMEMBERED {
            kept.pop_front();
        }
        kept.front().map(|(_, answer)| answer.clone())
    }
}

/// An answer whose body breaks off: the connection is gone before anything was said.
fn broken() -> Response {
    let end = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Response::new(Body::from_stream(futures_util::stream::iter([Err::<
        Bytes,
        _,
    >(end)])))
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    proxy.requests.fetch_add(1, Ordering::Relaxed);
    if proxy.away.load(Ordering::Relaxed) {
        proxy.dropped.count();
        return broken();
    }
    if proxy.dropped.strikes() {
        return broken();
    }
    if proxy.delayed.strikes() {
        let millis = rand::thread_rng().gen_range(100..2_000);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let Ok(answer) = forward(&proxy, request).await else {
        return broken();
    };
    if proxy.lost.strikes() {
        return broken();
    }
    answer
}

async fn forward(proxy: &Proxy, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MOST_BYTES).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    for hop in ["host", "connection", "transfer-encoding"] {
        headers.remove(hop);
    }
    let asked = proxy
        .client
        .request(parts.method, format!("{}{path}", proxy.target))
        .headers(headers)
        .body(body.clone())
        .send()
        .await?;
    let mut answer = Response::builder().status(asked.status());
    for (name, value) in asked.headers() {
        // The length is that of what goes out, which for a stale answer is another. HEAD keeps what it was told.
        if !["connection", "transfer-encoding"].contains(&name.as_str()) {
            answer = answer.header(name, value);
        }
    }
    let mut told = asked.bytes().await?;
    if proxy.stale.one_of > 0 && is_hash_question(&body) {
        if let Ok(value) = serde_json::from_slice::<Value>(&told) {
            let oldest = proxy.remember(&value);
            if let Some(mut oldest) = oldest.filter(|_| proxy.stale.strikes()) {
                oldest["id"] = value["id"].clone();
                told = serde_json::to_vec(&oldest)?.into();
                if let Some(headers) = answer.headers_mut() {
                    headers.insert("content-length", told.len().into());
                }
            }
        }
    }
    Ok(answer.body(Body::from(told))?)
}

fn is_hash_question(body: &[u8]) -> bool {
    const NAME: &[u8] = b"getLatestBlockhash";
    body.len() < 1_000 && body.windows(NAME.len()).any(|part| part == NAME)
}
