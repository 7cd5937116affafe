//! Several servers of one cluster: what one does not answer, the next is asked.
//!
//! Only failures of the way to a server count, not its answers: a refused transaction is refused by all. But an answer
//! tells how old it is, and one of a server that stands still is no better than none. A signed transaction may go to
//! several servers; the chain takes it once.
use crate::error::reason;
use crate::server_name;
use solana_client::client_error::{
    ClientError as RequestError, ClientErrorKind as ErrorKind, Result,
};
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_client::rpc_request::{RpcError, RpcRequest};
use solana_client::rpc_sender::{RpcSender, RpcTransportStats};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long another server than the first is asked before the first is tried again.
const RETURN: Duration = Duration::from_secs(60);
/// A chain goes on more than twice a second: who tells nothing newer for so long stands still.
const STILL: Duration = Duration::from_secs(30);
/// Slots behind another server from which on nothing is believed: Solana's own servers call themselves unwell there.
const BEHIND: u64 = 128;
/// Errors of a server that says of itself that it is not well, or is behind.
const UNWELL: [i64; 3] = [-32_005, -32_014, -32_016];

/// The servers, the preferred one first.
pub(crate) struct FailOver {
    servers: Vec<RpcClient>,
    /// How long a server is waited for where another can be asked.
    patience: Duration,
    /// Which is asked first now.
    current: AtomicUsize,
    left: Mutex<Option<Instant>>,
    /// The newest slot that any of them told, and when.
    newest: Mutex<Option<(u64, Instant)>>,
}

