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

/// How often what fails, of 1 000 requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// The request gets nowhere.
    pub dropped: u32,
    /// The request gets there, its answer does not come back.
    pub lost: u32,
    /// The answer takes up to two seconds.
    pub delayed: u32,
    /// A question for the latest blockhash is answered with the oldest one that is remembered, up to a minute old.
    pub stale: u32,
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

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
    delayed: AtomicU64,
    stale: AtomicU64,
}

/// The proxy.
pub struct Proxy {
    target: String,
    rates: Rates,
    client: reqwest::Client,
    away: AtomicBool,
    counters: Counters,
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
            rates,
            client: reqwest::Client::new(),
            away: AtomicBool::new(false),
            counters: Counters::default(),
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
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Faults {
            requests: read(&self.counters.requests),
            dropped: read(&self.counters.dropped),
            lost: read(&self.counters.lost),
            delayed: read(&self.counters.delayed),
            stale: read(&self.counters.stale),
        }
    }

    fn chance(&self, of_thousand: u32) -> bool {
        of_thousand > 0 && rand::thread_rng().gen_range(0..1_000) < of_thousand
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

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
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
    count(&proxy.counters.requests);
    if proxy.away.load(Ordering::Relaxed) || proxy.chance(proxy.rates.dropped) {
        count(&proxy.counters.dropped);
        return broken();
    }
    if proxy.chance(proxy.rates.delayed) {
        count(&proxy.counters.delayed);
        let millis = rand::thread_rng().gen_range(100..2_000);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let Ok(answer) = forward(&proxy, request).await else {
        return broken();
    };
    if proxy.chance(proxy.rates.lost) {
        count(&proxy.counters.lost);
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
    if proxy.rates.stale > 0 && is_hash_question(&body) {
        if let Ok(value) = serde_json::from_slice::<Value>(&told) {
            let oldest = proxy.remember(&value);
            if let Some(mut oldest) = oldest.filter(|_| proxy.chance(proxy.rates.stale)) {
                count(&proxy.counters.stale);
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