impl FailOver {
    pub(crate) fn new(servers: Vec<RpcClient>, patience: Duration) -> Self {
        Self {
            servers,
            patience,
            current: AtomicUsize::new(0),
            left: Mutex::new(None),
            newest: Mutex::new(None),
        }
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, Option<(u64, Instant)>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a server that tells this slot keeps up: with time, and with the others.
    fn keeps_up(&self, slot: u64, now: Instant) -> bool {
        let mut newest = self.newest();
        let before = *newest;
        match before {
            Some((known, at)) if slot <= known => {
                known.saturating_sub(slot) <= BEHIND && now.duration_since(at) < STILL
            }
            _ => {
                *newest = Some((slot, now));
                true
            }
        }
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the next request begins.
    fn first(&self, now: Instant) -> usize {
        let mut left = self.left();
        if left.is_some_and(|at| now.duration_since(at) >= RETURN) {
            *left = None;
            self.current.store(0, Ordering::Relaxed);
        }
        self.current.load(Ordering::Relaxed)
    }

    fn prefer(&self, number: usize, now: Instant) {
        self.current.store(number, Ordering::Relaxed);
        *self.left() = (number != 0).then_some(now);
    }

    /// Where a request began at `first` and `number` had the answer, that one is asked from now on.
    fn stay_with(&self, number: usize, first: usize, now: Instant) {
        let Some(server) = self.servers.get(number).filter(|_| number != first) else {
            return;
        };
        let server = server_name(&server.url());
        tracing::warn!(server, "another RPC server is asked from now on");
        self.prefer(number, now);
    }

    /// What one server answers.
    async fn answer(
        &self,
        server: &RpcClient,
        request: RpcRequest,
        params: serde_json::Value,
    ) -> Result<serde_json::Value> {
        let answer = server.send::<serde_json::Value>(request, params);
        if self.servers.len() < 2 {
            return answer.await;
        }
        // Of a server that it asks too often the client underneath waits out every pause, minutes in all.
        let answer = tokio::time::timeout(self.patience, answer).await;
        answer.unwrap_or_else(|_| {
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long");
            Err(RequestError::from(late))
        })
    }

    async fn ask(
        &self,
        request: RpcRequest,
        params: serde_json::Value,
        now: Instant,
    ) -> Result<serde_json::Value> {
        let (first, count) = (self.first(now), self.servers.len());
        let mut last = None;
        // The newest answer of those that do not keep up: its server, its slot and itself.
        let mut stale: Option<(usize, u64, serde_json::Value)> = None;
        for number in (first..count).chain(0..first) {
            let Some(server) = self.servers.get(number) else {
                continue;
            };
            let name = || server_name(&server.url());
            match self.answer(server, request, params.clone()).await {
                Err(error) if is_of_the_way(error.kind()) => {
                    // The caller tells of the only one himself.
                    if count > 1 {
                        let error = reason(error.kind());
                        tracing::warn!(server = name(), error, "the RPC server does not answer");
                    }
                    last = Some(error);
                }
                Err(error) => {
                    self.stay_with(number, first, now);
                    return Err(error);
                }
                Ok(value) => {
                    // Who is alone is believed: there is nobody to be asked instead.
                    let slot = slot_of(request, &value).filter(|_| count > 1);
                    let Some(slot) = slot.filter(|slot| !self.keeps_up(*slot, now)) else {
                        self.stay_with(number, first, now);
                        return Ok(value);
                    };
                    tracing::warn!(server = name(), slot, "the RPC server does not go on");
                    if stale.as_ref().is_none_or(|(_, best, _)| slot > *best) {
                        stale = Some((number, slot, value));
                    }
                }
            }
        }
        if let Some((number, slot, value)) = stale {
            // Nobody has anything newer: the chain itself stands still, or began anew.
            *self.newest() = Some((slot, now));
            self.stay_with(number, first, now);
            return Ok(value);
        }
        Err(last.unwrap_or_else(|| {
            RequestError::from(ErrorKind::Custom("there is no server to ask".into()))
        }))
    }
}

/// The slot that an answer is of, where it tells.
fn slot_of(request: RpcRequest, answer: &serde_json::Value) -> Option<u64> {
    match request {
        RpcRequest::GetSlot => answer.as_u64(),
        _ => answer.pointer("/context/slot")?.as_u64(),
    }
}

/// Whether a failure says that this server cannot be asked now, and nothing about the request.
fn is_of_the_way(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Io(_) | ErrorKind::Middleware(_) => true,
        // without a status there was no answer; 4xx is an answer, but that one is asked too often, or has no key
        ErrorKind::Reqwest(error) => error.status().is_none_or(|status| {
            status.is_server_error() || [401, 403, 429].contains(&status.as_u16())
        }),
        ErrorKind::RpcError(RpcError::RpcResponseError { code, .. }) => UNWELL.contains(code),
        _ => false,
    }
}

impl RpcSender for FailOver {
    fn send<'a, 'b>(
        &'a self,
        request: RpcRequest,
        params: serde_json::Value,
    ) -> Pin<Box<dyn Future<Output = Result<serde_json::Value>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.ask(request, params, Instant::now()))
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        let mut all = RpcTransportStats::default();
        for server in &self.servers {
            let one = server.get_transport_stats();
            all.request_count += one.request_count;
            all.elapsed_time += one.elapsed_time;
            all.rate_limited_time += one.rate_limited_time;
        }
        all
    }

    /// All of them: it is for sentences.
    fn url(&self) -> String {
        let servers = self.servers.iter();
        let names: Vec<String> = servers.map(|s| server_name(&s.url())).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Client, Error};
    use serde_json::{json, Value};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::AtomicBool;
    use std::sync::Arc;

    /// A server that answers every request with a status and a body, while it is up.
    struct Server {
        url: String,
        up: Arc<AtomicBool>,
        asked: Arc<AtomicUsize>,
    }

    fn server(status: &'static str, body: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (up, asked) = (
            Arc::new(AtomicBool::new(true)),
            Arc::<AtomicUsize>::default(),
        );
        let (is_up, count) = (up.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                if !is_up.load(Ordering::Relaxed) {
                    continue;
                }
                let _ = stream.read(&mut [0; 4_096]);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Server { url, up, asked }
    }

    fn slot(of: &'static str) -> Server {
        server("200 OK", of)
    }

    const SEVEN: &str = r#"{"jsonrpc":"2.0","id":0,"result":7}"#;
    const EIGHT: &str = r#"{"jsonrpc":"2.0","id":0,"result":8}"#;
    const THOUSAND: &str = r#"{"jsonrpc":"2.0","id":0,"result":1000}"#;

    fn client(servers: &[&Server]) -> Client {
        Client::of_servers(servers.iter().map(|s| s.url.clone()), Default::default())
    }

    #[tokio::test]
    async fn what_the_first_server_does_not_answer_the_second_does_and_stays_in_use() {
        let (first, second) = (slot(SEVEN), slot(EIGHT));
        let client = client(&[&first, &second]);
        assert_eq!(client.slot().await.unwrap(), 7);
        first.up.store(false, Ordering::Relaxed);
        assert_eq!(client.slot().await.unwrap(), 8);
        let asked = first.asked.load(Ordering::Relaxed);
        assert_eq!(client.slot().await.unwrap(), 8);
        assert_eq!(first.asked.load(Ordering::Relaxed), asked);
        // and back, when that one fails
        first.up.store(true, Ordering::Relaxed);
        second.up.store(false, Ordering::Relaxed);
        assert_eq!(client.slot().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn servers_that_are_broken_or_behind_are_passed_over() {
        let behind = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"Node is behind by 42 slots"}}"#;
        for bad in [server("502 Bad Gateway", ""), slot(behind)] {
            let good = slot(EIGHT);
            assert_eq!(client(&[&bad, &good]).slot().await.unwrap(), 8);
        }
    }

    fn fail_over(servers: &[&Server], patience: Duration) -> FailOver {
        let servers = servers
            .iter()
            .map(|server| RpcClient::new(server.url.clone()));
        FailOver::new(servers.collect(), patience)
    }

    async fn slot_at(over: &FailOver, at: Instant) -> Value {
        over.ask(RpcRequest::GetSlot, Value::Null, at)
            .await
            .unwrap()
    }

    fn count(server: &Server) -> usize {
        server.asked.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_server_that_stands_still_is_left_and_not_believed_when_it_is_tried_again() {
        let (first, second) = (slot(SEVEN), slot(THOUSAND));
        let over = fail_over(&[&first, &second], crate::IMPATIENT);
        let begun = Instant::now();
        assert_eq!(slot_at(&over, begun).await, json!(7));
        assert_eq!(slot_at(&over, begun + STILL / 2).await, json!(7));
        assert_eq!(count(&second), 0);
        assert_eq!(slot_at(&over, begun + STILL).await, json!(1_000));
        let asked = count(&first);
        assert_eq!(slot_at(&over, begun + STILL * 3 / 2).await, json!(1_000));
        assert_eq!(count(&first), asked);
        // what it says is older than what is known
        assert_eq!(slot_at(&over, begun + STILL + RETURN).await, json!(1_000));
        assert_eq!(count(&first), asked + 1);
    }

    #[tokio::test]
    async fn a_server_that_is_far_behind_another_is_passed_over() {
        let (first, second) = (slot(SEVEN), slot(THOUSAND));
        let over = fail_over(&[&first, &second], crate::IMPATIENT);
        let begun = Instant::now();
        over.prefer(1, begun);
        assert_eq!(slot_at(&over, begun).await, json!(1_000));
        // the first is tried again just after somebody told something newer
        *over.newest() = Some((1_000, begun + RETURN));
        assert_eq!(slot_at(&over, begun + RETURN).await, json!(1_000));
        assert_eq!(count(&first), 1);
    }

    #[tokio::test]
    async fn where_no_server_goes_on_they_are_believed() {
        let (first, second) = (slot(EIGHT), slot(SEVEN));
        let over = fail_over(&[&first, &second], crate::IMPATIENT);
        let begun = Instant::now();
        assert_eq!(slot_at(&over, begun).await, json!(8));
        assert_eq!(slot_at(&over, begun + STILL).await, json!(8));
        assert_eq!(count(&second), 1);
        // and not all are asked every time
        assert_eq!(slot_at(&over, begun + STILL * 3 / 2).await, json!(8));
        assert_eq!(count(&second), 1);
        // who is alone is not left
        let alone = fail_over(&[&first], crate::IMPATIENT);
        for at in [begun, begun + STILL] {
            assert_eq!(slot_at(&alone, at).await, json!(8));
        }
    }

    #[test]
    fn an_answer_tells_its_slot() {
        let told = json!({"context": {"slot": 7}, "value": [null]});
        assert_eq!(slot_of(RpcRequest::GetMultipleAccounts, &told), Some(7));
        assert_eq!(slot_of(RpcRequest::GetSlot, &json!(7)), Some(7));
        assert_eq!(slot_of(RpcRequest::GetBlockHeight, &json!(7)), None);
        assert_eq!(slot_of(RpcRequest::GetProgramAccounts, &json!([])), None);
    }

    #[tokio::test]
    async fn a_server_that_asks_for_patience_keeps_no_request() {
        let limited = server("429 Too Many Requests\r\nretry-after: 60", "");
        let good = slot(EIGHT);
        let over = fail_over(&[&limited, &good], Duration::from_secs(3));
        let asked = slot_at(&over, Instant::now());
        let answer = tokio::time::timeout(Duration::from_secs(30), asked).await;
        assert_eq!(answer.unwrap(), json!(8));
        assert_eq!(count(&limited), 1);
    }

    #[tokio::test]
    async fn an_answer_is_an_answer_also_where_it_is_a_refusal() {
        let refused =
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"Invalid params"}}"#;
        let (first, second) = (slot(refused), slot(EIGHT));
        let error = client(&[&first, &second]).slot().await.unwrap_err();
        assert!(error.to_string().contains("Invalid params"), "{error}");
        assert_eq!(second.asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn where_none_answers_all_are_named() {
        let (first, second) = (slot(SEVEN), slot(EIGHT));
        for server in [&first, &second] {
            server.up.store(false, Ordering::Relaxed);
        }
        let error = client(&[&first, &second]).slot().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        let said = error.to_string();
        assert!(
            said.contains(&first.url) && said.contains(&second.url),
            "{said}"
        );
    }

    /// What is logged while it is in scope.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_key_in_the_address_of_a_server_is_never_told() {
        let log = Log::default();
        let writer = log.clone();
        let logged = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(logged);
        let down = slot(SEVEN);
        down.up.store(false, Ordering::Relaxed);
        let refused =
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"Invalid params"}}"#;
        let loops = "302 Found\r\nlocation: /SECRET?api-key=SECRET";
        for bad in [
            down,
            server("502 Bad Gateway", ""),
            server("200 OK", "a page"),
            server("200 OK", refused),
            server(loops, ""),
        ] {
            let at = bad.url.replace("http://", "http://SECRET:SECRET@");
            let keyed = format!("{at}/SECRET?api-key=SECRET");
            let one = Client::new(&keyed);
            let two = Client::of_servers([keyed.clone(), keyed], Default::default());
            for client in [one, two] {
                let error = client.slot().await.unwrap_err();
                let said = format!("{error} {error:?} {client:?} {}", client.url());
                assert!(said.contains(&bad.url), "{said}");
                assert!(!said.contains("SECRET"), "{said}");
            }
        }
        let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(logged.contains("does not answer"), "{logged}");
        assert!(!logged.contains("SECRET"), "{logged}");
    }

    #[test]
    fn what_is_no_url_is_not_told_either() {
        let names = ["https://rpc.example/v2/KEY", "rpc.example/v2/KEY", "KEY"].map(server_name);
        assert_eq!(names[0], "https://rpc.example");
        assert!(names.iter().all(|name| !name.contains("KEY")), "{names:?}");
    }

    #[test]
    fn the_first_server_is_tried_again_after_a_while() {
        let servers = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
        let servers = servers.map(|s| RpcClient::new(s.into()));
        let over = FailOver::new(servers.into(), crate::IMPATIENT);
        let now = Instant::now();
        over.prefer(1, now);
        assert_eq!(over.first(now), 1);
        assert_eq!(over.first(now + RETURN / 2), 1);
        assert_eq!(over.first(now + RETURN), 0);
    }
}
